// `pear peers`, `pear kick` and `pear events` against a real server, as people use them.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import { PearClient } from '#src/client/index.js';
import type { LocalServer } from '#src/cli/local-server.js';
import { closedPeerSchema, peerRecordSchema, storedEventSchema } from '#src/connections/record.js';
import { eventually } from '../support/deadline.js';
import { startServer } from '../support/server.js';
import { Wire } from '../support/wire.js';
import { freePort, LivePear, pear, placesOf } from './pear.js';

let server: LocalServer;
let connect: string[];
let admin: string[];
before(async () => {
  server = await startServer(null, '--cluster.workers', '2', '--connections.flush_interval_ms', '50');
  ({ connect, admin } = await placesOf(server));
});
after(async () => {
  assert.equal(await server.stop(), 0);
});

/** Connected from an address of its own, and listed. */
async function listed(address: string): Promise<{ readonly wire: Wire; readonly id: string }> {
  const wire = await Wire.open(server.port, address);
  const [record] = await eventually(`${address} is listed`, async () => {
    const found = await records('--address', address);
    return found.length > 0 ? found : null;
  });
  assert.ok(record !== undefined);
  return { wire, id: record.id };
}

async function records(...args: string[]) {
  const { stdout } = await pear('peers', '--json', ...connect, ...args);
  return z.array(peerRecordSchema).parse(JSON.parse(stdout));
}

