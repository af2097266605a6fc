// What passes between a worker's event loop and its inference thread. Names go in, or bytes that the two share or that are
// transferred, and numbers come back: no picture and no tensor is ever copied between the two.
import { z } from 'zod';
import type { Model } from '../models/model-spec.js';
import { judgeOptionsSchema } from './judge-options.js';
import type { ThreadAnswer } from './thread-answer.js';

/** Longest time for reading one image: a share that is gone may never answer. */
export const readTimeoutMs = 5_000;

/** Where the bytes of an image are. */
export type ImageSource =
  /** `name` inside `folder`, which is an absolute real path. */
  | { readonly type: 'file'; readonly folder: string; readonly name: string }
  | { readonly type: 'bytes'; readonly bytes: Uint8Array };

/** The thread's `workerData`. */
export const threadOptionsSchema = judgeOptionsSchema.extend({
  maxImageBytes: z.int().positive(),
  maxImagePixels: z.int().positive(),
  /** Longest time for decoding one image. */
  decodeTimeoutMs: z.int().positive(),
});

export interface ThreadOptions extends Readonly<z.output<typeof threadOptionsSchema>> {
  /**
   * How much nicer than the event loop the thread is while it judges; it loads further behind (thread-priority.ts). An
   * argument of the thread, since it counts before the thread can read anything else.
   */
  readonly niceness: number;
}

export type ToThread =
  { readonly type: 'image'; readonly id: number; readonly source: ImageSource } | { readonly type: 'close' };

export type FromThread =
  /** It loads behind those that judge: `thread` is its number in the system, `judging` the niceness that it will have. */
  | { readonly type: 'loading'; readonly thread: number; readonly judging: number }
  | { readonly type: 'loaded'; readonly model: Model }
  /** The model cannot serve; the thread has ended. */
  | { readonly type: 'failed'; readonly problem: string; readonly cure: string }
  | { readonly type: 'answer'; readonly id: number; readonly answer: ThreadAnswer };
