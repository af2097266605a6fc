// What somebody says that a photo shows, whatever file it was said in.
import type { Box } from '../../../detector/images/frame.js';

export interface Label {
  /** Relative to the folder of the photos, with `/` between. */
  readonly name: string;
  /** A class; undefined: nobody has said. */
  readonly label: string | undefined;
  /** Boxes of pears in pixels of the upright picture; undefined: nobody has said. */
  readonly boxes: readonly Box[] | undefined;
  /** Where it stands, such as `labels.csv, line 7`, for messages: only then it is worth looking for. */
  readonly origin: () => string;
}
