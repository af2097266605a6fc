// Fetches models for 0x20: through the gate (download-gate.ts), into a temporary folder, checked there, then put in place. What
// proves a model and what keeps others from changing the folder meanwhile are given from outside. A download that fails
// leaves nothing behind.
import { writeFile } from 'node:fs/promises';
import type { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { BusyError, InvalidMessageError, ResourceNotFoundError, describeError } from '../errors.js';
import { readSidecar, sidecarPath } from '../detector/models/sidecar.js';
import { modelNameForm } from '../handlers/model-name.js';
import { settlesIn } from '../in-time.js';
import type { Logger } from '../log.js';
import { findModel } from '../settings/model-files.js';
import { isModelFile, modelFileOf } from '../settings/model-name.js';
import { checkedLength } from './answer-check.js';
import { diskError } from './disk-error.js';
import { DownloadClock, defaultPatience, orAborted, type Patience } from './download-clock.js';
import { DownloadGate, type Resolve } from './download-gate.js';
import { DownloadRecord, type DownloadProgress } from './download-record.js';
import { failureOf, wireErrorWith } from './failure.js';
import { openSource } from './open-source.js';
import { placeFile } from './place-file.js';
import { receive } from './receive.js';
import {
  makeTemporaryFolder,
  removeLeftFolders,
  removeTemporaryFolder,
} from '../settings/temporary-folder.js';

export interface DownloaderOptions {
  /** security.download_hosts */
  readonly hosts: readonly string[];
  readonly maxBytes: number;
  readonly timeoutMs: number;
  readonly log: Logger;
  /** PEM of the only authorities that are trusted; undefined: those that Node.js knows. */
  readonly ca?: string | undefined;
  /** Rejects where the file, with its sidecar beside it, is no model that can serve. Gives up where `signal` aborts. */
  readonly prove: (modelPath: string, signal: AbortSignal) => Promise<void>;
  /** Moves the file to `name`, as the folder has it already or will have it, in the folder that its own folder is in. */
  readonly place?: (temporaryPath: string, name: string) => Promise<void>;
  readonly patience?: Patience;
  readonly resolve?: Resolve;
}

export interface DownloadRequest {
  readonly url: string;
  /** 64 hex digits. */
  readonly sha256?: string | null | undefined;
  /** As a client writes it: `pear-2.onnx`, or `pear-2.pt`, which means that, too. */
  readonly name: string;
  /** The model folder: absolute, links resolved. */
  readonly folder: string;
}

interface Running {
  readonly record: DownloadRecord;
  readonly clock: DownloadClock;
  /** Settles, never rejects, once nothing of the download is left to be done. */
  readonly ended: Promise<void>;
}

/** More would only share the same line, and what each has written so far fills the same disk. */
const runningMax = 2;
/** What a download that is given up has written goes before that is told, unless its disk hangs. */
const tidyMs = 1_000;
/** So long the end of the server waits for what is left of downloads. */
const closeMs = 5_000;
const finishedMax = 20;

export class ModelDownloader {
  readonly #options: DownloaderOptions;
  readonly #gate: DownloadGate;
  readonly #running = new Map<string, Running>();
  /** Names of those that were given up, and whose disk hangs: they still hold threads, and perhaps memory of the disk. */
  readonly #hanging = new Set<string>();
  #finished: readonly DownloadProgress[] = [];
  #isClosed = false;

  constructor(options: DownloaderOptions) {
    this.#options = options;
    this.#gate = new DownloadGate(options.hosts, options.resolve);
  }

  /** Those that run, oldest first, then the last that finished, latest first. */
  progress(): readonly DownloadProgress[] {
    return [...[...this.#running.values()].map(({ record }) => record.progress), ...this.#finished];
  }

  /**
   * Resolves once the model is in place. Throws NotPermittedError, DeadlineError, ResourceNotFoundError for all else that
   * fails, BusyError where too many are under way, InvalidMessageError for what is no URL, name or hash.
   */
  async download(request: DownloadRequest): Promise<void> {
    this.#gate.assertOpen();
    const url = assertRequest(request);
    const name = modelFileOf(request.name);
    if (this.#isClosed) throw stopping();
    if (this.#running.has(name)) {
      throw new BusyError(`${name} is being downloaded already; wait until that has ended`);
    }
    if (this.#running.size >= runningMax) {
      throw new BusyError(`${runningMax} downloads are under way; try again when one has ended`);
    }
    if (this.#hanging.has(name) || this.#hanging.size >= runningMax) {
      throw new BusyError(
        'the disk of the model folder hangs in an earlier download; mend it, and try again',
      );
    }
    const { timeoutMs, patience = defaultPatience } = this.#options;
    const record = new DownloadRecord(url, name, this.#options.log);
    const clock = new DownloadClock(timeoutMs, patience);
    const work = this.#run(url, { ...request, name }, record, clock);
    const ended = work.then(
      () => {},
      () => {},
    );
    this.#running.set(name, { record, clock, ended });
    try {
      await orAborted(work, clock.signal);
      record.done();
    } catch (error) {
      if (!(await settlesIn(ended, tidyMs))) this.#hangs(name, ended);
      const failure = failureOf(error, clock.signal);
      record.failed(failure);
      throw failure;
    } finally {
      clock.stop();
      this.#running.delete(name);
      this.#finished = [record.progress, ...this.#finished].slice(0, finishedMax);
    }
  }

  /**
   * Ends what runs, and resolves once nothing of it is left, unless its disk hangs. What is being put in place is put in
   * place.
   */
  async close(): Promise<void> {
    this.#isClosed = true;
    const running = [...this.#running.values()];
    for (const { clock } of running) clock.abort(stopping());
    await settlesIn(Promise.all(running.map(({ ended }) => ended)), closeMs);
  }

  #hangs(name: string, ended: Promise<void>): void {
    this.#options.log.error(
      { model: name },
      'the disk of the model folder hangs in a download that is given up',
    );
    this.#hanging.add(name);
    void ended.then(() => this.#hanging.delete(name));
  }

  async #run(url: URL, request: DownloadRequest, record: DownloadRecord, clock: DownloadClock) {
    const { ca, maxBytes } = this.#options;
    const response = await openSource(url, { gate: this.#gate, ca, clock });
    try {
      const total = checkedLength(response, maxBytes, (request.sha256 ?? null) !== null);
      record.enter('receiving', { total });
      clock.receiving();
      await removeLeftFolders(request.folder);
      const folder = await makeTemporaryFolder(request.folder).catch((error: unknown) => {
        throw diskError(error);
      });
      try {
        await this.#fill(join(folder, request.name), response, request, record, clock);
      } finally {
        await this.#remove(folder);
      }
    } finally {
      response.destroy();
    }
  }

  async #fill(
    path: string,
    response: IncomingMessage,
    { sha256: expected, name, folder }: DownloadRequest,
    record: DownloadRecord,
    clock: DownloadClock,
  ): Promise<void> {
    const { maxBytes, prove, place = placeFile } = this.#options;
    const { total } = record.progress;
    const onBytes = (bytes: number) => {
      clock.received(bytes);
      record.received(bytes);
    };
    const sha256 = await receive(response, { path, maxBytes, total, onBytes });
    clock.checking();
    record.enter('checking', { sha256 });
    if (typeof expected === 'string' && expected.toLowerCase() !== sha256) {
      throw new ResourceNotFoundError('the file does not have the SHA-256 that was given', {
        cause: new Error(`it has ${sha256}`),
      });
    }
    // The folder may have the name in another form of Unicode, as some systems write it: that file is the one to replace.
    const placed = (await findModel(folder, name))?.name ?? name;
    await copySidecar(join(folder, placed), path);
    try {
      await orAborted(prove(path, clock.signal), clock.signal);
    } catch (error) {
      throw wireErrorWith(error, 'the file is no model that can serve');
    }
    clock.signal.throwIfAborted();
    // From here on the file may be in place, so it is too late to call that a failure.
    clock.stop();
    record.enter('placing');
    try {
      await place(path, placed);
    } catch (error) {
      throw wireErrorWith(error, 'the model could not be put in the model folder');
    }
  }

  async #remove(folder: string): Promise<void> {
    try {
      await removeTemporaryFolder(folder);
    } catch (error) {
      this.#options.log.error(
        { folder, reason: describeError(error) },
        'the temporary folder of a download cannot be removed; remove it by hand',
      );
    }
  }
}

function assertRequest({ url, name, sha256 }: DownloadRequest): URL {
  if (!URL.canParse(url)) throw new InvalidMessageError('what is to be downloaded is no URL');
  if (!isModelFile(modelFileOf(name)))
    throw new InvalidMessageError(`a model is named like this: ${modelNameForm}`);
  if (typeof sha256 === 'string' && !/^[0-9a-f]{64}$/i.test(sha256)) {
    throw new InvalidMessageError('a SHA-256 has 64 hex digits');
  }
  return new URL(url);
}

/** What is beside the place of the model now describes the new one, too. */
async function copySidecar(model: string, temporary: string): Promise<void> {
  const sidecar = await readSidecar(model).catch((cause: unknown) => {
    throw new ResourceNotFoundError('the file that describes the model cannot be read', { cause });
  });
  if (sidecar === null) return;
  await writeFile(sidecarPath(temporary), sidecar, { flag: 'wx' }).catch((error: unknown) => {
    throw diskError(error);
  });
}

function stopping(): BusyError {
  return new BusyError('the server is stopping');
}
