// Makes changes, one at a time and for all workers: validates, has every worker prepare, keeps the new settings (this
// decides), has every worker commit. Whatever fails before the decision leaves everybody with the old settings, and nothing
// after it undoes it. Where a disk hangs everybody is answered in time: what only reads is left alone and the next change
// begins; what writes holds up the next one until it is done.
import { realpath } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Model } from '../detector/models/model-spec.js';
import {
  BusyError,
  DeadlineError,
  describeError,
  InternalError,
  InvalidMessageError,
  ModelRefusedError,
  ResourceNotFoundError,
  toWireError,
  type WireError,
} from '../errors.js';
import { inTime, settlesIn } from '../in-time.js';
import type { Logger } from '../log.js';
import type { Change, ChangeAnswer, Changer } from './change.js';
import { Followers } from './followers.js';
import { deleteModel, findModel } from './model-files.js';
import { openFolder } from './folder.js';
import type { SavedSettings } from './saved-settings.js';
import type { Settings } from './settings.js';

export interface KeeperOptions {
  /** To begin with. */
  readonly settings: Settings;
  readonly saved: Pick<SavedSettings, 'assertWritable' | 'save'>;
  /** Loads and runs a model where it harms nobody. Rejects with ModelRefusedError. */
  readonly prove: (modelPath: string) => Promise<Model>;
  /** Fetches a model into a folder, and has it placed by `place`. */
  readonly download: (change: Extract<Change, { what: 'download' }>, folder: string) => Promise<void>;
  /** Folders that clients may choose lie below one of these real paths. */
  readonly roots: readonly string[];
  /** Paths of models that are needed beside the one that serves: by it, or by the next start. */
  readonly alsoNeeded: readonly string[];
  /** True once the server stops: no change is begun any more. */
  readonly isStopping: () => boolean;
  readonly changeTimeoutMs: number;
  readonly commitTimeoutMs: number;
  /** So long a worker may still load what has been given up. */
  readonly loadTimeoutMs: number;
  readonly answerTimeoutMs: number;
  /** Settings are being kept for so long that nobody can say whether they are: only a start anew can, from what is there then. */
  readonly onUndecided: () => void;
  /** Every worker serves by these settings now. */
  readonly onChanged: (settings: Settings, model: Model | null) => void;
  readonly log: Logger;
}

/**
 * Each read that hangs holds a thread of the process's pool, which has four. So many may hang before nothing is read for changes of
 * models; a change of a folder, which may lead away from what hangs, is still tried once more.
 */
const hangingMax = 2;

export class SettingsKeeper implements Changer {
  readonly #options: KeeperOptions;
  /** The workers. */
  readonly followers: Followers;
  #settings: Settings;
  /** Ends when what was asked for before has been done. */
  #turn: Promise<unknown> = Promise.resolve();
  /** Ends when what the turn that is on writes into a folder of models is written, also where nobody waits for it any more. */
  #writing: Promise<unknown> = Promise.resolve();
  /** Reads that nobody waits for any more. */
  #hanging = 0;

  constructor(options: KeeperOptions) {
    this.#options = options;
    this.#settings = options.settings;
    const { changeTimeoutMs, commitTimeoutMs, loadTimeoutMs, answerTimeoutMs, log } = options;
    this.followers = new Followers({
      current: () => this.#settings,
      onLoaded: (fingerprint) => {
        this.#settings = { ...this.#settings, fingerprint };
      },
      changeTimeoutMs,
      commitTimeoutMs,
      loadTimeoutMs,
      answerTimeoutMs,
      log,
    });
  }

  /** What was decided last. */
  get current(): Settings {
    return this.#settings;
  }

  async change(change: Change, by: string): Promise<ChangeAnswer> {
    const { log } = this.#options;
    const asked = { what: change.what, wanted: change.name, by };
    try {
      if (change.what === 'download') await this.#options.download(change, this.#settings.models.path);
      else await this.#inTurn(asked, (untilMs) => this.#make(change, untilMs));
      log.info(asked, 'changed');
      return { ok: true };
    } catch (error) {
      const { code, message } = toWireError(error);
      log.warn({ ...asked, code, reason: describeError(error) }, 'not changed');
      return { ok: false, code, message };
    }
  }

