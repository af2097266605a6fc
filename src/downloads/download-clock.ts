// The patience of a download: a limit on the whole, and one on each of its stages, so that a host that says nothing, or a
// byte now and then, holds nobody up. At the first limit that is reached `signal` aborts with the reason.
import { DeadlineError, type WireError } from '../errors.js';

export interface Patience {
  /** From the question for the host's name to its connection, TLS included; for each redirect anew. */
  readonly connectTimeoutMs: number;
  /** From the connection to the last header of the answer. */
  readonly answerTimeoutMs: number;
  /** In each span of this length at least `bytesMin` have to come. */
  readonly progressTimeoutMs: number;
  readonly bytesMin: number;
}

/** 4 KiB a second: at less, a model of 5 MB would take longer than the whole download may by default. */
export const defaultPatience: Patience = {
  connectTimeoutMs: 15_000,
  answerTimeoutMs: 30_000,
  progressTimeoutMs: 30_000,
  bytesMin: 30 * 4096,
};

export class DownloadClock {
  readonly #controller = new AbortController();
  readonly #patience: Patience;
  readonly #whole: NodeJS.Timeout;
  #stage: NodeJS.Timeout | undefined;
  #bytes = 0;
  #isStopped = false;

  constructor(timeoutMs: number, patience: Patience) {
    this.#patience = patience;
    this.#whole = this.#limit(timeoutMs, 'the download took too long');
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  abort(reason: WireError): void {
    if (!this.#isStopped) this.#controller.abort(reason);
  }

  connecting(): void {
    this.#enter(this.#patience.connectTimeoutMs, 'the host took too long to be connected to');
  }

  waiting(): void {
    this.#enter(this.#patience.answerTimeoutMs, 'the host took too long to answer');
  }

  receiving(): void {
    clearTimeout(this.#stage);
    const { progressTimeoutMs, bytesMin } = this.#patience;
    this.#stage = setInterval(() => {
      if (this.#bytes < bytesMin) this.abort(new DeadlineError('the host sent too little for too long'));
      this.#bytes = 0;
    }, progressTimeoutMs);
  }

  /** Tells that so many bytes have come and were written. */
  received(bytes: number): void {
    this.#bytes += bytes;
  }

  /** The host has done its part; the limit on the whole stays. */
  checking(): void {
    clearTimeout(this.#stage);
  }

  /** Nothing aborts any more. */
  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#stage);
    clearTimeout(this.#whole);
  }

  #enter(timeoutMs: number, words: string): void {
    clearTimeout(this.#stage);
    this.#stage = this.#limit(timeoutMs, words);
  }

  #limit(timeoutMs: number, words: string): NodeJS.Timeout {
    return setTimeout(() => {
      this.abort(new DeadlineError(words, { cause: new Error(`more than ${timeoutMs} ms`) }));
    }, timeoutMs);
  }
}

/** What `promise` gives, or the signal's reason as soon as it aborts; then nobody waits for the promise any more. */
export async function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => {
      reject(signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason)));
    };
  });
  if (signal.aborted) onAbort();
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
