// The stream of events, over real sockets: it begins where it is asked to, goes on without a gap, and ends in order.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { get, type IncomingMessage } from 'node:http';
import { connect, type Socket } from 'node:net';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { EmbeddedView } from '#src/connections/embedded-view.js';
import type { EventPage, EventQuery } from '#src/connections/store.js';
import { eventStreamsMax } from '#src/admin/events/event-streams.js';
import { eventually } from '../../support/deadline.js';
import { ask, errorOf, startAdmin, tell, type Admin } from '../admin.js';

class Stream {
  readonly response: IncomingMessage;
  text = '';
  isOver = false;

  private constructor(response: IncomingMessage) {
    this.response = response;
    response.setEncoding('utf8');
    response.on('data', (piece: string) => (this.text += piece));
    response.on('error', () => undefined);
    response.once('close', () => (this.isOver = true));
  }

  /** Open, and known to be heard. */
  static async open({ port }: Admin, query = '', headers: Record<string, string> = {}): Promise<Stream> {
    const sent = get({ host: '127.0.0.1', port, path: `/api/events${query}`, headers, agent: false });
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      sent.once('response', resolve);
      sent.once('error', reject);
    });
    const stream = new Stream(response);
    await stream.has(': events of the view\n\n');
    return stream;
  }

  get names(): string[] {
    return [...this.text.matchAll(/"peer":"([^"]+)"/g)].map(([, name = '']) => name);
  }

  async has(piece: string): Promise<void> {
    await eventually(`the stream has ${piece}`, () => (this.text.includes(piece) ? true : null));
  }

  close(): void {
    this.response.destroy();
  }
}

/** A view that is of all hosts as long as there is a shared one. It knows how often either was asked since the other was. */
class ChangingView extends EmbeddedView {
  shared: EmbeddedView | null = null;
  asked = 0;
  askedShared = 0;

  override async events(query: EventQuery): Promise<EventPage> {
    if (this.shared === null) {
      this.asked++;
      this.askedShared = 0;
      return super.events(query);
    }
    this.askedShared++;
    this.asked = 0;
    return { ...(await this.shared.events(query)), scope: 'all hosts' };
  }
}

/** A view that knows how often it was asked for events, and when. */
class CountingView extends EmbeddedView {
  readonly askedAt: number[] = [];

  override events(query: EventQuery): Promise<EventPage> {
    this.askedAt.push(performance.now());
    return super.events(query);
  }
}

