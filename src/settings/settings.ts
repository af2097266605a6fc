// What one client changes and all workers follow: the model that serves, the folder of images and the folder of models, as
// one value with a version. Held by the primary; every worker serves by the one that was committed last.
import { z } from 'zod';

const folderSchema = z.object({
  /** What clients are told: a path from where the server was started, or an absolute one. */
  name: z.string(),
  /** Absolute, links resolved. */
  path: z.string(),
});
export type Folder = Readonly<z.output<typeof folderSchema>>;

export const settingsSchema = z.object({
  /** Grows with every change, also over restarts. */
  version: z.int().nonnegative(),
  /** The ONNX file. */
  modelPath: z.string(),
  /** What decides its verdicts (Model): a file with other bytes is not this model. null: nobody has loaded it yet. */
  fingerprint: z.string().nullable(),
  images: folderSchema,
  models: folderSchema,
});
export type Settings = Readonly<z.output<typeof settingsSchema>>;

/** What serves a worker's requests now; it changes between two of them. */
export interface CurrentSettings {
  readonly current: Settings;
}
