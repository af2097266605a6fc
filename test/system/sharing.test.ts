// One connection and two workers: what one of them has waiting the other one judges.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { LocalServer } from '#src/cli/local-server.js';
import { eventually } from '../support/deadline.js';
import { sample } from '../support/pictures.js';
import { signalTo, workerPids } from '../support/processes.js';
import { codesOf, item, reply, request } from '../support/replies.js';
import { startServerWith } from '../support/server.js';
import { Wire } from '../support/wire.js';

/** Photos of two verdicts, so that replies in a wrong order are seen. */
const verdicts = [
  ['normal-01.jpg', 1],
  ['defective-01.jpg', 0],
  ['empty-01.jpg', -1],
] as const;
const photos = Array.from({ length: 24 }, (_, index) => verdicts[(index * 7) % 3] ?? verdicts[0]);
const names = photos.map(([name]): string => name);
const allRight = reply(2, ...photos.map(([name, result]) => item(name, result, 0)));
/** A pull and a helper's first image are there long before these are judged. */
const requests = 6;

/** Images that each worker has judged for the other one. */
async function helped(server: LocalServer): Promise<number[]> {
  const { msg } = await server.line(({ msg }) => msg.startsWith('health and metrics at'));
  const text = await (await fetch(`${msg.split(' ').at(-1) ?? ''}/metrics`)).text();
  return [...text.matchAll(/^pear_helped_images_total\{.*\} (\d+)$/gm)].map(([, count]) => Number(count));
}

/** A request for `names`, with the images behind it. */
async function attached(): Promise<Buffer> {
  const bytes = new Map(await Promise.all(names.map(async (name) => [name, await sample(name)] as const)));
  const image = (name: string) => bytes.get(name) ?? Buffer.alloc(0);
  const elements = names.map((name) => ({ file_name: name, bytes: image(name).length }));
  return Buffer.concat([Buffer.from(request(1, elements)), ...names.map(image)]);
}

const sum = (counts: readonly number[]) => counts.reduce((total, count) => total + count, 0);

describe('two workers that share images', () => {
  const temporary = mkdtempSync(join(tmpdir(), 'pear-tmp-'));
  let server: LocalServer;
  before(async () => {
    server = await startServerWith(
      null,
      { TMPDIR: temporary },
      ...['--cluster.workers', '2', '--connections.heartbeat_interval_ms', '200'],
    );
  });
  after(() => {
    rmSync(temporary, { recursive: true });
  });

  const shareFolder = () => {
    const [folder] = readdirSync(temporary).filter((name) => name.startsWith('pear-share-'));
    assert.ok(folder !== undefined, 'there is a folder for sockets');
    return join(temporary, folder);
  };

  test('judge those of one connection together, and answer in order', async () => {
    const before = sum(await helped(server));
    await Wire.use(server.port, async (wire) => {
      for (let sent = 0; sent < requests; sent++) wire.send(request(1, names));
      for (const text of await wire.replies(requests)) assert.equal(text, allRight);
    });
    await eventually('help is told', async () => (sum(await helped(server)) > before ? true : null));
  });

  test('share images that came behind their request, too', async () => {
    const before = sum(await helped(server));
    const message = await attached();
    await Wire.use(server.port, async (wire) => {
      for (let sent = 0; sent < requests; sent++) wire.send(message);
      for (const text of await wire.replies(requests)) assert.equal(text, allRight);
    });
    await eventually('help is told', async () => (sum(await helped(server)) > before ? true : null));
  });

  test('tell what is wrong with an image in the same way, whoever has looked at it', () =>
    Wire.use(server.port, async (wire) => {
      const odd = ['missing.jpg', '../package.jpg', 'normal-01.jpg'];
      const codes = [2, 2, 0];
      wire.send(request(1, Array<string[]>(20).fill(odd).flat()));
      assert.deepEqual(codesOf(await wire.reply()), Array<number[]>(20).fill(codes).flat());
    }));

  test('stop together: what was not begun is answered with code 7', () =>
    Wire.use(server.port, async (wire) => {
      wire.send(request(1, Array(500).fill('normal-01.jpg')) + request(3, null));
      const codes = codesOf(await wire.reply());
      assert.equal(codes.length, 500);
      assert.ok(codes.every((code) => code === 0 || code === 7));
      assert.ok(codes.filter((code) => code === 0).length < 20, codes.join(' '));
      assert.deepEqual(codesOf(await wire.reply()), [0]);
    }));

  for (const [way, message] of [
    ['by name', () => Buffer.from(request(1, names))],
    ['that came behind their request', attached],
  ] as const) {
    test(`lose no images ${way} when the one that helps is killed, and when its successor is`, () =>
      Wire.use(server.port, async (wire) => {
        const own = await workerOf(wire);
        for (let killed = 0; killed < 2; killed++) {
          const before = sum(await helped(server));
          for (let sent = 0; sent < 8; sent++) wire.send(await message());
          await eventually('it helps', async () => (sum(await helped(server)) !== before ? true : null));
          const helper = await otherWorker(own);
          signalTo(helper, 'SIGKILL');
          for (const text of await wire.replies(8)) assert.equal(text, allRight);
          await eventually('its successor serves', async () => {
            const pids = await workerPids(server.port);
            return pids.length === 2 && !pids.includes(helper) ? true : null;
          });
        }
      }));

    test(`judge images ${way} in time when the one that helps is stopped, and none twice when it goes on`, () =>
      Wire.use(server.port, async (wire) => {
        const own = await workerOf(wire);
        const before = sum(await helped(server));
        for (let sent = 0; sent < 8; sent++) wire.send(await message());
        await eventually('it helps', async () => (sum(await helped(server)) !== before ? true : null));
        const helper = await otherWorker(own);
        signalTo(helper, 'SIGSTOP');
        try {
          for (const text of await wire.replies(8)) assert.equal(text, allRight);
        } finally {
          signalTo(helper, 'SIGCONT');
        }
        // What it answers late would stand before this.
        assert.equal(await wire.ask(request(1, ['empty-01.jpg'])), reply(2, item('empty-01.jpg', -1, 0)));
        await eventually('both serve', async () => {
          const pids = await workerPids(server.port);
          return pids.length === 2 && pids.includes(helper) ? true : null;
        });
        const after = sum(await helped(server));
        await eventually('it helps again', async () => {
          assert.equal(await wire.ask(request(1, names)), allRight);
          return sum(await helped(server)) > after ? true : null;
        });
      }));
  }

  /** The worker that serves a connection. */
  async function workerOf(wire: Wire): Promise<string> {
    const list = await wire.ask(request(0x40, null));
    const row = new RegExp(`"worker": "([^"]+)", "address": "127.0.0.1", "port": ${wire.socket.localPort},`);
    const own = row.exec(list)?.[1];
    assert.ok(own !== undefined, list);
    return own;
  }

  async function otherWorker(own: string): Promise<number> {
    const status = await Wire.use(server.port, (wire) => wire.ask(request(0x44, null)));
    const workers = [...status.matchAll(/"worker": "([^"]+)", "pid": (\d+)/g)];
    const other = workers.find(([, worker]) => worker !== own);
    return Number(other?.[2]);
  }

  test('hand images out in a folder that nobody else can open, and leave nothing behind', async () => {
    const folder = shareFolder();
    assert.equal(statSync(folder).mode & 0o777, 0o700);
    assert.equal(await server.stop(), 0);
    assert.ok(!existsSync(folder));
  });
});

