// How connections come to workers. The workers are the test's: they say what they have, or end.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { afterEach, describe, mock, test } from 'node:test';
import { pino } from 'pino';
import { FrontDoor } from '#src/cluster/front-door.js';
import { eventually } from '../support/deadline.js';
import { refused } from '../support/replies.js';
import { Wire } from '../support/wire.js';

/** A worker that takes what it is given only when the test says so. */
class ManualWorker {
  readonly id: string;
  readonly #door: FrontDoor;
  readonly given = new Map<number, Socket>();
  /** Of what was sent last, a connection or a mere question. */
  lastNumber = 0;
  isKilled = false;

  constructor(id: string, door: FrontDoor) {
    this.id = id;
    this.#door = door;
  }

  serve(): void {
    this.#door.add(this.id, {
      hand: (connection, socket) => {
        this.lastNumber = connection;
        if (socket !== null) this.given.set(connection, socket);
      },
      kill: () => {
        this.end();
        this.isKilled = true;
      },
    });
  }

  /** Has all that it was given. */
  takeAll(): void {
    for (const connection of this.given.keys()) this.#door.taken(this.id, connection);
  }

  end(): void {
    this.#door.remove(this.id);
    this.given.clear();
  }

  /** The ports of those whose connections it was given. */
  get ports(): (number | undefined)[] {
    return [...this.given.values()].map(({ remotePort }) => remotePort);
  }
}

const wires: Wire[] = [];
const doors: FrontDoor[] = [];
afterEach(async () => {
  mock.timers.reset();
  for (const door of doors.splice(0)) await door.close();
  for (const wire of wires.splice(0)) {
    wire.close();
    if (!wire.socket.closed) await once(wire.socket, 'close');
  }
});

/** Lets the door look at its workers, and at those who wait, so often. */
function look(times: number): void {
  for (let count = 0; count < times; count++) mock.timers.tick(1_000);
}

async function setUp(maxWaiting = 10) {
  const door = new FrontDoor({
    host: '127.0.0.1',
    port: 0,
    backlog: 16,
    maxWaiting,
    replyTerminator: '\n',
    log: pino({ level: 'silent' }),
  });
  doors.push(door);
  const { port } = await door.listen();
  const open = async (address = '127.0.0.1') => {
    const wire = await Wire.open(port, address);
    wires.push(wire);
    return wire;
  };
  return { door, port, open, workers: [new ManualWorker('a', door), new ManualWorker('b', door)] as const };
}

/** Resolves when the workers were given so many between them. */
const given = (count: number, ...workers: readonly ManualWorker[]) =>
  eventually(`${count} connections are with the workers`, () =>
    workers.reduce((sum, worker) => sum + worker.given.size, 0) === count ? true : null,
  );

const isOver = (wire: Wire) => wire.socket.readableEnded || wire.socket.destroyed;

describe('connections', () => {
  test('go to the workers in turn', async () => {
    const { open, workers } = await setUp();
    const [a, b] = workers;
    for (const worker of workers) worker.serve();
    for (let count = 1; count <= 8; count++) {
      await open();
      await given(count, a, b);
      for (const worker of workers) worker.takeAll();
    }
    assert.deepEqual([a.given.size, b.given.size], [4, 4]);
  });

  test('go first to the worker that has the fewest on their way to it', async () => {
    const { open, workers } = await setUp();
    const [a, b] = workers;
    for (const worker of workers) worker.serve();
    for (let count = 1; count <= 6; count++) {
      await open();
      await given(count, a, b);
      b.takeAll();
    }
    assert.deepEqual([a.given.size, b.given.size], [1, 5], 'the first is still on its way to a');
  });

  test('that a worker has not taken when it ends go to the others, those that it has do not', async () => {
    const { open, workers } = await setUp();
    const [a, b] = workers;
    a.serve();
    const taken = await open();
    await given(1, a);
    a.takeAll();
    const lost = await open();
    await given(2, a);
    b.serve();
    a.end();
    await given(1, b);
    assert.deepEqual(b.ports, [lost.socket.localPort]);
    assert.equal(isOver(lost), false);
    // Nobody but the worker has it, and it is gone.
    await taken.closed();
  });

  test('wait while no worker serves, and are given to the next one', async () => {
    const { open, workers } = await setUp();
    const [a] = workers;
    const early = [await open(), await open()];
    early[0]?.send('x');
    a.serve();
    await given(2, a);
    assert.deepEqual(
      a.ports,
      early.map(({ socket }) => socket.localPort),
    );
    assert.equal(early.some(isOver), false);
  });

  test('that wait in vain are told that nobody serves', async () => {
    const { door, open } = await setUp();
    mock.timers.enable({ apis: ['setInterval'] });
    const wire = await open();
    while (door.waiting < 1) await new Promise((resolve) => setImmediate(resolve));
    look(9);
    assert.equal(door.waiting, 1);
    look(1);
    await wire.closed();
    assert.equal(wire.received, `${refused(6, 'nobody serves at the moment; try again later')}\n`);
    assert.equal(door.waiting, 0);
  });

  test('wait for their turn as long as workers take connections, however many there are', async () => {
    const { door, open, workers } = await setUp();
    const [a] = workers;
    mock.timers.enable({ apis: ['setInterval'] });
    a.serve();
    for (let count = 0; count < 34; count++) await open();
    while (door.waiting < 2) await new Promise((resolve) => setImmediate(resolve));
    look(6);
    const [first = 0] = a.given.keys();
    door.taken(a.id, first);
    look(8);
    assert.equal(door.waiting, 2);
  });

  test('beyond those that may wait are told so at once', async () => {
    const { open, workers } = await setUp(2);
    const [first, second, third] = [await open(), await open(), await open()];
    await third.closed();
    assert.equal(third.received, `${refused(6, 'too many connections; try again later')}\n`);
    workers[0].serve();
    await given(2, workers[0]);
    assert.equal([first, second].some(isOver), false);
  });
});

