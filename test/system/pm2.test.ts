// The server under a real PM2, as deploy/ecosystem.config.cjs has it. The tests follow one server through its life:
// each goes on where the one before has left it.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect, createServer, type Socket } from 'node:net';
import { join, resolve } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { z } from 'zod';
import { PearClient, type ClassifiedImage } from '#src/client/index.js';
import { createPm2, isRunning, parentOf, until, type Pm2 } from '../support/pm2.js';
import { signalTo } from '../support/processes.js';

const ecosystem = resolve('deploy', 'ecosystem.config.cjs');
const name = 'pear-server';
const workers = 2;
const orphanTimeoutMs = 5_000;

const statusSchema = z.object({
  result: z.object({ hosts: z.array(z.object({ workers: z.array(z.object({ pid: z.int() })) })) }),
});

describe('under PM2', { timeout: 120_000 }, () => {
  let pm2: Pm2;
  let port: number;

  before(async () => {
    port = await freePort();
    pm2 = await createPm2({
      PEAR_SERVER__HOST: '127.0.0.1',
      PEAR_SERVER__PORT: String(port),
      PEAR_ADMIN__PORT: '0',
      PEAR_CLUSTER__WORKERS: String(workers),
      PEAR_CLUSTER__ORPHAN_TIMEOUT_MS: String(orphanTimeoutMs),
    });
  });

  after(() => pm2.dispose());

  it('`pm2 start` returns when the cluster serves', async () => {
    await pm2.run('start', ecosystem);

    await assertServes();
    const app = await pm2.app(name);
    assert.equal(app.status, 'online');
    assert.deepEqual((await workerPids()).map(parentOf), Array(workers).fill(app.pid));
  });

  it('`pm2 restart` brings a new primary that serves, and ends the old processes in order', async () => {
    const old = await processes();

    await pm2.run('restart', name);

    await assertServes();
    const app = await pm2.app(name);
    assert.notEqual(app.pid, old.primary);
    assert.equal(app.exitCode, 0);
    assertEnded(old);
  });

  it('a primary that is killed is replaced, and its workers answer what they owe before they end', async () => {
    const old = await processes();
    const { reply } = await busyRequest();
    const unfinished = await unfinishedRequest();

    signalTo(old.primary, 'SIGKILL');

    assertJudged(await reply);
    await until(
      'the workers of the dead primary have ended, though one of them waits for the rest of a request',
      () => !old.workers.some(isRunning),
      orphanTimeoutMs + schedulingMs,
    );
    unfinished.destroy();
    await until('PM2 has a new server online', async () => {
      const { status, pid } = await pm2.app(name);
      return status === 'online' && pid !== old.primary;
    });
    await assertServes();
  });

  it('`pm2 stop` lets the reply in flight out, and leaves exit code 0 and no process', async () => {
    const old = await processes();
    const { reply, progress } = await busyRequest();

    // Held still, the workers owe the reply for certain while the server is told to stop.
    for (const pid of old.workers) signalTo(pid, 'SIGSTOP');
    const stopped = pm2.run('stop', name);
    try {
      await until('the server is told to stop', async () =>
        /"why":"the process manager","msg":"stopping/.test(lastLife(await pm2.output(name))),
      );
      assert.equal(progress.replied, false);
    } finally {
      for (const pid of old.workers) signalTo(pid, 'SIGCONT');
    }

    assertJudged(await reply);
    await stopped;
    const app = await pm2.app(name);
    assert.equal(app.status, 'stopped');
    assert.equal(app.exitCode, 0);
    assertEnded(old);
    await assert.rejects(PearClient.connect({ host: '127.0.0.1', port }), { code: 'ECONNREFUSED' });
  });

  it('a primary that does not end is killed by PM2, and its workers still answer and end', async () => {
    const impatient = join(pm2.folder, 'impatient.config.cjs');
    await writeFile(
      impatient,
      `const [app] = require(${JSON.stringify(ecosystem)}).apps;
       module.exports = { apps: [{ ...app, name: 'impatient', kill_timeout: 500 }] };`,
    );
    await pm2.run('start', impatient);
    const old = await processes('impatient');
    const { reply } = await busyRequest();

    signalTo(old.primary, 'SIGSTOP');
    await pm2.run('stop', 'impatient');

    assertJudged(await reply);
    assert.equal((await pm2.app('impatient')).status, 'stopped');
    await until('all processes have ended', () => ![old.primary, ...old.workers].some(isRunning));
  });

  async function processes(app = name): Promise<Processes> {
    const primary = (await pm2.app(app)).pid;
    const found = { primary, workers: await workerPids() };
    for (const pid of [found.primary, ...found.workers]) pm2.guard(pid);
    return found;
  }

  async function workerPids(): Promise<number[]> {
    const client = await PearClient.connect({ host: '127.0.0.1', port });
    const [item] = await client.request(0x44);
    await client.close();
    return statusSchema
      .parse(item)
      .result.hosts.flatMap((host) => host.workers)
      .map(({ pid }) => pid);
  }

  /** A client that comes now is answered at once. */
  async function assertServes(): Promise<void> {
    const client = await PearClient.connect({ host: '127.0.0.1', port });
    const [image] = await client.classify(['normal-01.jpg']);
    await client.close();
    assert.deepEqual(image, { file_name: 'normal-01.jpg', result: 1, error_code: 0 });
  }

  /** Resolves when a request that takes long is at work: the short one that went ahead of it is answered. */
  async function busyRequest() {
    const client = await PearClient.connect({ host: '127.0.0.1', port });
    const short = client.classify(['normal-01.jpg']);
    const progress = { replied: false };
    const reply = client.classify(Array<string>(busyImages).fill('normal-01.jpg')).then((images) => {
      progress.replied = true;
      return images;
    });
    // Looked at later, or never where the test fails before.
    reply.catch(() => undefined);
    await short;
    return { reply, progress };
  }

  /** A connection whose request names an attached image and sends none of it. */
  async function unfinishedRequest(): Promise<Socket> {
    const socket = connect({ host: '127.0.0.1', port });
    socket.on('error', () => undefined);
    await once(socket, 'connect');
    socket.write(
      '{"cmd": 1, "request_data": []}{"cmd": 1, "request_data": [{"file_name": "a.jpg", "bytes": 9}]}',
    );
    // The answer to the first one shows that both have come.
    await once(socket, 'data');
    return socket;
  }
});

/** Judging as many takes any machine long enough to be interrupted, and none too long. */
const busyImages = 50;
/** How late a timer may fire on a busy machine. */
const schedulingMs = 1_500;

interface Processes {
  readonly primary: number;
  readonly workers: readonly number[];
}

function assertEnded({ primary, workers }: Processes): void {
  assert.deepEqual([primary, ...workers].filter(isRunning), []);
}

function assertJudged(images: readonly ClassifiedImage[]): void {
  assert.equal(images.length, busyImages);
  assert.deepEqual(
    images.filter((image) => image.error_code !== 0),
    [],
  );
}

/** What the newest primary has logged. */
function lastLife(output: string): string {
  return output.slice(output.lastIndexOf('"msg":"starting"'));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('a TCP server without an address');
  return address.port;
}