describe('what a server leaves that is killed with all its workers', () => {
  test('the next one removes, and nothing of one that lives', async (context) => {
    const temporary = mkdtempSync(join(tmpdir(), 'pear-tmp-'));
    context.after(() => {
      rmSync(temporary, { recursive: true });
    });
    const folders = () => readdirSync(temporary).filter((name) => name.startsWith('pear-share-'));
    const start = () => startServerWith(context, { TMPDIR: temporary }, '--cluster.workers', '2');
    const killed = await start();
    const [left, ...others] = folders();
    assert.ok(left !== undefined && others.length === 0);
    // The primary first, so that it replaces no worker; stopped workers tidy up nothing.
    const pids = await workerPids(killed.port);
    for (const pid of pids) signalTo(pid, 'SIGSTOP');
    signalTo(killed.pid, 'SIGKILL');
    for (const pid of pids) signalTo(pid, 'SIGKILL');
    await killed.exited;
    assert.deepEqual(folders(), [left]);
    const living = await start();
    const [own] = folders();
    assert.notEqual(own, left);
    assert.equal(folders().length, 1);
    const next = await start();
    assert.equal(folders().length, 2, 'that of the one that lives stands');
    assert.equal(await next.stop(), 0);
    assert.deepEqual(folders(), [own]);
    assert.equal(await living.stop(), 0);
    assert.deepEqual(folders(), []);
  });
});

describe('workers that are not to share images', () => {
  test('judge each what its own connections ask for', async (context) => {
    const server = await startServerWith(
      context,
      {},
      ...['--cluster.workers', '2', '--cluster.share_images', 'false'],
      ...['--connections.heartbeat_interval_ms', '200'],
    );
    await Wire.use(server.port, async (wire) => {
      for (let sent = 0; sent < requests; sent++) wire.send(request(1, names));
      for (const text of await wire.replies(requests)) assert.equal(text, allRight);
    });
    assert.deepEqual(await helped(server), [0, 0]);
    assert.equal(await server.stop(), 0);
  });

  test('serve all the same where no folder for it can be made, and the log says what that means', async (context) => {
    const server = await startServerWith(
      context,
      { TMPDIR: '/proc/no-such-folder' },
      ...['--cluster.workers', '2'],
    );
    const { level } = await server.line(({ msg }) => msg.startsWith('workers share no images'));
    assert.equal(level, 40);
    await Wire.use(server.port, async (wire) => {
      assert.equal(await wire.ask(request(1, names)), allRight);
    });
    assert.equal(await server.stop(), 0);
  });
});
