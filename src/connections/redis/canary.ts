// A connection that only listens can be dead for ever without anybody noticing: silence is what it hears anyway. So
// something is sent to it from time to time, by another way, and missed when it does not come.
import { randomUUID } from 'node:crypto';

export interface CanaryOptions {
  readonly intervalMs: number;
  /** What was sent and is not heard for so long will not come. */
  readonly patienceMs: number;
  /** Whether there is anybody to hear it. */
  readonly isListening: () => boolean;
  /** Sends the token to the listener. Rejects where it cannot be sent, which is not the listener's fault. */
  readonly send: (token: string) => Promise<void>;
  readonly onSilence: () => void;
}

export class Canary {
  readonly #options: CanaryOptions;
  #interval: NodeJS.Timeout | null = null;
  /** What has been sent and not been heard. */
  #token: string | null = null;
  #patience: NodeJS.Timeout | null = null;

  constructor(options: CanaryOptions) {
    this.#options = options;
  }

  start(): void {
    this.#interval = setInterval(() => {
      this.sing();
    }, this.#options.intervalMs);
  }

  stop(): void {
    if (this.#interval !== null) clearInterval(this.#interval);
    this.forget();
  }

  /** Now, not only when it is time; nothing where something is under way or nobody would hear it. */
  sing(): void {
    void this.#sing();
  }

  /** True where this is what was waited for. */
  heard(token: string): boolean {
    if (token !== this.#token) return false;
    this.forget();
    return true;
  }

  /** What is under way may be lost without meaning anything: the listener is another one now. */
  forget(): void {
    this.#token = null;
    if (this.#patience !== null) clearTimeout(this.#patience);
    this.#patience = null;
  }

  async #sing(): Promise<void> {
    const { isListening, send, patienceMs } = this.#options;
    if (this.#token !== null || !isListening()) return;
    const token = randomUUID();
    this.#token = token;
    try {
      await send(token);
    } catch {
      if (this.#token === token) this.forget();
      return;
    }
    if (this.#token !== token) return;
    this.#patience = setTimeout(() => {
      // A process that was held up sees its timers first, and only then what has long been there to read.
      setImmediate(() => {
        if (this.#token !== token) return;
        this.forget();
        this.#options.onSilence();
      });
    }, patienceMs);
  }
}
