// What is told of a download, in the log and over HTTP. Queries and users of URLs hold secrets, so neither has them.
import type { Logger } from '../log.js';
import { describeError, type WireError } from '../errors.js';

export type DownloadState = 'connecting' | 'receiving' | 'checking' | 'placing' | 'done' | 'failed';

/** Times are in milliseconds since the epoch. */
export interface DownloadProgress {
  /** Without query, user and password. */
  readonly url: string;
  /** Of the model's file. */
  readonly name: string;
  readonly state: DownloadState;
  readonly bytes: number;
  /** Bytes that are announced; null: not known. */
  readonly total: number | null;
  readonly sha256: string | null;
  readonly started_at: number;
  readonly finished_at: number | null;
  readonly error: string | null;
}

/** A line in the log comes with each tenth of the file, not faster than this … */
const lineIntervalMinMs = 1_000;
/** … and not slower. */
const lineIntervalMaxMs = 5_000;

export class DownloadRecord {
  readonly #log: Logger;
  #progress: DownloadProgress;
  #lineAt = performance.now();
  #lineBytes = 0;
  readonly #start = performance.now();

  constructor(url: URL, name: string, log: Logger) {
    this.#log = log;
    this.#progress = {
      url: `${url.origin}${url.pathname}`,
      name,
      state: 'connecting',
      bytes: 0,
      total: null,
      sha256: null,
      started_at: Date.now(),
      finished_at: null,
      error: null,
    };
    log.info({ download: name, url: this.#progress.url }, 'a download begins');
  }

  get progress(): DownloadProgress {
    return this.#progress;
  }

  enter(state: DownloadState, known: Partial<Pick<DownloadProgress, 'total' | 'sha256'>> = {}): void {
    this.#progress = { ...this.#progress, ...known, state };
  }

  received(bytes: number): void {
    this.#progress = { ...this.#progress, bytes: this.#progress.bytes + bytes };
    const { bytes: all, total } = this.#progress;
    const sinceMs = performance.now() - this.#lineAt;
    const isTenth = total !== null && all - this.#lineBytes >= total / 10;
    if (sinceMs < (isTenth ? lineIntervalMinMs : lineIntervalMaxMs)) return;
    this.#lineAt = performance.now();
    this.#lineBytes = all;
    this.#log.info({ ...this.#figures(), total }, 'a download goes on');
  }

  done(): void {
    this.#progress = { ...this.#progress, state: 'done', finished_at: Date.now() };
    this.#log.info({ ...this.#figures(), sha256: this.#progress.sha256 }, 'a model was downloaded');
  }

  failed(error: WireError): void {
    this.#progress = { ...this.#progress, state: 'failed', finished_at: Date.now(), error: error.message };
    const { url } = this.#progress;
    this.#log.warn({ ...this.#figures(), url, reason: describeError(error) }, 'a download failed');
  }

  #figures() {
    const { name, bytes } = this.#progress;
    return { download: name, bytes, seconds: Math.round(performance.now() - this.#start) / 1000 };
  }
}
