// Every message about shared images: between two workers, over a socket of their own, and between a worker and the
// primary, which only says who helps whom.
import { z } from 'zod';
import { threadAnswerSchema } from '../../detector/inference/thread-answer.js';

/** From the worker that helps to the one whose images wait. */
export const toLenderSchema = z.discriminatedUnion('type', [
  /** It has room for one image, which its model, known by its fingerprint, may judge. */
  z.object({ type: z.literal('pull'), model: z.string() }),
  z.object({ type: z.literal('answer'), id: z.int(), answer: threadAnswerSchema }),
  /** It cannot judge the image after all. */
  z.object({ type: z.literal('back'), id: z.int() }),
  /** It lives. */
  z.object({ type: z.literal('pong') }),
]);
export type ToLender = Readonly<z.output<typeof toLenderSchema>>;

/** From the worker whose images wait to the one that helps: one for each `pull`, in order, and `ping`. */
export const toHelperSchema = z.discriminatedUnion('type', [
  /** An image: a name inside a folder, or null where its bytes come along. */
  z.object({
    type: z.literal('image'),
    id: z.int(),
    file: z.object({ folder: z.string(), name: z.string() }).nullable(),
  }),
  /** Nothing waits any more; this ends what was announced to the primary under the number. */
  z.object({ type: z.literal('none'), announcement: z.int() }),
  /** It has images and has not been heard of for a while: say something. */
  z.object({ type: z.literal('ping') }),
]);
export type ToHelper = Readonly<z.output<typeof toHelperSchema>>;

/** From a worker to the primary. */
export const sharingNewsSchema = z.discriminatedUnion('news', [
  /** Images wait here; later announcements have higher numbers. */
  z.object({ news: z.literal('images wait'), announcement: z.int() }),
  /**
   * It helps nobody (any more), and could (`free`) or could not. `dry`: the one it helped had nothing left, which ends
   * that one's announcement.
   */
  z.object({
    news: z.literal('helps nobody'),
    free: z.boolean(),
    dry: z.object({ workerId: z.string(), announcement: z.int() }).nullable(),
  }),
]);
export type SharingNews = Readonly<z.output<typeof sharingNewsSchema>>;