describe('pear peers', () => {
  test('narrows and sorts the list, and adds up each worker', async () => {
    const busy = await listed('127.0.1.1');
    const quiet = await listed('127.0.1.2');
    await busy.wire.ask('{"cmd": 0x36, "request_data": null}');
    await eventually('the request is counted', async () =>
      (await records('--address', '127.0.1.1', '--state', 'active')).length === 1 ? true : null,
    );
    const sorted = await records('--sort', '-requests');
    const place = (id: string) => sorted.findIndex((record) => record.id === id);
    assert.ok(place(busy.id) < place(quiet.id));
    assert.equal((await records('--sort', 'requests', '--limit', '1')).length, 1);
    assert.deepEqual(await records('--host', 'nowhere'), []);
    const { stdout } = await pear('peers', ...connect, '--address', '127.0.1.1');
    assert.match(
      stdout,
      /^peer +worker +address +role +state +for +idle +requests +images +errors +now +ms +last +in +out$/m,
    );
    assert.match(stdout, new RegExp(`^${busy.id} .* 127\\.0\\.1\\.1:\\d+ +admin +active `, 'm'));
    assert.match(stdout, /^worker +state +connections +requests +images +errors +now +queued +age$/m);
    assert.match(stdout, /^\S+, all +1 +1 +0 +0 +0 +0 +\d+\.\ds$/m);
    assert.match(stdout, /^1 connection on 1 worker$/m);
    for (const { wire } of [busy, quiet]) wire.close();
  });

  test('--closed tells when and why', async () => {
    const { wire, id } = await listed('127.0.1.3');
    wire.close();
    const stdout = await eventually('its end is known', async () => {
      const ended = await pear('peers', '--closed', '--address', '127.0.1.3', ...admin);
      return ended.stdout.includes(id) ? ended.stdout : null;
    });
    assert.match(stdout, /^closed +why +peer +address +for +requests +images +errors$/m);
    assert.match(stdout, new RegExp(`^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d  client +${id} `, 'm'));
    assert.match(stdout, /^1 connection that closed; known since .*, of this host only$/m);
    const json = await pear('peers', '--closed', '--json', '--limit', '1', ...admin);
    assert.equal(z.array(closedPeerSchema).parse(JSON.parse(json.stdout)).length, 1);
  });

  test('--watch prints one table each time into a pipe, until it is told to end', async (t) => {
    const live = LivePear.start(t, 'peers', '--watch', '--interval', '0.1', ...connect);
    await live.has(/(^at .*\n[^]*?){3}/m);
    assert.match(
      live.stdout,
      /^\d+ connections? on \d workers?; [\d.]+ images\/s; oldest report \d+\.\d s ago$/m,
    );
    assert.match(live.stdout, /^this host only: the view lies in the memory of its primary$/m);
    assert.equal(await live.stop('SIGINT'), 0);
    assert.doesNotMatch(live.stdout, /\x1b/, 'a pipe gets no commands for a terminal');
  });

  test(
    '--watch redraws a terminal, fits it, and gives it back',
    { skip: existsSync('/usr/bin/script') ? false : 'script (util-linux) is not here' },
    async (t) => {
      const { wire, id } = await listed('127.0.1.4');
      for (const [key, name] of [
        ['q', 'q'],
        ['\x03', 'Ctrl+C'],
      ] as const) {
        const command = `stty cols 80 rows 20; ${process.execPath} dist/cli/pear.js peers --watch --interval 0.1 ${connect.join(' ')}; echo ended with $?`;
        const live = new LivePear('/usr/bin/script', ['-qec', command, '/dev/null']);
        t.after(() => live.process.kill('SIGKILL'));
        await live.has(/(\x1b\[H[^]*?){3}/);
        live.press(key);
        await live.has('ended with 0');
        assert.equal(await live.exited, 0, name);
        const [before = '', ...frames] = live.stdout.split('\x1b[H');
        assert.ok(before.includes('\x1b[?1049h\x1b[?25l'), 'the other screen, without a cursor');
        assert.match(live.stdout, /\x1b\[\?25h\x1b\[\?1049l\s*ended/, 'and back again');
        for (const frame of frames) {
          const [shown = ''] = frame.split('\x1b[J');
          const lines = shown
            .split(/\r*\n/)
            .map((line) => line.replaceAll('\x1b[K', '').replaceAll('\r', ''));
          assert.ok(lines.length <= 20, `${lines.length} lines`);
          for (const line of lines) assert.ok(line.length <= 80, line);
        }
        assert.ok(frames.at(-1)?.includes(id));
      }
      wire.close();
    },
  );

  test('--watch goes on when the server comes back', async (t) => {
    const port = await freePort();
    const fixed = ['--cluster.workers', '1', '--server.port', String(port)];
    const old = await startServer(t, ...fixed);
    const live = LivePear.start(t, 'peers', '--watch', '--json', '--interval', '0.1', '--connect', `${port}`);
    await live.has('\n');
    await old.stop();
    await eventually('it says so', () => (live.stderr.includes('; trying again') ? true : null));
    await startServer(t, ...fixed);
    const length = live.stdout.length;
    await eventually('it lists again', () => (live.stdout.length > length ? true : null));
    assert.equal(await live.stop('SIGTERM'), 0);
  });
});

describe('pear kick', () => {
  test('disconnects by id, a line each, and exits with 1 where one was not there', async () => {
    const { wire, id } = await listed('127.0.2.1');
    const both = await pear('kick', id, 'gone', ...connect);
    assert.deepEqual(both, { code: 1, stdout: `${id}  kicked\ngone  not found\n`, stderr: '' });
    await wire.closed();
    const { stdout } = await eventually('the reason is known', async () => {
      const ended = await pear('peers', '--closed', '--address', '127.0.2.1', ...admin);
      return ended.stdout.includes(id) ? ended : null;
    });
    assert.match(stdout, /  kicked by \S+  /);
  });

  test('disconnects all from an address but for itself, and says whom', async () => {
    const { wire, id } = await listed('127.0.2.2');
    assert.deepEqual(await pear('kick', '--address', '127.0.2.2', ...connect), {
      code: 0,
      stdout: `from 127.0.2.2: 1 connection\n${id}  kicked\n`,
      stderr: '',
    });
    await wire.closed();
    const client = await PearClient.connect({ host: '127.0.0.1', port: server.port });
    await client.request(0x36);
    const json = await pear('kick', '--address', '127.0.0.1', '--json', ...connect);
    assert.equal(json.code, 0, 'its own connection answered to the end');
    assert.deepEqual(
      z
        .array(z.object({ id: z.string(), outcome: z.string() }))
        .parse(JSON.parse(json.stdout))
        .map(({ outcome }) => outcome),
      ['kicked'],
    );
    await client.close();
    assert.deepEqual(await pear('kick', '--address', '127.0.2.2', ...connect), {
      code: 1,
      stdout: 'from 127.0.2.2: 0 connections\n',
      stderr: '',
    });
  });
});

describe('pear events', () => {
  test('prints the last ones as lines or as JSON', async () => {
    const { wire, id } = await listed('127.0.3.1');
    const stdout = await eventually('it is told', async () => {
      const ended = await pear('events', '--tail', '5', ...admin);
      return ended.stdout.includes(`opened       ${id}  127.0.3.1:`) ? ended.stdout : null;
    });
    assert.match(stdout, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}opened /m);
    const json = await pear('events', '--json', '--tail', '1', ...admin);
    assert.equal(json.stdout.trim().split('\n').length, 1);
    storedEventSchema.parse(JSON.parse(json.stdout));
    wire.close();
  });

  test('--follow goes on with what happens, also after the server has restarted', async (t) => {
    const [port, adminPort] = [await freePort(), await freePort()];
    const fixed = ['--server.port', `${port}`, '--admin.port', `${adminPort}`, '--cluster.host_id', 'line-7'];
    const start = () => startServer(t, ...fixed, '--cluster.workers', '1');
    const old = await start();
    const live = LivePear.start(t, 'events', '--follow', '--admin', `${adminPort}`);
    await live.has('worker up ');
    const wire = await Wire.open(port, '127.0.3.2');
    await live.has('127.0.3.2');
    wire.close();
    await old.stop();
    await eventually('it says so', () => (live.stderr.includes('connecting again') ? true : null));
    await start();
    await Wire.use(port, (next) => next.ask('{"cmd": 0x36, "request_data": null}'));
    await live.has(/127\.0\.3\.2[^]*line-7\/1\.[^]*127\.0\.0\.1:\d+ +client/);
    assert.equal(live.stderr, 'the stream of events ended; connecting again\nconnected again\n');
    await live.stop('SIGINT');
  });

  test('ends quietly when whoever reads it has seen enough', async () => {
    const command = `${process.execPath} dist/cli/pear.js events --json ${admin.join(' ')} | head -n 1`;
    const live = new LivePear('/bin/sh', ['-c', command]);
    assert.equal(await live.exited, 0);
    assert.deepEqual([live.stdout.split('\n').length, live.stderr], [2, '']);
  });
});

describe('what is wrong is named with the cure', () => {
  const refusals: readonly (readonly [readonly string[], string])[] = [
    [
      ['peers', '--adress', 'x'],
      'pear peers has no option --adress; did you mean --address? see pear peers --help',
    ],
    [
      ['peers', '--state', 'activ'],
      'pear peers: --state activ will not do; did you mean active? see pear peers --help',
    ],
    [
      ['peers', '--sort', '-image'],
      'pear peers: --sort -image will not do; there is no key image to sort by; did you mean images? see pear peers --help',
    ],
    [['peers', '--limit'], 'pear peers: the value of --limit is missing; write --limit N'],
    [['peers', '--address', '--json'], 'pear peers: the value of --address is missing; write --address IP'],
    [['peers', '--json=yes'], 'pear peers: --json takes no value; write --json alone'],
    [
      ['peers', '--limit', 'few'],
      'pear peers: --limit few will not do; it must be a whole number from 1 to 1000000; see pear peers --help',
    ],
    [
      ['peers', '--watch', '--closed'],
      'pear peers: --watch and --closed do not go together; give one of them',
    ],
    [['peers', 'all'], 'pear peers takes no all; see pear peers --help'],
    [
      ['kick'],
      'pear kick: nobody is named; give ids, as pear peers shows them, or --address IP for all from there',
    ],
    [
      ['kick', 'a', '--address', 'b'],
      'pear kick: ids and --address do not go together; give the ones or the other',
    ],
    [['event'], 'pear event is no command; did you mean events? see pear --help'],
    [['events', '--admin', 'x'], '--admin x names no server; write HOST:PORT, such as 127.0.0.1:9091'],
    [
      ['events', '--admin', '1'],
      'no admin HTTP answers at 127.0.0.1 port 1 (ECONNREFUSED); start the server with npm start, or name its admin HTTP with --admin HOST:PORT',
    ],
    [
      ['events', '--admin.enabled', 'false'],
      'the admin HTTP is switched off (admin.enabled); switch it on, or name the one of another server with --admin HOST:PORT',
    ],
  ];
  test('in one line, with exit code 1', async () => {
    await Promise.all(
      refusals.map(async ([args, line]) => {
        assert.deepEqual(await pear(...args), { code: 1, stdout: '', stderr: `${line}\n` });
      }),
    );
  });

  test('each tool explains its options', async () => {
    for (const tool of ['classify', 'peers', 'kick', 'events', 'models']) {
      const { code, stdout } = await pear(tool, '--help');
      assert.equal(code, 0);
      assert.match(stdout, new RegExp(`^pear ${tool}.*: `));
      assert.match(stdout, /^ {2}--json +print/m);
      assert.ok(Math.max(...stdout.split('\n').map(({ length }) => length)) <= 110);
    }
  });

  test('a server that keeps no view says so', async (t) => {
    const none = await startServer(t, '--cluster.workers', '1', '--connections.store', 'none');
    const places = await placesOf(none);
    const said = 'this server keeps no view of connections (connections.store is none); it cannot list them';
    assert.equal((await pear('peers', ...places.connect)).stderr, `the server refuses (error 5): ${said}\n`);
    for (const args of [['peers', '--closed'], ['events'], ['events', '--follow']]) {
      assert.equal((await pear(...args, ...places.admin)).stderr, `the server refuses (HTTP 403); ${said}\n`);
    }
  });
});
