// `pear peers` against a real server, as people use it.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, test } from 'node:test';
import { z } from 'zod';
import { closedPeerSchema } from '#src/connections/record.js';
import { eventually } from '../support/deadline.js';
import { startServer } from '../support/server.js';
import { freePort, LivePear, pear } from './pear.js';
import { Session } from './session.js';

const session = new Session();

describe('pear peers', () => {
  test('narrows and sorts the list, and adds up each worker', async () => {
    const busy = await session.listed('127.0.1.1');
    const quiet = await session.listed('127.0.1.2');
    await busy.wire.ask('{"cmd": 0x36, "request_data": null}');
    await eventually('the request is counted', async () =>
      (await session.records('--address', '127.0.1.1', '--state', 'active')).length === 1 ? true : null,
    );
    const sorted = await session.records('--sort', '-requests');
    const place = (id: string) => sorted.findIndex((record) => record.id === id);
    assert.ok(place(busy.id) < place(quiet.id));
    assert.equal((await session.records('--sort', 'requests', '--limit', '1')).length, 1);
    assert.deepEqual(await session.records('--host', 'nowhere'), []);
    const { stdout } = await pear('peers', ...session.connect, '--address', '127.0.1.1');
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
    const { wire, id } = await session.listed('127.0.1.3');
    wire.close();
    const stdout = await eventually('its end is known', async () => {
      const ended = await pear('peers', '--closed', '--address', '127.0.1.3', ...session.admin);
      return ended.stdout.includes(id) ? ended.stdout : null;
    });
    assert.match(stdout, /^closed +why +peer +address +for +requests +images +errors$/m);
    assert.match(stdout, new RegExp(`^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d  client +${id} `, 'm'));
    assert.match(stdout, /^1 connection that closed; known since .*, of this host only$/m);
    const json = await pear('peers', '--closed', '--json', '--limit', '1', ...session.admin);
    assert.equal(z.array(closedPeerSchema).parse(JSON.parse(json.stdout)).length, 1);
  });

  test('--watch prints one table each time into a pipe, until it is told to end', async (t) => {
    const live = LivePear.start(t, 'peers', '--watch', '--interval', '0.1', ...session.connect);
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
      const { wire, id } = await session.listed('127.0.1.4');
      for (const [key, name] of [
        ['q', 'q'],
        ['\x03', 'Ctrl+C'],
      ] as const) {
        const command = `stty cols 80 rows 20; ${process.execPath} dist/cli/pear.js peers --watch --interval 0.1 ${session.connect.join(' ')}; echo ended with $?`;
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

  test(
    'a terminal that does not know its size is shown as much as an old one',
    { skip: existsSync('/usr/bin/script') ? false : 'script (util-linux) is not here' },
    async (t) => {
      const { wire, id } = await session.listed('127.0.1.5');
      for (const watch of ['', '--watch']) {
        const command = `stty cols 0 rows 0; ${process.execPath} dist/cli/pear.js peers ${watch} ${session.connect.join(' ')}`;
        const live = new LivePear('/usr/bin/script', ['-qec', command, '/dev/null']);
        t.after(() => live.process.kill('SIGKILL'));
        await live.has(id);
        if (watch !== '') live.press('q');
        assert.equal(await live.exited, 0);
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
