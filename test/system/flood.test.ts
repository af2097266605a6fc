// Some hundred connections of one address ask for something cheap as fast as they can. One from elsewhere is served meanwhile,
// and the worker goes on saying that it is there.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import type { LocalServer } from '#src/cli/local-server.js';
import { intervalMs, linesPerNetworkMax } from '#src/server/connection-log.js';
import { eventually } from '../support/deadline.js';
import { offer } from '../support/offer.js';
import { askFolder, folder, request } from '../support/replies.js';
import { startServer } from '../support/server.js';
import { Wire } from '../support/wire.js';

const flooders = 300;
/** More than one of them comes to in the time of the test. */
const bytesMax = 64 * 1024 * 1024;
const chunk = Buffer.from(askFolder.repeat(400));
/** One after the other; where each had to wait for all that flood, for minutes. */
const asks = 20;
const asksTimeoutMs = 40_000;

const workerSchema = z.object({ age_ms: z.number() });
const statusSchema = z.object({
  response_data: z.tuple([
    z.object({ result: z.object({ hosts: z.tuple([z.object({ workers: z.tuple([workerSchema]) })]) }) }),
  ]),
});

let server: LocalServer;
before(async () => {
  server = await startServer(null, '--cluster.workers', '1', '--connections.heartbeat_interval_ms', '500');
});
after(() => {
  server.kill();
});

test('hundreds that ask as fast as they can hold up neither a newcomer nor the heartbeat', async () => {
  const floodAt = performance.now();
  const flood = await Promise.all(
    Array.from({ length: flooders }, async () => {
      const wire = await Wire.open(server.port, '127.0.0.5');
      // What comes is thrown away: a text of all replies would be ours to collect.
      wire.socket.removeAllListeners('data').resume();
      return { wire, over: offer(wire, chunk, bytesMax) };
    }),
  );
  await eventually(
    'all of them are served',
    () => (flood.every(({ wire }) => wire.socket.bytesRead > 0) ? true : null),
    90_000,
  );

  const startedAt = performance.now();
  for (let count = 0; count < asks; count++) {
    const newcomer = await Wire.open(server.port, '127.0.0.9');
    assert.equal(await newcomer.ask(askFolder), folder);
    newcomer.close();
    assert.ok(performance.now() - startedAt < asksTimeoutMs, `${count + 1} answers`);
  }

  const viewer = await Wire.open(server.port, '127.0.0.9');
  let [heartbeats, lastAgeMs] = [0, 0];
  await eventually(
    'heartbeats come',
    async () => {
      const status = statusSchema.parse(JSON.parse(await viewer.ask(request(0x44, null))));
      const [{ age_ms: ageMs }] = status.response_data[0].result.hosts[0].workers;
      if (ageMs < lastAgeMs) heartbeats += 1;
      lastAgeMs = ageMs;
      return heartbeats >= 3 ? true : null;
    },
    60_000,
  );
  viewer.close();
  for (const { wire } of flood) wire.close();
  await Promise.all(flood.map(({ over }) => over));
  assert.deepEqual(
    server.lines.filter(({ msg }) => /ending it|died/.test(msg)).map(({ msg }) => msg),
    [],
  );
  // They may have come over more than one of its intervals.
  const told = server.lines.filter((line) => line.msg === 'connected' && line['address'] === '127.0.0.5');
  const intervals = Math.ceil((performance.now() - floodAt) / intervalMs) + 1;
  assert.ok(told.length <= intervals * linesPerNetworkMax, 'the log does not have a line of each');
});
