// The Python client that docs/protocol.md offers, run as it stands there. The project itself needs no Python.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { connect, createServer, type AddressInfo } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { text } from 'node:stream/consumers';
import type { LocalServer } from '#src/cli/local-server.js';
import { samplesFolder } from '../support/pictures.js';
import { startServer } from '../support/server.js';

const program = /^```python\n(.*?)^```$/ms.exec(readFileSync('docs/protocol.md', 'utf8'))?.[1] ?? '';
const hasPython = spawnSync('python3', ['--version'], { stdio: 'ignore' }).status === 0;

describe('the Python client', { skip: hasPython ? false : 'python3 is not there' }, () => {
  let server: LocalServer;
  before(async () => {
    server = await startServer(null, '--cluster.workers', '1');
  });
  after(async () => {
    assert.equal(await server.stop(), 0);
  });

  const photos = ['empty-01.jpg', 'defective-02.jpg'].map((name) => `${samplesFolder}/${name}`);
  const verdicts = [
    'normal-01.jpg 1 0 None',
    'defective-01.jpg 0 0 None',
    'empty-01.jpg -1 0 None',
    'defective-02.jpg 0 0 defected_pear',
  ];

  test('has images judged by name and with their bytes', async () => {
    const { exitCode, output, errors } = await run(server.port, ...photos);
    assert.deepEqual([output.split('\n'), errors, exitCode], [[...verdicts, ''], '', 0]);
  });

  test('does not mind in which pieces replies come', async (t) => {
    const { exitCode, output } = await run(await cutReplies(server.port, t), ...photos);
    assert.deepEqual([output.split('\n'), exitCode], [[...verdicts, ''], 0]);
  });

  test('says so where the server has no room', async (t) => {
    const full = await startServer(t, '--cluster.workers', '1', '--limits.max_peers', '1');
    const only = connect(full.port, '127.0.0.1');
    await full.line(({ msg }) => msg === 'connected');
    const { exitCode, errors } = await run(full.port);
    only.destroy();
    assert.match(errors, /Refused: \(6, 'too many connections/);
    assert.equal(exitCode, 1);
    assert.equal(await full.stop(), 0);
  });
});

/** Runs the client to its end. */
async function run(port: number, ...args: readonly string[]) {
  const python = spawn('python3', ['-', '127.0.0.1', String(port), ...args]);
  python.stdin.end(program);
  const [output, errors] = await Promise.all([
    text(python.stdout),
    text(python.stderr),
    once(python, 'close'),
  ]);
  return { exitCode: python.exitCode, output, errors };
}

/** A port that leads to `port`, where what the server says comes byte by byte. */
async function cutReplies(port: number, ending: { after(end: () => void): void }): Promise<number> {
  const cutter = createServer({ noDelay: true }, (client) => {
    const server = connect(port, '127.0.0.1');
    client.pipe(server);
    server.on('data', (chunk) => {
      for (const byte of chunk) client.write(Buffer.of(byte));
    });
    server.on('end', () => client.end());
  });
  ending.after(() => {
    cutter.close();
  });
  await once(cutter.listen(0, '127.0.0.1'), 'listening');
  const address: AddressInfo | string | null = cutter.address();
  assert.ok(address !== null && typeof address !== 'string');
  return address.port;
}
