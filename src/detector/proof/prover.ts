// Proves models: before anything serves by one, it is loaded and run in a process that may die. It is the primary that asks, so
// nothing here loads ONNX Runtime or the image library, and files are hashed piece by piece. What was proved is the bytes: whoever
// serves by the model is told its fingerprint (expectedFingerprint) and loads nothing else.
import { basename } from 'node:path';
import { performance } from 'node:perf_hooks';
import { BusyError, ModelRefusedError, StartupError, describeError } from '../../errors.js';
import { inTime } from '../../in-time.js';
import { contentsOf, onnxBytesMax, type FileHashes } from '../inference/judge-files.js';
import { judgeOptionsSchema, type JudgeOptions } from '../inference/judge-options.js';
import { sha256, type Model } from '../models/model-spec.js';
import { hashRegular, UnreadableError } from '../models/regular-file.js';
import { readSidecar } from '../models/sidecar.js';
import { oneLine } from './output-tail.js';
import { ProofProcess } from './proof-process.js';
import { refusalOf } from './refusals.js';

export interface ProverOptions {
  /** For reading the files, and again for loading the model and judging pictures. */
  readonly timeoutMs: number;
  /** Of one file. */
  readonly maxModelBytes: number;
  /** Of the process that tries it. */
  readonly maxMemoryBytes: number;
  readonly log: { info(fields: Readonly<Record<string, unknown>>, message: string): void };
}

/** Changes come one at a time; who asks for so many more asks in vain. */
const waitingMax = 16;
/** A host has a handful of models that come and go. */
const rememberedMax = 64;
/** Each read that hangs, on a share that is gone, holds a thread of this process's pool. */
const hangingMax = 1;

export class ModelProver {
  readonly #options: ProverOptions;
  /** By what was asked for and all bytes that were read for it; the one that was wanted last comes last. */
  readonly #proved = new Map<string, Model>();
  readonly #closing = new AbortController();
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  #hanging = 0;
  #running: ProofProcess | null = null;

  constructor(options: ProverOptions) {
    this.#options = { ...options, maxModelBytes: Math.min(options.maxModelBytes, onnxBytesMax) };
  }

  /**
   * Resolves to what is now known to serve; at once, but for hashing, where the same bytes were proved before. One at a time.
   * Throws ModelRefusedError, which says what was found; BusyError where too many wait. `signal`: nobody needs it any more.
   */
  async prove(judge: JudgeOptions, signal?: AbortSignal): Promise<Model> {
    if (this.#waiting >= waitingMax) throw new BusyError('other models are being tried; try again');
    const { maxModelBytes } = this.#options;
    // As the other process will see them, so that both write down the same.
    const options = judgeOptionsSchema.parse({ ...judge, maxModelBytes, expectedFingerprint: null });
    this.#waiting += 1;
    const turn = this.#last.then(() => this.#proveNow(options, signal));
    this.#last = turn.catch(() => undefined);
    try {
      return await turn;
    } finally {
      this.#waiting -= 1;
    }
  }

  /** Kills what runs; what waits is refused. */
  close(): void {
    this.#closing.abort();
    this.#running?.stop();
  }

  async #proveNow(options: JudgeOptions, signal?: AbortSignal): Promise<Model> {
    signal?.throwIfAborted();
    const name = basename(options.modelPath);
    const contents = await this.#hash(options, name);
    const known = this.#proved.get(contents);
    const model = known ?? (await this.#tryOut(options, name, contents, signal));
    this.#proved.delete(contents);
    this.#proved.set(contents, model);
    for (const oldest of this.#proved.keys()) {
      if (this.#proved.size <= rememberedMax) break;
      this.#proved.delete(oldest);
    }
    return model;
  }

  async #tryOut(options: JudgeOptions, name: string, contents: string, signal?: AbortSignal): Promise<Model> {
    this.#refuseWhereClosed(name);
    signal?.throwIfAborted();
    const { log } = this.#options;
    const start = performance.now();
    const process = this.#start(options, name);
    this.#running = process;
    const stop = () => {
      process.stop();
    };
    signal?.addEventListener('abort', stop);
    log.info({ model: name, pid: process.pid }, 'trying a model in a process of its own');
    const end = await process.ended;
    signal?.removeEventListener('abort', stop);
    this.#running = null;
    signal?.throwIfAborted();
    if (end.type !== 'proved') throw refusalOf(end, name, this.#options);
    if (end.contents !== contents) {
      throw new ModelRefusedError(
        oneLine(`the model ${name} was changed while it was tried`),
        'choose it again when its file is whole',
      );
    }
    log.info({ model: name, ms: Math.round(performance.now() - start) }, 'the model may serve');
    return end.model;
  }

  #start(judge: JudgeOptions, name: string): ProofProcess {
    const { timeoutMs, maxMemoryBytes } = this.#options;
    try {
      return new ProofProcess({ judge, timeoutMs }, maxMemoryBytes);
    } catch (cause) {
      throw refusalOf({ type: 'failed', reason: describeError(cause) }, name, this.#options);
    }
  }

  /** What identifies the files that the options name (JudgeFiles.contents). */
  async #hash(options: JudgeOptions, name: string): Promise<string> {
    this.#refuseWhereClosed(name);
    const { timeoutMs } = this.#options;
    const unreadable = (reason: string) =>
      new ModelRefusedError(
        oneLine(`the model ${name} cannot be read (${reason})`),
        'choose an ONNX file that the server may read, of no more than limits.max_model_bytes',
      );
    if (this.#hanging >= hangingMax) throw unreadable('reading another one hangs');
    const limit = new AbortController();
    const signal = AbortSignal.any([limit.signal, this.#closing.signal]);
    const hashing = this.#hashFiles(options, signal);
    try {
      return await inTime(hashing, timeoutMs, () => {
        limit.abort();
        this.#hanging += 1;
        const end = () => {
          this.#hanging -= 1;
        };
        hashing.then(end, end);
        return new UnreadableError(`it takes longer than ${timeoutMs} ms`);
      });
    } catch (cause) {
      this.#refuseWhereClosed(name);
      if (cause instanceof UnreadableError) throw unreadable(cause.message);
      if (cause instanceof StartupError)
        throw new ModelRefusedError(oneLine(cause.message), cause.cure, { cause });
      throw cause;
    }
  }

  async #hashFiles(options: JudgeOptions, signal: AbortSignal): Promise<string> {
    const hashesOf = async (path: string): Promise<FileHashes> => {
      const hash = await hashRegular(path, this.#options.maxModelBytes, signal);
      const sidecar = await readSidecar(path);
      return { sha256: hash, sidecarSha256: sidecar === null ? null : sha256(sidecar) };
    };
    const { modelPath, preprocessorPath } = options;
    const finder = preprocessorPath === null ? null : await hashesOf(preprocessorPath);
    return contentsOf(options, await hashesOf(modelPath), finder);
  }

  #refuseWhereClosed(name: string): void {
    if (this.#closing.signal.aborted) throw refusalOf({ type: 'stopped' }, name, this.#options);
  }
}
