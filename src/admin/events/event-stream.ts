// One reader of server-sent events: writes them, keeps the connection alive, and drops a reader that does not read.
import type { ServerResponse } from 'node:http';
import type { StoredEvent } from '../../connections/record.js';
import { escapeControls } from '../../shown-text.js';

/** Silence for longer makes proxies close, and readers believe that nobody is there. */
const keepAliveIntervalMs = 15_000;

/** What may wait for a reader, beside what the operating system holds; some 5,000 events. */
const bufferBytesMax = 1024 * 1024;

/** A reader of the past that has taken nothing for so long is gone. */
const drainTimeoutMs = 30_000;

export class EventStream {
  readonly #response: ServerResponse;
  readonly #onSlow: () => void;
  readonly #timer: NodeJS.Timeout;

  /** `onClose`: it has ended, however. `onSlow`: because it did not read. */
  constructor(response: ServerResponse, onClose: () => void, onSlow: () => void) {
    this.#response = response;
    this.#onSlow = onSlow;
    this.#timer = setInterval(() => {
      this.comment('alive');
    }, keepAliveIntervalMs);
    response.once('close', () => {
      clearInterval(this.#timer);
      onClose();
    });
    response.on('error', () => {
      response.destroy();
    });
    // So that the reader knows at once that it is heard.
    this.comment('events of the view');
  }

  get isOpen(): boolean {
    return !this.#response.writableEnded && !this.#response.destroyed;
  }

  send(events: readonly StoredEvent[]): void {
    this.#write(events.map(toText).join(''));
  }

  comment(text: string): void {
    this.#write(`: ${text}\n\n`);
  }

  end(): void {
    this.#response.end();
  }

  /** Resolves when the reader has taken what waits, or is gone. */
  async drained(): Promise<void> {
    const response = this.#response;
    if (!response.writableNeedDrain || !this.isOpen) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(() => {
        this.#drop();
      }, drainTimeoutMs);
      const done = () => {
        clearTimeout(timer);
        response.off('drain', done);
        response.off('close', done);
        resolve();
      };
      response.on('drain', done);
      response.on('close', done);
    });
  }

  #write(text: string): void {
    if (!this.isOpen || text === '') return;
    this.#response.write(text);
    if (this.#response.writableLength > bufferBytesMax) this.#drop();
  }

  #drop(): void {
    this.#onSlow();
    this.#response.destroy();
  }
}

/** As https://html.spec.whatwg.org/multipage/server-sent-events.html has it; JSON holds no line end. */
function toText(event: StoredEvent): string {
  return `id: ${event.id}\nevent: ${event.type}\ndata: ${escapeControls(JSON.stringify(event))}\n\n`;
}
