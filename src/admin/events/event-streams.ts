// All who follow the events: each is first given what lies behind the event that it knows, then joins the feed.
import type { ServerResponse } from 'node:http';
import { isLaterEvent } from '../../connections/event-id.js';
import { chunkSize } from '../../connections/limits.js';
import type { ConnectionsReader, EventPage } from '../../connections/store.js';
import { describeError } from '../../errors.js';
import type { Logger } from '../../log.js';
import { EventFeed, newestOf, type EventListener, type EventPosition } from './event-feed.js';
import { EventStream } from './event-stream.js';

/** Each costs a connection and its buffer. */
export const eventStreamsMax = 32;

export class EventStreams {
  readonly #view: ConnectionsReader;
  readonly #log: Logger;
  readonly #feed: EventFeed;
  readonly #open = new Set<EventStream>();

  constructor(view: ConnectionsReader, log: Logger) {
    this.#view = view;
    this.#log = log;
    this.#feed = new EventFeed(view, log);
  }

  get isFull(): boolean {
    return this.#open.size >= eventStreamsMax;
  }

  /** Begins with the events of `page`, and goes on behind its last one until the reader or the server ends it. */
  start(response: ServerResponse, page: EventPage): void {
    if (this.isFull) {
      response.end();
      return;
    }
    const listener: EventListener = (events) => {
      stream.send(events);
    };
    const stream = new EventStream(
      response,
      () => {
        this.#open.delete(stream);
        this.#feed.leave(listener);
      },
      () => {
        this.#log.warn(
          { address: response.socket?.remoteAddress },
          'a reader of events is too slow; dropped',
        );
      },
    );
    this.#open.add(stream);
    stream.send(page.events);
    void this.#catchUp(stream, page).then(
      (known) => {
        if (stream.isOpen) this.#feed.listen(listener, known);
      },
      (error: unknown) => {
        this.#log.warn({ reason: describeError(error) }, 'events cannot be read; a reader must come again');
        stream.end();
      },
    );
  }

  close(): void {
    for (const stream of this.#open) stream.end();
    this.#feed.close();
  }

  /** Sends what lies behind `known`, up to where the feed is; resolves to where that is. */
  async #catchUp(stream: EventStream, { last, scope }: EventPosition): Promise<EventPosition> {
    let known = last;
    for (;;) {
      await stream.drained();
      if (!stream.isOpen) return { last: known, scope };
      const page = await this.#view.events({ after: known, limit: chunkSize });
      if (page.scope !== scope) return newestOf(this.#view);
      stream.send(page.events);
      const isEnd = page.last === known;
      known = page.last;
      // Nothing between this look at the feed and joining it: no event falls between.
      if (isEnd || (page.events.length < chunkSize && !this.#isBehind(known))) return { last: known, scope };
    }
  }

  #isBehind(known: string | null): boolean {
    const { position } = this.#feed;
    return position !== null && (known === null || isLaterEvent(position, known));
  }
}
