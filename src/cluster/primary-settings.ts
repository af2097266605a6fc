// The primary's part in changes of model and folders: where settings are kept, who proves models, who follows.
import { realpath } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Config } from '../config/schema.js';
import type { Model } from '../detector/models/model-spec.js';
import { ModelProver } from '../detector/proof/prover.js';
import { readDownloadCa } from '../downloads/download-ca.js';
import { ModelDownloader } from '../downloads/model-downloader.js';
import { placeFile } from '../downloads/place-file.js';
import { removeLeftFolders } from '../settings/temporary-folder.js';
import { describeError, ModelRefusedError, StartupError } from '../errors.js';
import type { Logger } from '../log.js';
import type { Follower } from '../settings/change-round.js';
import { rootsBeside } from '../settings/paths.js';
import { SavedSettings } from '../settings/saved-settings.js';
import { SettingsKeeper } from '../settings/settings-keeper.js';
import type { Settings } from '../settings/settings.js';
import { StateFolder } from '../settings/state-folder.js';
import { configuredSettings } from './configured-settings.js';
import type { WorkerProcess } from './worker-process.js';
import { judgeOptions } from './thread-options.js';

/** How often a model that served is tried before another one serves instead. */
const attemptsMax = 2;

export interface PrimarySettingsOptions {
  readonly config: Config;
  readonly hostId: string;
  /** Every worker serves by these settings now; `model`: what they name, where that is new. */
  readonly onChanged: (settings: Settings, model: Model | null) => void;
  readonly log: Logger;
}

export class PrimarySettings {
  readonly keeper: SettingsKeeper;
  readonly downloads: ModelDownloader;
  readonly #state: StateFolder;
  readonly #prover: ModelProver;
  readonly #find: (settings: Settings) => Promise<Settings>;
  #recovering: Promise<void> | null = null;
  readonly #interrupted: AbortController;

  private constructor(
    keeper: SettingsKeeper,
    downloads: ModelDownloader,
    state: StateFolder,
    prover: ModelProver,
    find: (settings: Settings) => Promise<Settings>,
    interrupted: AbortController,
  ) {
    this.keeper = keeper;
    this.downloads = downloads;
    this.#state = state;
    this.#prover = prover;
    this.#find = find;
    this.#interrupted = interrupted;
  }

  /** Throws StartupError where what the configuration names is not there. */
  static async open(options: PrimarySettingsOptions): Promise<PrimarySettings> {
    const { config, hostId, onChanged, log } = options;
    const configured = await configuredSettings(config.model);
    const state = new StateFolder(join(config.cluster.state_dir, hostId));
    const saved = new SavedSettings(state, config.model);
    const roots = await rootsOf(config, configured);
    const interrupted = new AbortController();
    const prover = new ModelProver({
      timeoutMs: config.limits.model_proof_timeout_ms,
      maxModelBytes: config.limits.max_model_bytes,
      maxMemoryBytes: config.limits.max_model_memory_bytes,
      log,
    });
    const prove = (modelPath: string, signal?: AbortSignal) =>
      prover.prove(judgeOptions(config, modelPath), signal);
    const downloads = new ModelDownloader({
      hosts: config.security.download_hosts,
      maxBytes: config.limits.max_model_bytes,
      timeoutMs: config.limits.download_timeout_ms,
      ca: readDownloadCa(config.security.download_ca_path),
      prove: async (modelPath, signal) => {
        await prove(modelPath, signal);
      },
      place: (temporaryPath, name) =>
        keeper.place(join(dirname(dirname(temporaryPath)), name), () => placeFile(temporaryPath, name)),
      log,
    });
    const loaded = await saved.load(configured, roots, log);
    const settings = await sound(loaded, configured, prove, log);
    const keeper: SettingsKeeper = new SettingsKeeper({
      settings,
      saved,
      prove,
      download: (change, folder) => downloads.download({ ...change, folder }),
      roots,
      // Without the configured one the server would not start again.
      alsoNeeded: [config.model.model_path, config.model.preprocessor_path].filter((path) => path !== null),
      // A proof that is killed by the stop must not be taken for a bad model, nor a change be begun then.
      isStopping: () => interrupted.signal.aborted,
      changeTimeoutMs: config.limits.change_timeout_ms,
      commitTimeoutMs: config.cluster.commit_timeout_ms,
      loadTimeoutMs: config.cluster.start_timeout_ms + config.cluster.commit_timeout_ms,
      answerTimeoutMs: config.limits.request_timeout_ms + config.cluster.commit_timeout_ms,
      onUndecided: () => {
        log.fatal(
          { folder: state.path },
          'the folder of cluster.state_dir hangs while a change is written, so nobody knows whether it was made; the server ' +
            'ends, and the next start reads what is there. Mend the disk, or name another folder',
        );
        // An orderly end would wait for the disk, too.
        process.kill(process.pid, 'SIGKILL');
      },
      onChanged,
      log,
    });
    await removeLeft(keeper.current.models.path, log);
    const find = (lost: Settings) => serveable(lost, configured, prove, log);
    return new PrimarySettings(keeper, downloads, state, prover, find, interrupted);
  }

