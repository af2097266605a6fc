import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { CommandOrder } from '#src/handlers/command.js';
import { RequestOrder } from '#src/server/requests/request-order.js';

interface Place {
  readonly order: CommandOrder | 'refusal';
  readonly sequence: number;
  reply: Buffer | null;
  started: boolean;
}

const maxStarted = 3;

/** A peer's requests as they come, end in any order, and are answered. */
class Peer {
  readonly places: Place[] = [];
  readonly answered: number[] = [];
  /** Whether only the next one to be answered may be started. */
  isCrowded = false;
  readonly order = new RequestOrder<Place>({
    mayStart: () => true,
    mayStartBehind: () => !this.isCrowded,
    maxStarted,
    hasRoom: () => true,
    start: (place) => {
      this.#start(place);
    },
  });

  add(order: Place['order']): void {
    const reply = order === 'refusal' ? Buffer.alloc(0) : null;
    const place = { order, sequence: this.places.length, reply, started: false };
    this.places.push(place);
    this.order.add(place);
    this.#flush();
  }

  /** Ends one of those that run. */
  end(which: number): void {
    const running = this.places.filter((place) => place.started && place.reply === null);
    const place = running[which % running.length];
    if (place === undefined) return;
    place.reply = Buffer.alloc(0);
    if (place.order === 'read') this.order.readDone();
    this.#flush();
  }

  #start(place: Place): void {
    assert.equal(place.started, false, 'nothing starts twice');
    place.started = true;
    const before = this.places.slice(0, place.sequence);
    const open = before.filter(({ reply }) => reply === null);
    if (place.order === 'barrier') assert.deepEqual(open, [], 'a barrier waits for all before it');
    if (place.order === 'stop') return;
    assert.ok(!open.some(({ order }) => order === 'barrier'), 'nothing starts before a barrier is answered');
    const sameKind = before.filter(({ order }) => order === place.order);
    assert.ok(
      sameKind.every(({ started }) => started),
      'those of a kind start in order',
    );
    if (place.order === 'read') {
      assert.ok(
        sameKind.every(({ reply }) => reply !== null),
        'reads run one at a time',
      );
    }
  }

  #flush(): void {
    for (let place = this.order.takeAnswered(); place !== undefined; place = this.order.takeAnswered()) {
      this.answered.push(place.sequence);
    }
    this.order.startWaiting();
  }
}

test('whatever comes and whichever ends first, replies leave in order, barriers hold, and nobody waits for ever', () => {
  const step = fc.oneof(
    fc.constantFrom<Place['order'][]>('classification', 'read', 'barrier', 'stop', 'refusal'),
    fc.nat({ max: 5 }),
    fc.boolean(),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const peer = new Peer();
      for (const next of steps) {
        if (typeof next === 'number') peer.end(next);
        else if (typeof next === 'boolean') peer.isCrowded = next;
        else peer.add(next);
      }
      for (let left = peer.places.length; left > 0; left--) peer.end(0);
      assert.deepEqual(
        peer.answered,
        peer.places.map(({ sequence }) => sequence),
      );
      assert.equal(peer.order.length, 0);
    }),
    { numRuns: 500 },
  );
});

test('no more are started than may be, but for the one that the others wait for', () => {
  const peer = new Peer();
  for (let count = 0; count < 10; count++) peer.add('classification');
  assert.equal(peer.places.filter(({ started }) => started).length, maxStarted);
});