describe('the stream of events', () => {
  test('writes each event with its id, its type and itself as data', async (t) => {
    const admin = await startAdmin(t);
    const stream = await Stream.open(admin);
    assert.equal(stream.response.headers['content-type'], 'text/event-stream');
    tell(admin.view, { type: 'worker down', worker: 'line-1:9:dead', reason: 'worker died', peers: 3 });
    await stream.has('worker died');
    const { last, events } = await admin.view.events({ after: null, limit: 1 });
    assert.equal(
      stream.text,
      `: events of the view\n\nid: ${last ?? ''}\nevent: worker down\ndata: ${JSON.stringify(events[0])}\n\n`,
    );
    stream.close();
  });

  test('begins with the last N, with what came after an event, or with what comes', async (t) => {
    const admin = await startAdmin(t);
    tell(admin.view, { peer: 'p1' }, { peer: 'p2' }, { peer: 'p3' });
    const { events } = await admin.view.events({ after: null, limit: 3 });
    const id = events[0]?.id ?? '';
    const streams = [
      [await Stream.open(admin), ['p4']],
      [await Stream.open(admin, '?tail=2'), ['p2', 'p3', 'p4']],
      [await Stream.open(admin, `?after=${id}`), ['p2', 'p3', 'p4']],
      [await Stream.open(admin, '', { 'last-event-id': id }), ['p2', 'p3', 'p4']],
      // As a browser asks that connects anew to the address that it was given.
      [await Stream.open(admin, '?tail=3', { 'last-event-id': id }), ['p2', 'p3', 'p4']],
    ] as const;
    tell(admin.view, { peer: 'p4' });
    for (const [stream, expected] of streams) {
      await stream.has('p4');
      assert.deepEqual(stream.names, expected);
      stream.close();
    }
  });

  test('goes on after thousands of events, and while more come, without a gap or a repetition', async (t) => {
    const admin = await startAdmin(t);
    let told = 0;
    const more = (count: number) => {
      const from = told;
      told += count;
      tell(admin.view, ...Array.from({ length: count }, (_, n) => ({ peer: `p${from + n}` })));
    };
    more(1);
    const { last } = await admin.view.events({ after: null, limit: 1 });
    more(3_000);
    const early = await Stream.open(admin, `?after=${last ?? ''}`);
    while (told < 6_000) {
      more(20);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const late = await Stream.open(admin, `?after=${last ?? ''}`);
    more(100);
    const all = Array.from({ length: told - 1 }, (_, n) => `p${n + 1}`);
    for (const stream of [early, late]) {
      await stream.has(`"p${told - 1}"`);
      assert.deepEqual(stream.names, all);
      stream.close();
    }
  });

  test('refuses a start that is none before it begins', async (t) => {
    const { port } = await startAdmin(t);
    const answer = await ask(port, '/api/events', { headers: { 'last-event-id': 'nonsense' } });
    assert.deepEqual(
      [answer.status, errorOf(answer)],
      [400, 'this is no id of an event, such as 1785369600000-0'],
    );
  });

  test('asks the view once for everybody, and not at all while nobody looks', async (t) => {
    const view = new CountingView({ leaseMs: 60_000 });
    const admin = await startAdmin(t, { view });
    const streams = [];
    while (streams.length < 5) streams.push(await Stream.open(admin));
    tell(view, { peer: 'p1' });
    for (const stream of streams) await stream.has('p1');
    const start = view.askedAt.length;
    await eventually('it is asked again', () => (view.askedAt.length >= start + 4 ? true : null));
    const times = view.askedAt.slice(start - 1);
    for (const [index, time] of times.slice(1).entries()) {
      assert.ok(time - (times[index] ?? 0) > 200, `asked after ${time - (times[index] ?? 0)} ms`);
    }
    for (const stream of streams) stream.close();
    // It notices that they have gone when their sockets close; then a poll would come within 250 ms.
    let quiet = view.askedAt.length;
    await eventually('nobody asks any more', async () => {
      await new Promise((resolve) => setTimeout(resolve, 600));
      if (view.askedAt.length === quiet) return true;
      quiet = view.askedAt.length;
      return null;
    });
    const again = await Stream.open(admin);
    tell(view, { peer: 'p2' });
    await again.has('p2');
    again.close();
  });

  test('tells each event once when the view becomes another one, whose clock is behind, and comes back', async (t) => {
    const hourMs = 3_600_000;
    const shared = new EmbeddedView({ leaseMs: hourMs, now: () => Date.now() + hourMs });
    const view = new ChangingView({ leaseMs: hourMs, now: () => Date.now() });
    view.shared = shared;
    const admin = await startAdmin(t, { view });
    const stream = await Stream.open(admin);
    tell(shared, { peer: 'p1' });
    await stream.has('p1');
    tell(view, { peer: 'before' });
    view.shared = null;
    // The answer that shows it, the look for the newest event, and the answer after that.
    await eventually('it has been asked', () => (view.asked >= 3 ? true : null));
    tell(view, { peer: 'p2' });
    await stream.has('p2');
    // Of another host, and what a worker of this one tells it when it is back.
    tell(shared, { peer: 'meanwhile' }, { peer: 'p2' }, { peer: 'before' });
    view.shared = shared;
    await stream.has('before');
    tell(shared, { peer: 'p3' });
    await stream.has('p3');
    assert.deepEqual(stream.names, ['p1', 'p2', 'meanwhile', 'before', 'p3'], 'each once, none missing');
    stream.close();
  });

  test('goes on where the view has begun anew meanwhile, with ids that lie before those that it knew', async (t) => {
    const hourMs = 3_600_000;
    const ahead = new EmbeddedView({ leaseMs: hourMs, now: () => Date.now() + hourMs });
    const view = new ChangingView({ leaseMs: hourMs });
    view.shared = ahead;
    const admin = await startAdmin(t, { view });
    const stream = await Stream.open(admin);
    tell(ahead, { peer: 'p1' });
    await stream.has('p1');
    view.shared = null;
    await eventually('it has been asked', () => (view.asked >= 3 ? true : null));
    const anew = new EmbeddedView({ leaseMs: hourMs });
    tell(anew, { peer: 'before' });
    view.shared = anew;
    await eventually('it has been asked', () => (view.askedShared >= 3 ? true : null));
    tell(anew, { peer: 'p2' });
    await stream.has('p2');
    stream.close();
  });

  test('drops a reader that does not read, and nobody else', async (t) => {
    const admin = await startAdmin(t);
    const good = await Stream.open(admin);
    const slow = connect(admin.port, '127.0.0.1');
    slow.write('GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(slow, 'readable');
    await headRead(slow);
    const reason = 'x'.repeat(500_000);
    for (let sent = 0; !admin.logged.join('').includes('too slow'); sent++) {
      assert.ok(sent < 100, 'fifty megabytes wait for somebody who does not read');
      tell(admin.view, { peer: `p${sent}`, reason });
      await good.has(`"p${sent}"`);
    }
    assert.equal(good.isOver, false);
    slow.on('error', () => undefined);
    slow.resume();
    if (!slow.destroyed) await once(slow, 'close');
    good.close();
  });

  test('has room for so many and no more, until one goes', async (t) => {
    const admin = await startAdmin(t);
    const streams: Stream[] = [];
    while (streams.length < eventStreamsMax) streams.push(await Stream.open(admin));
    const refused = await ask(admin.port, '/api/events');
    assert.deepEqual([refused.status, refused.headers['retry-after']], [503, '5']);
    assert.equal(errorOf(refused), `${eventStreamsMax} readers follow the events already; try again later`);
    assert.equal((await ask(admin.port, '/api/events?format=json')).status, 200);
    streams.pop()?.close();
    const next = await eventually('there is room again', () => Stream.open(admin).catch(() => null));
    for (const stream of [...streams, next]) stream.close();
  });

  test('ends all streams when the server stops', async (t) => {
    const admin = await startAdmin(t);
    const streams = [await Stream.open(admin), await Stream.open(admin, '?tail=5')];
    admin.close();
    for (const stream of streams) {
      if (!stream.isOver) await once(stream.response, 'close');
      assert.equal(stream.response.complete, true, 'it ends in order, not broken off');
    }
  });
});

/** Takes the headers, and then nothing more. */
async function headRead(socket: Socket): Promise<void> {
  let text = '';
  while (!text.includes('events of the view')) {
    const piece: unknown = socket.read();
    if (piece === null) await once(socket, 'readable');
    else text += z.instanceof(Buffer).parse(piece).toString();
  }
  socket.pause();
}
