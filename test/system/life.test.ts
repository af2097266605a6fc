// How the cluster ends, and how it refuses to begin.
import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, describe, test } from 'node:test';
import { eventually } from '../support/deadline.js';
import { sample } from '../support/pictures.js';
import { signalTo } from '../support/processes.js';
import { askFolder } from '../support/replies.js';
import { Wire } from '../support/wire.js';
import { cleanEnvironment } from '#src/cli/local-server.js';
import { runServer, startServer, startServerWith } from '../support/server.js';

/** So many images keep a worker busy for longer than a test takes to end it. */
const images = (count: number) =>
  JSON.stringify({ cmd: 1, request_data: Array(count).fill('normal-01.jpg') });
const judged = (reply: string) => [...reply.matchAll(/"result": 1, "error_code": 0/g)].length;

/** Process ids of the workers, as 0x44 tells them. */
async function workerPids(wire: Wire): Promise<number[]> {
  const status = await wire.ask('{"cmd": 0x44, "request_data": null}');
  return [...status.matchAll(/"pid": (\d+)/g)].map(([, pid]) => Number(pid));
}

const isAlive = (pid: number) => existsSync(`/proc/${pid}`);

describe('a stop', () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    test(`by ${signal} answers what was asked for, closes every connection and exits with 0`, async (t) => {
      const server = await startServer(t, '--cluster.workers', '2');
      const wires = await Promise.all(Array.from({ length: 4 }, () => Wire.open(server.port)));
      const pids = await workerPids(firstOf(wires));
      const replies = wires.map((wire) => wire.ask(images(12)));
      const idle = await Wire.open(server.port);
      await idle.ask(askFolder);
      signalTo(server.pid, signal);
      for (const reply of await Promise.all(replies)) assert.equal(judged(reply), 12);
      await Promise.all([...wires, idle].map((wire) => wire.closed()));
      for (const wire of [...wires, idle]) wire.close();
      assert.equal(await server.exited, 0);
      assert.equal(pids.length, 2);
      assert.deepEqual(pids.filter(isAlive), []);
      assert.equal(server.errors, '');
    });
  }

  test('cuts what is not done at its deadline, and still exits with 0', async (t) => {
    const server = await startServer(t, '--cluster.workers', '1', '--cluster.drain_timeout_ms', '200');
    const wire = await Wire.open(server.port);
    wire.send(images(1000));
    const watcher = await Wire.open(server.port);
    await underWay(watcher, wire);
    const open = await Wire.open(server.port);
    assert.match(await open.ask(`${askFolder}{"cmd": 0x32`), /models\/samples/);
    signalTo(server.pid, 'SIGTERM');
    assert.equal([...(await wire.reply()).matchAll(/"result": null, "error_code": 4/g)].length > 900, true);
    assert.match(await open.reply(), /"error_code": 4, "message": "the server is stopping"/);
    await Promise.all([wire.closed(), watcher.closed(), open.closed()]);
    open.close();
    for (const each of [wire, watcher]) each.close();
    assert.equal(await server.exited, 0);
  });

  test('lets a request whose images are still coming come in, and answers it', async (t) => {
    const server = await startServer(t, '--cluster.workers', '1');
    const wire = await Wire.open(server.port);
    const bytes = await sample('normal-01.jpg');
    const element = { file_name: 'a', bytes: bytes.length };
    wire.send(JSON.stringify({ cmd: 1, request_data: [element] }));
    wire.send(bytes.subarray(0, 10_000));
    const watcher = await Wire.open(server.port);
    await underWay(watcher, wire);
    signalTo(server.pid, 'SIGTERM');
    await watcher.closed();
    wire.send(bytes.subarray(10_000));
    assert.equal(judged(await wire.reply()), 1);
    await wire.closed();
    for (const each of [wire, watcher]) each.close();
    assert.equal(await server.exited, 0);
  });

  test('comes to its end for a client that never pauses: one request more, and no other', async (t) => {
    const server = await startServer(t, '--cluster.workers', '1', '--cluster.drain_timeout_ms', '60000');
    const wire = await Wire.open(server.port);
    const half = '{"cmd": 0x36, ';
    await wire.ask(askFolder + half);
    const watcher = await Wire.open(server.port);
    await watcher.ask(askFolder);
    signalTo(server.pid, 'SIGTERM');
    await watcher.closed();
    wire.send(`"request_data": null}${askFolder}${half}`);
    assert.match(await wire.reply(), /"cmd": 55/);
    await wire.closed();
    assert.equal(wire.received, '');
    for (const each of [wire, watcher]) each.close();
    assert.equal(await server.exited, 0);
  });

  test('asked for twice ends at once', async (t) => {
    const server = await startServer(t, '--cluster.workers', '1', '--cluster.drain_timeout_ms', '60000');
    const wire = await Wire.open(server.port);
    const [pid = 0] = await workerPids(wire);
    wire.send(images(1000));
    signalTo(server.pid, 'SIGTERM');
    await server.line(({ msg }) => msg.startsWith('stopping'));
    signalTo(server.pid, 'SIGTERM');
    assert.equal(await server.exited, 1);
    assert.equal(isAlive(pid), false);
    wire.close();
  });
});