  /** Puts a model into the folder of models, in turn with all changes. Rejects where the one that it replaces is in use. */
  async place(modelPath: string, put: () => Promise<void>): Promise<void> {
    await this.#inTurn({ what: 'place', wanted: basename(modelPath) }, async (untilMs) => {
      const problem = `${basename(modelPath)} is in use and cannot be replaced`;
      await this.#read(untilMs, () => this.#assertUnused(modelPath, new ResourceNotFoundError(problem)));
      await this.#write(put(), untilMs);
    });
  }

  /** No worker is left, and none can load what was decided last: settings that they can load, in turn with all changes. */
  async recover(find: (settings: Settings) => Promise<Settings>): Promise<void> {
    await this.#queue(async () => {
      const found = await find(this.#settings);
      // One that was late all the same can load what was decided: that serves, or two models would.
      if (!this.followers.hasLiving) this.#settings = found;
    });
  }

  async #make(change: Exclude<Change, { what: 'download' }>, untilMs: number): Promise<void> {
    switch (change.what) {
      case 'model':
        return this.#changeModel(change.name, untilMs);
      case 'delete model':
        return this.#delete(change.name, untilMs);
      case 'image folder':
        return this.#changeFolder('images', change.name, untilMs);
      case 'model folder':
        return this.#changeFolder('models', change.name, untilMs);
      default:
        return change satisfies never;
    }
  }

  async #changeModel(name: string, untilMs: number): Promise<void> {
    const file = await this.#read(untilMs, () => findModel(this.#settings.models.path, name));
    if (file === null) throw new ResourceNotFoundError(`there is no model ${name}`);
    const modelPath = join(this.#settings.models.path, file.name);
    const model = await doneBy(untilMs, this.#proved(modelPath, name));
    const isSame = model.fingerprint === this.#settings.fingerprint;
    if (isSame && modelPath === resolve(this.#settings.modelPath)) return;
    await this.#follow({ ...this.#settings, modelPath, fingerprint: model.fingerprint }, model, untilMs);
  }

  /** What is wrong with a model is for the log: the client learns that it is not one that can serve. */
  async #proved(modelPath: string, name: string): Promise<Model> {
    try {
      return await this.#options.prove(modelPath);
    } catch (cause) {
      if (!(cause instanceof ModelRefusedError)) throw cause;
      this.#assertGoesOn(cause);
      throw new ResourceNotFoundError(`${name} is no model that can serve; the log of the server says why`, {
        cause,
      });
    }
  }

  async #delete(name: string, untilMs: number): Promise<void> {
    const { path } = this.#settings.models;
    const file = await this.#read(untilMs, () => findModel(path, name));
    if (file === null) throw new ResourceNotFoundError(`there is no model ${name}`);
    // The Python server's code for it.
    const error = new InvalidMessageError(`${name} is in use`);
    await this.#read(untilMs, () => this.#assertUnused(file.path, error));
    await this.#write(deleteModel(path, file), untilMs);
  }

  async #assertUnused(path: string, error: WireError): Promise<void> {
    const wanted = await realOf(path);
    // One after the other, so that a share that hangs takes one thread of the pool.
    for (const inUse of [
      this.#settings.modelPath,
      ...this.followers.loadedPaths(),
      ...this.#options.alsoNeeded,
    ]) {
      if ((await realOf(inUse)) === wanted) throw error;
    }
  }

  async #changeFolder(which: 'images' | 'models', name: string, untilMs: number): Promise<void> {
    const folder = await this.#read(untilMs, () => openFolder(name, this.#options.roots), hangingMax + 1);
    if (folder === null) throw new ResourceNotFoundError(`there is no folder ${name} that may be chosen`);
    if (folder.path === this.#settings[which].path) return;
    await this.#follow({ ...this.#settings, [which]: folder }, null, untilMs);
  }

  /** Has everybody follow; `model`: what the settings name, where that is new. */
  async #follow(wanted: Settings, model: Model | null, untilMs: number): Promise<void> {
    const { saved, changeTimeoutMs, onUndecided, onChanged } = this.#options;
    const settings = { ...wanted, version: this.#settings.version + 1 };
    await keeping(doneBy(untilMs, saved.assertWritable()));
    const decide = async () => {
      const saving = saved.save(settings);
      if (!(await settlesIn(saving, changeTimeoutMs))) onUndecided();
      await keeping(saving);
      this.#settings = settings;
    };
    try {
      await this.followers.lead(settings, untilMs - performance.now(), decide);
    } catch (error) {
      if (error instanceof ResourceNotFoundError) this.#assertGoesOn(error);
      throw error;
    }
    onChanged(settings, model);
  }

  /** What only reads; where its time is over it goes on unheeded, and is counted while it hangs. */
  async #read<T>(untilMs: number, work: () => Promise<T>, mayHang = hangingMax): Promise<T> {
    if (this.#hanging >= mayHang) {
      throw new BusyError(
        'reading for other changes hangs, as on a share that is gone; mend the disk, and try again',
      );
    }
    const reading = work();
    return inTime(reading, untilMs - performance.now(), () => {
      this.#hanging += 1;
      const end = () => {
        this.#hanging -= 1;
      };
      reading.then(end, end);
      return tooLate();
    });
  }

  /** What may be half done when its time is over: nothing else is changed before it is done, or has failed. */
  async #write(work: Promise<void>, untilMs: number): Promise<void> {
    this.#writing = work.catch(() => undefined);
    await doneBy(untilMs, work, 'not done in time, and it may still be done: look again later');
  }

  /** Does `work` behind what was asked for before; rejects where that takes so long that there is no time left. */
  async #inTurn(asked: object, work: (untilMs: number) => Promise<void>): Promise<void> {
    const untilMs = performance.now() + this.#options.changeTimeoutMs;
    const before = this.#turn;
    const doing = (async () => {
      await doneBy(untilMs, before);
      this.#assertGoesOn();
      if (performance.now() >= untilMs) throw tooLate();
      this.#options.log.info(asked, 'changing');
      await work(untilMs);
    })();
    // Who gives up waiting leaves those behind him waiting for what was before him.
    this.#turn = Promise.allSettled([before, doing]).then(() => this.#writing);
    await doing;
  }

  /** What fails because the server stops says nothing of the model. */
  #assertGoesOn(cause?: Error): void {
    if (this.#options.isStopping())
      throw new BusyError('the server is stopping; nothing was changed', { cause });
  }

  #queue<T>(work: () => Promise<T>): Promise<T> {
    const done = this.#turn.then(work);
    this.#turn = done.catch(() => undefined);
    return done;
  }
}

/** With links resolved, as far as it is there. */
function realOf(path: string): Promise<string> {
  return realpath(path).catch(async () => {
    const folder = await realpath(dirname(path)).catch(() => dirname(resolve(path)));
    return join(folder, basename(path));
  });
}

function tooLate(message = 'not done in time; nothing was changed'): DeadlineError {
  return new DeadlineError(message);
}

/** What `work` resolves to, unless that takes too long: then it goes on unheeded. */
function doneBy<T>(untilMs: number, work: Promise<T>, late?: string): Promise<T> {
  return inTime(work, untilMs - performance.now(), () => tooLate(late));
}

/** What cannot be kept must not be changed: it would be forgotten at the next start. */
async function keeping(work: Promise<void>): Promise<void> {
  try {
    await work;
  } catch (cause) {
    if (cause instanceof DeadlineError) throw cause;
    throw new InternalError(
      { cause },
      'settings cannot be kept, so nothing was changed; the log has the reason',
    );
  }
}
