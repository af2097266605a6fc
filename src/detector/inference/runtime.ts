// How ONNX Runtime uses the machine. Apart from engine.ts, so that it can be said without loading the library.
import { z } from 'zod';

export const runtimeSchema = z.object({
  /** Threads that share the work of one image; with more than one there should be fewer workers. */
  threads: z.int().positive(),
  /** Whether memory of one run is kept for the next. */
  memoryArena: z.boolean(),
});
export type Runtime = Readonly<z.output<typeof runtimeSchema>>;