describe('a stop while the server starts', () => {
  test('ends it with 0, without having served', async () => {
    const { exitCode, errors } = await endedAtStart('SIGTERM');
    assert.deepEqual([exitCode, errors], [0, '']);
  });

  test('by killing the primary leaves no worker behind', async () => {
    // It resolves when the last process that writes to the same pipe has ended.
    const { exitCode } = await endedAtStart('SIGKILL');
    assert.equal(exitCode, null);
  });
});

describe('a worker whose inference thread dies', () => {
  test('ends too and is replaced, so that images are judged again', async (t) => {
    const trigger = join(mkdtempSync(join(tmpdir(), 'pear-thread-')), 'die');
    // Who removes the file is the one that dies; the other worker's thread finds it gone.
    const preload = `import { isMainThread } from 'node:worker_threads'; import { rmSync } from 'node:fs';
      if (!isMainThread) setInterval(() => {
        try { rmSync(${JSON.stringify(trigger)}); } catch { return; }
        throw new Error('the thread fails');
      }, 20).unref();`;
    const env = { NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(preload)}` };
    const server = await startServerWith(t, env, '--cluster.workers', '2');
    writeFileSync(trigger, '');
    await server.line(({ msg }) => msg.includes('a fault of the worker'));
    await server.line(({ msg }) => msg.includes('a worker died'));
    // Connections go to the workers in turn: four reach both.
    await eventually('four connections are served', async () => {
      const wires = await Promise.all(Array.from({ length: 4 }, () => Wire.open(server.port)));
      const workers = await workersOf(firstOf(wires));
      const serving = workers.filter(({ state }) => state === 'serving').length;
      for (const wire of wires) assert.equal(judged(await wire.ask(images(1))), 1);
      for (const wire of wires) wire.close();
      return serving === 2 ? true : null;
    });
    rmSync(dirname(trigger), { recursive: true });
    assert.equal(await server.stop(), 0);
  });
});

describe('a killed primary', () => {
  test('takes no owed reply with it, and leaves no worker behind', async (t) => {
    const server = await startServer(t, '--cluster.workers', '2');
    const wires = await Promise.all(Array.from({ length: 4 }, () => Wire.open(server.port)));
    const pids = await workerPids(firstOf(wires));
    const replies = wires.map((wire) => wire.ask(images(30)));
    const watcher = await Wire.open(server.port);
    for (const wire of wires) await underWay(watcher, wire);
    signalTo(server.pid, 'SIGKILL');
    for (const reply of await Promise.all(replies)) assert.equal(judged(reply), 30);
    await Promise.all([...wires, watcher].map((wire) => wire.closed()));
    for (const wire of [...wires, watcher]) wire.close();
    await eventually('no worker is left', () => (pids.some(isAlive) ? null : true));
    await server.exited;
  });
});

describe('a worker that dies again and again', () => {
  test('is forked anew each time, with growing waits, while the server goes on', async (t) => {
    const server = await startServer(
      t,
      '--cluster.workers',
      '2',
      '--connections.heartbeat_interval_ms',
      '100',
    );
    const wire = await Wire.open(server.port);
    for (let deaths = 1; deaths <= 3; deaths++) {
      const mine = await ownWorker(wire);
      const victim = await eventually('the other worker serves', async () => {
        return (
          (await workersOf(wire)).find(({ worker, state }) => worker !== mine && state === 'serving') ?? null
        );
      });
      signalTo(victim.pid, 'SIGKILL');
      const line = await server.line(({ msg, ...rest }) => msg.includes('died') && rest['deaths'] === deaths);
      assert.equal(line['delayMs'], deaths === 1 ? 0 : 200 * 2 ** (deaths - 2));
      assert.match(await wire.ask(askFolder), /models\/samples/);
    }
    wire.close();
    assert.equal(await server.stop(), 0);
  });
});

describe('a start that cannot succeed', () => {
  const folder = mkdtempSync(join(tmpdir(), 'pear-start-'));
  after(() => {
    rmSync(folder, { recursive: true });
  });
  const yaml = join(folder, 'wrong.yaml');
  writeFileSync(yaml, 'server:\n  prot: 9090\n  encoding: utf-16\nmodell: {}\n');
  const text = join(folder, 'text.onnx');
  writeFileSync(text, 'no model');

  const refusals: readonly (readonly [what: string, args: readonly string[], error: RegExp])[] = [
    [
      'because of mistakes in the YAML names all of them with the cure',
      ['--config', yaml],
      /^(?=[^]*server\.prot: unknown key; did you mean server\.port\?)(?=[^]*server\.encoding: "utf-16")(?=[^]*modell: unknown key; did you mean model\?)/,
    ],
    [
      'because of a missing configuration names it',
      ['--config', join(folder, 'no.yaml')],
      /no\.yaml: no such file/,
    ],
    [
      'because of a missing model names it',
      ['--model.model_path', 'models/no.onnx'],
      /^cannot start: the model models\/no\.onnx is not there.*; set model\.model_path/,
    ],
    [
      'because the model is no model says so',
      ['--model.model_path', text],
      /^cannot start: the model text\.onnx cannot be loaded: .*; set model\.model_path/,
    ],
    [
      'because of a missing image folder names it',
      ['--model.img_path', 'no/such'],
      /^cannot start: the folder no\/such \(model\.img_path\) is not there.*; create it/,
    ],
    [
      'because Redis is required and absent names it',
      [
        '--connections.store',
        'redis',
        '--connections.redis.url',
        'redis://:secret@127.0.0.1:1/0',
        '--connections.redis.command_timeout_ms',
        '500',
      ],
      /^cannot start: Redis at redis:\/\/.*127\.0\.0\.1:1.*; start Redis or correct connections\.redis;/,
    ],
    [
      'because of an option that it does not know names the nearest',
      ['--port', '9191'],
      /^the configuration has mistakes:\n.*--port: unknown option; did you mean --server\.port\?\n.*9191: unknown option/,
    ],
    [
      'because Redis is required and not configured says so',
      ['--connections.store', 'redis'],
      /connections\.redis\.url/,
    ],
  ];
  for (const [what, args, error] of refusals) {
    test(what, async () => {
      const { exitCode, errors } = await runServer(...args);
      assert.equal(exitCode, errors.startsWith('cannot start') ? 1 : 78);
      assert.match(errors, error);
      assert.doesNotMatch(errors, /\n\s+at |secret/, 'no stack, no secret');
      if (errors.startsWith('cannot start')) assert.equal(errors.trim().split('\n').length, 1, 'one line');
    });
  }

  for (const section of ['server', 'admin'] as const) {
    test(`because ${section}.port is busy names it`, async () => {
      const blocker = createServer().listen(0, '127.0.0.1');
      await once(blocker, 'listening');
      const address = blocker.address();
      assert.ok(address !== null && typeof address === 'object');
      const { exitCode, errors } = await runServer(`--${section}.port`, String(address.port));
      assert.equal(exitCode, 1);
      assert.equal(
        errors,
        `cannot start: port ${address.port} on 127.0.0.1 is already in use; stop what listens there, or set ${section}.port to a free one\n`,
      );
      blocker.close();
    });
  }
});

/** Sent `signal` as soon as it says that it is starting. */
async function endedAtStart(signal: NodeJS.Signals): Promise<{ exitCode: number | null; errors: string }> {
  const child = spawn(
    process.execPath,
    ['dist/main.js', '--server.port', '0', '--admin.port', '0', '--cluster.orphan_timeout_ms', '1000'],
    {
      env: cleanEnvironment(),
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let errors = '';
  child.stderr.on('data', (chunk: Buffer) => (errors += chunk.toString()));
  let lines = '';
  child.stdout.on('data', (chunk: Buffer) => {
    const hadBegun = lines.includes('"starting"');
    lines += chunk.toString();
    if (!hadBegun && lines.includes('"starting"')) child.kill(signal);
  });
  await once(child, 'close');
  return { exitCode: child.exitCode, errors };
}

function firstOf(wires: readonly Wire[]): Wire {
  const [first] = wires;
  assert.ok(first !== undefined);
  return first;
}

/** Resolves when the view shows images of `busy` under way; `watcher` is another connection, free to ask. */
async function underWay(watcher: Wire, busy: Wire): Promise<void> {
  const record = new RegExp(`"port": ${busy.socket.localPort},[^}]*"in_flight": [1-9]`);
  await eventually('images are under way', async () => {
    return record.test(await watcher.ask('{"cmd": 0x40, "request_data": null}')) ? true : null;
  });
}

async function workersOf(wire: Wire): Promise<{ worker: string; pid: number; state: string }[]> {
  const status = await wire.ask('{"cmd": 0x44, "request_data": null}');
  return [...status.matchAll(/"worker": "([^"]+)", "pid": (\d+), "state": "(\w+)"/g)].map(
    ([, worker = '', pid, state = '']) => ({ worker, pid: Number(pid), state }),
  );
}

/** The worker that `wire` is connected to, once the view shows it. */
function ownWorker(wire: Wire): Promise<string> {
  return eventually('the view shows this connection', async () => {
    const list = await wire.ask('{"cmd": 0x40, "request_data": null}');
    return (
      new RegExp(`"worker": "([^"]+)", "address": "127.0.0.1", "port": ${wire.socket.localPort},`).exec(
        list,
      )?.[1] ?? null
    );
  });
}
