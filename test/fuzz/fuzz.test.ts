// The fuzzer itself: that its sessions are what they are said to be, that it lets a good server pass, and that it sees
// what a bad one does.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer } from 'node:net';
import { after, before, describe, test, type TestContext } from 'node:test';
import type { LocalServer } from '#src/cli/local-server.js';
import { startServer } from '../support/server.js';
import { fuzz } from './fuzzer.js';
import { owedTo } from './owed.js';
import { planSession } from './plan.js';
import { Playground } from './playground.js';
import { Random } from './random.js';
import type { Report } from './report.js';
import { makeSession, toBytes } from './sessions.js';

const seed = 20_260_101;
const connections = 12;

let playground: Playground;
let server: LocalServer;
before(async () => {
  playground = await Playground.create();
  server = await startServer(null, ...playground.arguments);
});
after(async () => {
  assert.equal(await server.stop(), 0);
});

describe('sessions', () => {
  test('are the same for the same seed and number', () => {
    const again = planSession(seed, 7, playground);
    assert.deepEqual(again, planSession(seed, 7, playground));
    assert.notDeepEqual(again.bytes, planSession(seed, 8, playground).bytes);
    assert.notDeepEqual(again.bytes, planSession(seed + 1, 7, playground).bytes);
  });

  test('are owed a reply for each request while they are undamaged', () => {
    for (let number = 0; number < 300; number++) {
      const session = makeSession(new Random(seed, number), playground.pictures);
      assert.equal(owedTo(toBytes(session), playground).replies.length, session.length, `session ${number}`);
    }
  });
});

describe('the fuzzer', () => {
  const count = 120;
  const run = (port: number, sessions: Iterable<number>): Promise<Report> =>
    fuzz({ server, port, playground, seed, connections, sessions: [...sessions].values() });

  test('lets the server pass', async () => {
    const report = await run(server.port, Array(count).keys());
    assert.equal(report.failure, null);
    assert.equal(report.sessions, count);
    assert.ok(report.wholeSessionsChecked > count / 4);
  });

  const faults: readonly (readonly [what: string, change: (text: string) => string, problem: RegExp])[] = [
    [
      'a wrong verdict',
      (text) => text.replaceAll('"result": 1, "error_code": 0', '"result": 0, "error_code": 0'),
      /it is not result 1 with code 0/,
    ],
    ['a lost reply', (text) => text.replace(/^\{"cmd": 35,.*\n/gm, ''), /reply \d+|replies where/],
    [
      'a told path',
      (text) => text.replaceAll('not valid JSON', 'not in /etc/pear/key'),
      /it tells "the request is/,
    ],
  ];
  for (const [what, change, problem] of faults) {
    test(`sees ${what}, and sees it again in that session alone`, async (t) => {
      const port = await damagingRelay(t, server.port, change);
      const { failure } = await run(port, Array(count).keys());
      assert.match(failure?.problem ?? 'none', problem);
      assert.equal(failure?.sessions.length, 1);
      assert.match((await run(port, failure.sessions)).failure?.problem ?? 'none', problem);
      assert.equal((await run(server.port, failure.sessions)).failure, null);
    });
  }
});

/** Stands between clients and the server and changes what comes back; resolves to its port. */
async function damagingRelay(
  t: TestContext,
  target: number,
  change: (text: string) => string,
): Promise<number> {
  const relay = createServer({ allowHalfOpen: true, noDelay: true }, (client) => {
    const upstream = connect({ port: target, host: '127.0.0.1', noDelay: true, allowHalfOpen: true });
    client.pipe(upstream);
    upstream.on('data', (chunk: Buffer) => client.write(change(chunk.toString('latin1')), 'latin1'));
    upstream.on('end', () => client.end());
    client.on('error', () => upstream.destroy());
    client.on('close', () => upstream.destroy());
    upstream.on('error', () => client.destroy());
  });
  t.after(() => relay.close());
  relay.listen(0, '127.0.0.1');
  await once(relay, 'listening');
  const address = relay.address();
  if (address === null || typeof address === 'string') throw new Error('a relay without a port');
  return address.port;
}