  /**
   * Nobody serves, and a worker could not load the model: its file may have changed since it was proved. As after a restart the
   * file that is there now serves, or the configured model.
   */
  async recover(): Promise<void> {
    this.#recovering ??= this.keeper.recover(this.#find).finally(() => {
      this.#recovering = null;
    });
    await this.#recovering;
  }

  /** The server stops: ends downloads and proofs that run. */
  interrupt(): void {
    this.#interrupted.abort();
    this.#prover.close();
    void this.downloads.close();
  }

  /** Gives back what belongs to one server at a time. */
  async close(): Promise<void> {
    this.#interrupted.abort();
    this.#prover.close();
    await this.downloads.close();
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

/** What downloads of killed servers have left. That it cannot be removed keeps nobody from serving. */
async function removeLeft(folder: string, log: Logger): Promise<void> {
  try {
    await removeLeftFolders(folder);
  } catch (error) {
    log.warn(
      { reason: describeError(error) },
      'what a download of a killed server has left cannot be removed',
    );
  }
}

/** Below which folders clients may choose others, as real paths. Throws StartupError. */
async function rootsOf({ security }: Config, { images, models }: Settings): Promise<string[]> {
  const configured = [images.path, models.path];
  if (security.allowed_roots === null) return await rootsBeside(configured);
  const listed = await Promise.all(
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
  // One may always go back to what the configuration says.
  return [...listed, ...configured];
}

/** `lost` with the file that is there now where that can serve, else with the configured model where that can. */
async function serveable(
  lost: Settings,
  configured: Settings,
  prove: (modelPath: string) => Promise<Model>,
  log: Logger,
): Promise<Settings> {
  for (const modelPath of new Set([lost.modelPath, configured.modelPath])) {
    const tried = await tryModel(modelPath, prove);
    if (tried instanceof ModelRefusedError) {
      log.error(
        { model: basename(modelPath), reason: tried.message },
        'no worker is left, and this model cannot serve',
      );
      continue;
    }
    const { fingerprint, name } = tried;
    if (fingerprint !== lost.fingerprint)
      log.error({ model: name }, 'no worker is left that has the model that served; this one serves now');
    return { ...lost, modelPath, fingerprint };
  }
  return lost;
}

/** `kept`, unless its model cannot serve: then the configured one does. */
async function sound(
  kept: Settings,
  configured: Settings,
  prove: (modelPath: string) => Promise<Model>,
  log: Logger,
): Promise<Settings> {
  if (kept.modelPath === configured.modelPath) return kept;
  const tried = await tryModel(kept.modelPath, prove);
  if (!(tried instanceof ModelRefusedError)) return { ...kept, fingerprint: tried.fingerprint };
  log.error(
    { reason: tried.message },
    'the model that served last cannot serve any more; the configured one does',
  );
  return { ...kept, modelPath: configured.modelPath, fingerprint: null };
}

/** The model, or why it cannot serve. A process may be killed, or late, for reasons that are not the model's. */
async function tryModel(
  modelPath: string,
  prove: (modelPath: string) => Promise<Model>,
): Promise<Model | ModelRefusedError> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await prove(modelPath);
    } catch (error) {
      if (!(error instanceof ModelRefusedError)) throw error;
      if (attempt === attemptsMax) return error;
    }
  }
}
