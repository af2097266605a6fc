// A connection to Redis that listens to one channel and does nothing else, since Redis allows it nothing else. It comes
// back by itself, and so does the subscription.
import type { Redis } from 'ioredis';
import { createClient, type ClientSettings } from './client.js';

/** After a subscription that Redis refused, for want of a permission, say. */
const retryDelayMs = 2_000;

export interface RedisSubscriberOptions {
  readonly settings: ClientSettings;
  readonly channel: string;
  readonly onMessage: (text: string) => void;
  /** A subscription has begun, or ended with its connection. */
  readonly onChange: () => void;
  /** Redis refuses the subscription; once until it stands. */
  readonly onRefused: (reason: string) => void;
  /** An earlier subscription that Redis may still hold cannot be ended; it will go by itself, minutes later. */
  readonly onKept: (reason: string) => void;
}

/** A connection as Redis knows it. Another run of it gives the same numbers to others. */
interface Place {
  readonly run: string;
  readonly id: number;
}

export class RedisSubscriber {
  readonly #options: RedisSubscriberOptions;
  readonly #client: Redis;
  #isListening = false;
  #isRefused = false;
  #retry: NodeJS.Timeout | null = null;
  /** Where it has listened last. */
  #place: Place | null = null;
  /** Connections so far. */
  #connections = 0;

  /** Connects at `listen`. Throws StartupError for a URL or files that cannot be used. */
  constructor(options: RedisSubscriberOptions) {
    this.#options = options;
    // What the library resubscribes by itself fails with nobody to take the error.
    const own = { autoResubscribe: false, connectionName: `${options.settings.clientName}:control` };
    this.#client = createClient(options.settings).duplicate(own);
    this.#client.on('message', (_channel, text) => {
      options.onMessage(text);
    });
    this.#client.on('ready', () => {
      void this.#begin(++this.#connections);
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

  async #begin(connection: number): Promise<void> {
    await this.#endLast(connection);
    if (connection === this.#connections) await this.#subscribe();
  }

  /**
   * A connection that died without a word stays with Redis for minutes, and counts as somebody who hears what is
   * published: whoever asks this host would wait for its answer. Later, as a subscriber, this one may ask nothing more.
   */
  async #endLast(connection: number): Promise<void> {
    const last = this.#place;
    try {
      const [id, info] = await Promise.all([this.#client.client('ID'), this.#client.info('server')]);
      const run = /^run_id:(\w+)/m.exec(info)?.[1] ?? '';
      if (connection !== this.#connections) return;
      if (last?.run === run) await this.#client.call('CLIENT', 'KILL', 'ID', last.id, 'TYPE', 'pubsub');
      this.#place = { run, id };
    } catch (error) {
      if (this.#client.status === 'ready')
        this.#options.onKept(error instanceof Error ? error.message : String(error));
    }
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
