// What passes between a worker's event loop and its inference thread. Names or transferred bytes go in,
// numbers come back: no picture and no tensor is ever copied between the two.
import { z } from 'zod';
import type { ErrorCode } from '../../errors.js';
import type { Box } from '../images/frame.js';
import { modelOverridesSchema, type Model } from '../models/model-spec.js';

/** Where the bytes of an image are. */
export type ImageSource =
  /** `name` inside `folder`, which is an absolute real path. */
  | { readonly type: 'file'; readonly folder: string; readonly name: string }
  | { readonly type: 'bytes'; readonly bytes: Uint8Array<ArrayBuffer> };

/** The thread's `workerData`. */
export const threadOptionsSchema = z.object({
  modelPath: z.string(),
  /** Finds the pear for the classifier at `modelPath`; null: that model judges alone. */
  preprocessorPath: z.string().nullable(),
  overrides: modelOverridesSchema,
  maxImageBytes: z.int().positive(),
  maxImagePixels: z.int().positive(),
  /** Longest time for decoding one image. */
  decodeTimeoutMs: z.int().positive(),
});
export type ThreadOptions = Readonly<z.output<typeof threadOptionsSchema>>;

export type ToThread =
  { readonly type: 'image'; readonly id: number; readonly source: ImageSource } | { readonly type: 'close' };

export interface Detection {
  readonly classIndex: number;
  /** 0 to 1. */
  readonly confidence: number;
  /** Pixels of the upright image; null: the whole image was judged. */
  readonly box: Box | null;
}

export type FromThread =
  | { readonly type: 'loaded'; readonly model: Model }
  /** The model cannot serve; the thread has ended. */
  | { readonly type: 'failed'; readonly problem: string; readonly cure: string }
  | {
      readonly type: 'detected';
      readonly id: number;
      /** Best first. */
      readonly detections: readonly Detection[];
      readonly decodeMs: number;
      readonly inferenceMs: number;
    }
  | {
      readonly type: 'refused';
      readonly id: number;
      readonly code: ErrorCode;
      readonly message: string;
      /** For the log only. */
      readonly reason: string;
    };
