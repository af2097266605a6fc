// Ten peers send as much as they can, and most never read a reply. Whatever they send, the worker's memory keeps within what its
// limits say, and another peer is served meanwhile.
import assert from 'node:assert/strict';
import { after, before, describe, test, type TestContext } from 'node:test';
import type { LocalServer } from '#src/cli/local-server.js';
import { eventually } from '../support/deadline.js';
import { offer } from '../support/offer.js';
import { sample } from '../support/pictures.js';
import { rssBytes, workerPids } from '../support/processes.js';
import { askFolder, codesOf, folder, request } from '../support/replies.js';
import { startServer } from '../support/server.js';
import { Wire } from '../support/wire.js';

const mib = 1024 * 1024;
const listConnections = '{"cmd": 0x40, "request_data": null}';
const peers = 10;
const offeredBytes = 1024 * mib;
const maxInFlightBytes = 4 * mib;
const maxHeldBytes = 32 * mib;
/**
 * What is held may stand twice in memory (as text and as an image, as it comes and as it is handed on), and what is
 * no longer needed stays until it is collected.
 */
const rssGrowthMax = 2 * maxHeldBytes + 150 * mib;

/** Some seconds where the machine is free: 80 MiB and more pass through one process. */
const settleTimeoutMs = 120_000;

let server: LocalServer;
let pid = 0;
before(async () => {
  const limits = {
    max_message_bytes: 2 * mib,
    max_image_bytes: 2 * mib,
    max_in_flight_bytes: maxInFlightBytes,
    max_held_bytes_total: maxHeldBytes,
    write_timeout_ms: 1_500,
  };
  const options = Object.entries(limits).flatMap(([key, value]) => [`--limits.${key}`, String(value)]);
  server = await startServer(null, '--cluster.workers', '1', ...options);
  [pid = 0] = await workerPids(server.port);
});
after(async () => {
  assert.equal(await server.stop(), 0);
});

/** About a mebibyte of the same request. */
const many = (sent: Buffer) =>
  Buffer.concat(Array.from({ length: Math.ceil(mib / sent.length) }, () => sent));

/**
 * A classification whose images have no verdict but an error, so that all of its reply is known at once, and is long: 2.1 MiB. Of ten
 * peers one each is more than half of what all may hold, so that they may add nothing, and leaves room for others.
 */
const manyErrors = () => {
  const image = { file_name: '🍐'.repeat(255), data: '!' };
  return Buffer.from(JSON.stringify({ cmd: 1, request_data: Array(700).fill(image) }));
};

interface Flood {
  readonly of: string;
  readonly chunk: () => Promise<Buffer> | Buffer;
  /** Where the memory of the server is what they meet first. */
  readonly busy?: true;
}

const floods: readonly Flood[] = [
  { of: 'small requests', chunk: () => many(Buffer.from(askFolder)) },
  { of: 'lists of connections', chunk: () => many(Buffer.from(listConnections)) },
  { of: 'garbage', chunk: () => many(Buffer.from('x{}')) },
  {
    of: 'attached images',
    busy: true,
    chunk: async () => {
      const image = await sample('normal-01.jpg');
      const announced = request(1, [{ file_name: 'a', bytes: image.length }]);
      return many(Buffer.concat([Buffer.from(announced), image]));
    },
  },
  {
    of: 'images inside messages',
    chunk: async () => {
      const data = (await sample('normal-01.jpg')).toString('base64');
      return many(Buffer.from(request(1, Array(20).fill({ file_name: 'a', data }))));
    },
  },
];

/** Runs `use` and checks how far the worker's memory grew meanwhile. */
async function withoutGrowing(t: TestContext, use: () => Promise<void>): Promise<void> {
  const before = rssBytes(pid);
  let highest = before;
  const watch = setInterval(() => {
    highest = Math.max(highest, rssBytes(pid));
  }, 20);
  const grown = () => `the worker grew by ${Math.round((highest - before) / mib)} MiB`;
  try {
    await use();
  } finally {
    clearInterval(watch);
    t.diagnostic(`${grown()} of at most ${rssGrowthMax / mib}`);
  }
  assert.ok(highest - before < rssGrowthMax, grown());
}

/** What each connection has sent, as the server counts it. */
async function takenBytes(other: Wire): Promise<number[]> {
  const list = await other.ask(listConnections);
  return [...list.matchAll(/"bytes_in": (\d+)/g)].map(([, bytes]) => Number(bytes));
}

async function assertServed(other: Wire): Promise<void> {
  for (let asked = 0; asked < 20; asked++) assert.equal(await other.ask(askFolder), folder);
}

/** Reads until the server says that it is busy. */
async function toldBusy(wire: Wire): Promise<void> {
  wire.socket.resume();
  while (!codesOf(await wire.reply()).includes(6));
}

describe('ten peers that offer a gigabyte each and never read', () => {
  for (const { of, chunk, busy } of floods) {
    test(`of ${of} do not fill the memory, and hold nobody up`, (t) =>
      withoutGrowing(t, async () => {
        const wires = await Promise.all(Array.from({ length: peers }, () => Wire.open(server.port)));
        for (const wire of wires) wire.socket.pause();
        const flood = await chunk();
        const offers = Promise.all(wires.map((wire) => offer(wire, flood, offeredBytes)));
        const other = await Wire.open(server.port);
        await assertServed(other);
        const settled = 'each of the ten is dropped, or has sent more than may be held for it';
        const isSettled = async () => {
          const taken = await takenBytes(other);
          return taken.filter((bytes) => bytes < 2 * maxInFlightBytes).length === 1 ? true : null;
        };
        await eventually(settled, isSettled, settleTimeoutMs);
        assert.match(await other.ask(request(1, ['normal-01.jpg'])), /"result": 1/);
        if (busy) for (const wire of wires.slice(0, 3)) await toldBusy(wire);
        for (const wire of [...wires, other]) wire.close();
        await offers;
      }));
  }

  test('of what is answered at once are dropped with a reason', () => {
    const dropped = server.lines.filter(({ msg }) => msg.includes('does not read its replies'));
    assert.ok(dropped.length >= peers, `${dropped.length} were`);
  });
});

test('replies that wait behind a slow request do not fill the memory, and hold nobody up', (t) =>
  withoutGrowing(t, async () => {
    const wires = await Promise.all(Array.from({ length: peers }, () => Wire.open(server.port)));
    for (const wire of wires) wire.send(request(1, Array(1000).fill('normal-01.jpg')));
    const offers = Promise.all(wires.map((wire) => offer(wire, manyErrors(), 32 * mib)));
    const other = await Wire.open(server.port);
    await assertServed(other);
    let [before, quiet] = [0, 0];
    await eventually('nothing more is taken', async () => {
      const taken = (await takenBytes(other)).sort((a, b) => b - a).slice(0, peers);
      const all = taken.reduce((sum, bytes) => sum + bytes, 0);
      quiet = all === before ? quiet + 1 : 0;
      before = all;
      // The view is written in batches, several of which must tell the same.
      return quiet > 100 ? true : null;
    });
    assert.match(await other.ask(request(1, ['normal-01.jpg'])), /"result": 1/);
    await assertServed(other);
    for (const wire of [...wires, other]) wire.close();
    await offers;
  }));
