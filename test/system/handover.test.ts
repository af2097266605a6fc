// Clients that come while workers die: whoever could connect is answered, or sees the end of the connection.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eventually } from '../support/deadline.js';
import { signalTo, workerPids } from '../support/processes.js';
import { askFolder, folder } from '../support/replies.js';
import { startServer } from '../support/server.js';
import { Wire } from '../support/wire.js';

const deaths = 4;
const clients = 16;

test('no client waits in vain, whichever worker is killed while it comes', async (t) => {
  const server = await startServer(
    t,
    ...['--cluster.workers', '2', '--cluster.restart_delay_max_ms', '1'],
    ...['--connections.heartbeat_interval_ms', '100'],
  );
  const { port } = server;
  let isOver = false;
  const counts = { answered: 0, closed: 0 };
  const comeAndGo = async () => {
    while (!isOver) {
      await Wire.use(port, async (wire) => {
        wire.send(askFolder);
        // It waits until there is a reply, or the end.
        const answer = await wire.reply().catch(() => wire.closed());
        if (answer === folder) counts.answered++;
        else {
          assert.equal(wire.received, '', 'no half reply, and no other one');
          counts.closed++;
        }
      });
    }
  };
  const coming = Promise.all(Array.from({ length: clients }, comeAndGo));
  for (let death = 0; death < deaths; death++) {
    const [pid] = await eventually('both workers serve', async () => {
      const pids = await workerPids(port).catch(() => []);
      return pids.length === 2 ? pids : null;
    });
    const before = counts.answered;
    await eventually('clients come', () => (counts.answered > before + 100 ? true : null));
    signalTo(pid, 'SIGKILL');
    await eventually('its death is noticed', () =>
      server.lines.filter(({ msg }) => msg.startsWith('a worker died')).length > death ? true : null,
    );
  }
  isOver = true;
  await coming;
  t.diagnostic(`${counts.answered} were answered, ${counts.closed} saw the end`);
  assert.equal(await server.stop(), 0);
});