describe('connections of one network that wait', () => {
  test('let one of another network go before them', async () => {
    const { door, open, workers } = await setUp(100);
    const [a] = workers;
    a.serve();
    for (let count = 0; count < 42; count++) await open();
    const other = await open('127.0.0.2');
    await eventually('they wait', () => (door.waiting === 11 ? true : null));
    const [first = 0] = a.given.keys();
    for (let count = 0; count < 2; count++) door.taken(a.id, first + count);
    await given(34, a);
    assert.ok(a.ports.includes(other.socket.localPort));
  });

  test('give way where no more may wait', async () => {
    const { door, open } = await setUp(4);
    const many = [await open(), await open(), await open(), await open()];
    await eventually('they wait', () => (door.waiting === 4 ? true : null));
    await open('127.0.0.2');
    await many[3]?.closed();
    assert.equal(many[3]?.received, `${refused(6, 'too many connections; try again later')}\n`);
    assert.deepEqual(many.map(isOver), [false, false, false, true]);
    assert.equal(door.waiting, 4);
  });
});

describe('a worker that does not take what it is given', () => {
  test('and says so of what came later has lost it: the connection is told that there is no room', async () => {
    const { door, open, workers } = await setUp();
    const [a] = workers;
    a.serve();
    const lost = await open();
    await given(1, a);
    await open();
    await given(2, a);
    door.taken(a.id, a.lastNumber);
    await lost.closed();
    assert.equal(lost.received, `${refused(6, 'too many connections; try again later')}\n`);
  });

  test('is asked after a while, and its answer tells what is lost', async () => {
    mock.timers.enable({ apis: ['setInterval'] });
    const { door, open, workers } = await setUp();
    const [a] = workers;
    a.serve();
    const lost = await open();
    await given(1, a);
    const { lastNumber } = a;
    look(2);
    assert.equal(a.lastNumber, lastNumber + 1);
    assert.equal(isOver(lost), false);
    door.taken(a.id, a.lastNumber);
    await lost.closed();
    assert.equal(lost.received, `${refused(6, 'too many connections; try again later')}\n`);
    look(20);
    assert.equal(a.isKilled, false);
  });

  test('has its turn after all others, and is ended where it says nothing for long', async () => {
    mock.timers.enable({ apis: ['setInterval'] });
    const { open, workers } = await setUp();
    const [a, b] = workers;
    a.serve();
    const wire = await open();
    await given(1, a);
    b.serve();
    look(2);
    for (let count = 1; count <= 5; count++) {
      await open();
      await given(1 + count, a, b);
    }
    assert.deepEqual([a.given.size, b.given.size], [1, 5]);
    b.takeAll();
    look(7);
    assert.equal(a.isKilled, false);
    look(1);
    assert.deepEqual([a.isKilled, b.isKilled], [true, false]);
    assert.equal(b.given.size, 6, 'what it had on its way is with the other');
    assert.equal(isOver(wire), false);
  });

  test('is not ended as long as it says anything', async () => {
    mock.timers.enable({ apis: ['setInterval'] });
    const { door, open, workers } = await setUp();
    const [a] = workers;
    a.serve();
    await open();
    await given(1, a);
    for (let count = 0; count < 5; count++) {
      look(9);
      door.heard(a.id);
    }
    look(10);
    assert.equal(a.isKilled, false);
    look(1);
    assert.equal(a.isKilled, true);
  });

  test('is given no more than it may have on its way; the others wait', async () => {
    const { door, open, workers } = await setUp(100);
    const [a] = workers;
    a.serve();
    for (let count = 0; count < 40; count++) await open();
    await eventually('the rest waits', () => (door.waiting === 8 ? true : null));
    assert.equal(a.given.size, 32);
    a.takeAll();
    await given(40, a);
    assert.equal(door.waiting, 0);
  });
});

describe('a door that closes', () => {
  test('tells those who wait that the server is stopping, and lets nobody in', async () => {
    const { door, open, port } = await setUp();
    const waiting = await open();
    await eventually('it waits', () => (door.waiting === 1 ? true : null));
    await door.close();
    await waiting.closed();
    assert.equal(waiting.received, `${refused(6, 'the server is stopping; try again later')}\n`);
    await assert.rejects(Wire.open(port), { code: 'ECONNREFUSED' });
  });

  test('leaves those to their workers that are on their way, and turns away what these never take', async () => {
    const { door, open, workers } = await setUp();
    const [a] = workers;
    a.serve();
    const wire = await open();
    await given(1, a);
    await door.close();
    assert.equal(isOver(wire), false);
    a.end();
    await wire.closed();
    assert.equal(wire.received, `${refused(6, 'the server is stopping; try again later')}\n`);
  });
});
