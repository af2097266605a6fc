// A connection to Redis that listens to one channel and does nothing else, since Redis allows it nothing else. It comes
// back by itself, and so does the subscription.
import type { Redis } from 'ioredis';
import { createClient } from './connection.js';

/** After a subscription that Redis refused, for want of a permission, say. */
const retryDelayMs = 2_000;

export interface RedisSubscriberOptions {
  readonly url: string;
  readonly commandTimeoutMs: number;
  readonly channel: string;
  readonly onMessage: (text: string) => void;
  /** A subscription has begun, or ended with its connection. */
  readonly onChange: () => void;
  /** Redis refuses the subscription; once until it stands. */
  readonly onRefused: (reason: string) => void;
}

export class RedisSubscriber {
  readonly #options: RedisSubscriberOptions;
  readonly #client: Redis;
  #isListening = false;
  #isRefused = false;
  #retry: NodeJS.Timeout | null = null;

  /** Connects at `listen`. Throws StartupError for a URL that is none. */
  constructor(options: RedisSubscriberOptions) {
    this.#options = options;
    // What the library resubscribes by itself fails with nobody to take the error.
    const own = { autoResubscribe: false, connectionName: 'pear-control' };
    this.#client = createClient(options.url, options.commandTimeoutMs).duplicate(own);
    this.#client.on('message', (_channel, text) => {
      options.onMessage(text);
    });
    this.#client.on('ready', () => {
      void this.#subscribe();
    });
    this.#client.on('close', () => {
      this.#setListening(false);
    });
    // It comes again by itself, and that Redis is away others tell.
    this.#client.on('error', () => undefined);
  }

  /** As far as this side knows. */
  get isListening(): boolean {
    return this.#isListening;
  }

  listen(): void {
    this.#client.connect().catch(() => undefined);
  }

  /** Throws the connection away, whatever state it is in, for a new one. */
  reconnect(): void {
    this.#client.disconnect(true);
  }

  close(): void {
    if (this.#retry !== null) clearTimeout(this.#retry);
    this.#client.disconnect();
  }

  async #subscribe(): Promise<void> {
    if (this.#retry !== null) clearTimeout(this.#retry);
    try {
      await this.#client.subscribe(this.#options.channel);
      this.#isRefused = false;
      this.#setListening(true);
    } catch (error) {
      // Where the connection is gone the next one tries again.
      if (this.#client.status !== 'ready') return;
      if (!this.#isRefused) this.#options.onRefused(error instanceof Error ? error.message : String(error));
      this.#isRefused = true;
      this.#retry = setTimeout(() => {
        void this.#subscribe();
      }, retryDelayMs);
    }
  }

  #setListening(isListening: boolean): void {
    this.#isListening = isListening;
    this.#options.onChange();
  }
}
