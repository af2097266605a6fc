// A photo, what it is said to show, and what the server has said.
import type { ClassifiedImage } from '../../client/pear-client.js';
import type { Box } from '../../detector/images/frame.js';
import type { Label } from './labels/label.js';

export interface Detection {
  readonly className: string;
  readonly confidence: number;
  readonly box: Box;
}

export interface Verdict {
  readonly type: 'verdict';
  /** The class as it is compared; `no pear` where there is none. */
  readonly said: string;
  /** null: no pear, which has none. */
  readonly confidence: number | null;
  /** Those with a box, the best first. */
  readonly detections: readonly Detection[];
  readonly model: string;
  readonly timingMs: ClassifiedImage['timing_ms'];
  /** From the first byte that was sent to the reply. */
  readonly clientMs: number;
}

export interface Failed {
  readonly type: 'failed';
  readonly reason: string;
}

export interface Judged {
  readonly photo: Label;
  readonly outcome: Verdict | Failed;
}

/** null: nobody has said what the photo shows. */
export function isRight({ photo, outcome }: Judged): boolean | null {
  if (photo.label === undefined) return null;
  return outcome.type === 'verdict' && outcome.said === photo.label;
}
