// What clients have changed, as it is kept over restarts, beside what the configuration said then: where somebody has
// changed the configuration since, that is the later word and counts.
import { basename, dirname } from 'node:path';
import { z } from 'zod';
import { describeError } from '../errors.js';
import type { Logger } from '../log.js';
import { openFolder } from './folder.js';
import { findModel } from './model-files.js';
import type { Folder, Settings } from './settings.js';
import type { StateFolder } from './state-folder.js';

const fileName = 'settings.json';

/** What the configuration says. */
export interface Configured {
  readonly model_path: string;
  readonly img_path: string;
}

const savedSchema = z.strictObject({
  version: z.int().positive(),
  /** The configuration at the time of the last change. */
  configured: z.strictObject({ model_path: z.string(), img_path: z.string() }),
  model: z.string(),
  model_folder: z.string(),
  image_folder: z.string(),
});
type Saved = z.output<typeof savedSchema>;

const othersToldMax = 5;

export class SavedSettings {
  readonly #state: StateFolder;
  readonly #configured: Configured;

  constructor(state: StateFolder, configured: Configured) {
    this.#state = state;
    this.#configured = configured;
  }

  /** Rejects where it cannot be kept: nothing may be changed then. */
  async assertWritable(): Promise<void> {
    await this.#state.lock();
  }

  /** Rejects where what was kept before is still kept. */
  async save({ version, modelPath, models, images }: Settings): Promise<void> {
    const { model_path, img_path } = this.#configured;
    const saved: Saved = {
      version,
      configured: { model_path, img_path },
      model: modelPath,
      model_folder: models.name,
      image_folder: images.name,
    };
    await this.#state.write(fileName, `${JSON.stringify(saved, null, 2)}\n`);
  }

  /**
   * The settings to begin with: `configured`, and what was kept as far as it still holds. What does not is said in the log,
   * and the configuration counts. `roots`: below which folders must lie.
   */
  async load(configured: Settings, roots: readonly string[], log: Logger): Promise<Settings> {
    const saved = await this.#read(log);
    if (saved === null) {
      await this.#tellOfOthers(log);
      return configured;
    }
    const settings = await this.#merge(saved, configured, roots, log);
    const { model_path, img_path } = saved.configured;
    // What the configuration has overruled must not come back with the next change of it.
    if (model_path !== this.#configured.model_path || img_path !== this.#configured.img_path) {
      await this.save(settings).catch((error: unknown) => {
        log.warn(
          { reason: describeError(error) },
          'what the configuration has overruled cannot be forgotten',
        );
      });
    }
    return settings;
  }

  /** A host that gets another name finds nothing of what was chosen under its old one. */
  async #tellOfOthers(log: Logger): Promise<void> {
    const others = (await this.#state.others(fileName)).slice(0, othersToldMax);
    if (others.length === 0) return;
    log.info(
      { others },
      `cluster.state_dir keeps what was chosen on ${others.join(', ')}, and nothing of this host: if it is one of them under ` +
        'another name, set cluster.host_id to that',
    );
  }

  async #merge(saved: Saved, configured: Settings, roots: readonly string[], log: Logger): Promise<Settings> {
    let settings: Settings = { ...configured, version: saved.version };
    const kept = saved.configured;
    if (kept.img_path !== this.#configured.img_path) {
      log.warn(`the configuration names another model.img_path than at the last change: it counts`);
    } else {
      const images = await this.#folder('image folder', saved.image_folder, roots, log);
      if (images !== null) settings = { ...settings, images };
    }
    if (kept.model_path !== this.#configured.model_path) {
      log.warn(`the configuration names another model.model_path than at the last change: it counts`);
      return settings;
    }
    const models = await this.#folder('model folder', saved.model_folder, roots, log);
    if (models !== null) settings = { ...settings, models };
    if (saved.model === this.#configured.model_path) return settings;
    if (await isModel(saved.model, roots)) return { ...settings, modelPath: saved.model, fingerprint: null };
    log.error(
      { model: basename(saved.model) },
      'the model that served last is not there any more; the configured one serves',
    );
    return settings;
  }

  /** null: nothing was kept, or it is damaged. */
  async #read(log: Logger): Promise<Saved | null> {
    try {
      const text = await this.#state.read(fileName);
      return text === null ? null : savedSchema.parse(JSON.parse(text));
    } catch (error) {
      const reason = error instanceof z.ZodError ? z.prettifyError(error) : String(error);
      log.error(
        { folder: this.#state.path, reason: reason.replaceAll(/\s+/g, ' ') },
        `${fileName}, which keeps what clients have changed, cannot be used; the configuration counts`,
      );
      return null;
    }
  }

  async #folder(what: string, name: string, roots: readonly string[], log: Logger): Promise<Folder | null> {
    const folder = await openFolder(name, roots);
    if (folder === null) {
      log.error(
        { folder: name },
        `the ${what} that was chosen last cannot be used any more; the configured one counts`,
      );
    }
    return folder;
  }
}

async function isModel(path: string, roots: readonly string[]): Promise<boolean> {
  const folder = await openFolder(dirname(path), roots);
  return folder !== null && (await findModel(folder.path, basename(path))) !== null;
}
