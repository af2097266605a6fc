// The primary's part in changes of model and folders: where settings are kept, who proves models, who follows.
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { Config } from '../config/schema.js';
import type { Model } from '../detector/models/model-spec.js';
import { ModelRefusedError, StartupError } from '../errors.js';
import type { Logger } from '../log.js';
import type { Follower } from '../settings/change-round.js';
import { rootsBeside } from '../settings/paths.js';
import { SavedSettings } from '../settings/saved-settings.js';
import { SettingsKeeper } from '../settings/settings-keeper.js';
import type { Settings } from '../settings/settings.js';
import { StateFolder } from '../settings/state-folder.js';
import { configuredSettings } from './configured-settings.js';
import type { WorkerProcess } from './supervisor.js';

export interface PrimarySettingsOptions {
  readonly config: Config;
  readonly hostId: string;
  readonly isStopping: () => boolean;
  /** Every worker serves by these settings now; `model`: what they name, where that is new. */
  readonly onChanged: (settings: Settings, model: Model | null) => void;
  readonly log: Logger;
}

export class PrimarySettings {
  readonly keeper: SettingsKeeper;
  readonly #state: StateFolder;

  private constructor(keeper: SettingsKeeper, state: StateFolder) {
    this.keeper = keeper;
    this.#state = state;
  }

  /** Throws StartupError where what the configuration names is not there. */
  static async open(options: PrimarySettingsOptions): Promise<PrimarySettings> {
    const { config, hostId, isStopping, onChanged, log } = options;
    const configured = await configuredSettings(config.model);
    const state = new StateFolder(join(config.cluster.state_dir, hostId));
    const saved = new SavedSettings(state, config.model);
    const roots = await rootsOf(config, configured);
    const prove = (modelPath: string) => Promise.reject<Model>(new ModelRefusedError(modelPath, ''));
    const loaded = await saved.load(configured, roots, log);
    const settings = await sound(loaded, configured, prove, log);
    const keeper = new SettingsKeeper({
      settings,
      saved,
      prove,
      download: () => Promise.reject(new Error()),
      roots,
      alsoServing: config.model.preprocessor_path === null ? [] : [config.model.preprocessor_path],
      isStopping,
      changeTimeoutMs: config.limits.change_timeout_ms,
      commitTimeoutMs: config.cluster.commit_timeout_ms,
      onChanged,
      log,
    });
    return new PrimarySettings(keeper, state);
  }

  /** Gives back what belongs to one server at a time. */
  async close(): Promise<void> {
    await this.#state.close();
  }
}

/** A worker as the keeper of settings reaches it. */
export function followerOf(process: WorkerProcess): Follower {
  return {
    prepare: (round, settings) => {
      process.send({ type: 'prepare', round, settings });
    },
    commit: (round) => {
      process.send({ type: 'commit', round });
    },
    abort: (round) => {
      process.send({ type: 'abort', round });
    },
    kill: () => {
      process.kill('SIGKILL');
    },
  };
}

/** Below which folders clients may choose others, as real paths. Throws StartupError. */
async function rootsOf({ security }: Config, { images, models }: Settings): Promise<string[]> {
  if (security.allowed_roots === null) return rootsBeside([images.path, models.path]);
  return Promise.all(
    security.allowed_roots.map((root) =>
      realpath(root).catch((cause: unknown) => {
        throw new StartupError(
          `the folder ${root} (security.allowed_roots) is not there or cannot be read`,
          'create it, or take it off the list',
          { cause },
        );
      }),
    ),
  );
}

/** `kept`, unless its model cannot serve: then the configured one does. */
async function sound(
  kept: Settings,
  configured: Settings,
  prove: (modelPath: string) => Promise<Model>,
  log: Logger,
): Promise<Settings> {
  if (kept.modelPath === configured.modelPath) return kept;
  try {
    const { fingerprint } = await prove(kept.modelPath);
    return { ...kept, fingerprint };
  } catch (error) {
    if (!(error instanceof ModelRefusedError)) throw error;
    log.error(
      { reason: error.message },
      'the model that served last cannot serve any more; the configured one does',
    );
    return { ...kept, modelPath: configured.modelPath, fingerprint: null };
  }
}
