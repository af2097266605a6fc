// Requests that a client sends before it has its answers, and equal ones of many clients.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { waitingMax } from '#src/admin/turns.js';
import { eventually } from '../support/deadline.js';
import { Wire } from '../support/wire.js';
import { startAdmin } from './admin.js';
import { HoldingView } from './holding-view.js';

const list = 'GET /api/connections HTTP/1.1\r\nhost: localhost\r\n\r\n';
const answersOf = (wire: Wire) => wire.received.match(/HTTP\/1\.1 200/g)?.length ?? 0;

describe('requests of one connection to the admin HTTP', () => {
  test('are answered one after the other, in their order', async (t) => {
    const view = new HoldingView();
    const { port } = await startAdmin(t, { view });
    await Wire.use(port, async (wire) => {
      wire.send(list + list + 'GET /livez HTTP/1.1\r\nhost: localhost\r\n\r\n');
      for (const count of [1, 2]) {
        await view.release();
        await eventually('it is answered', () => (answersOf(wire) >= count ? true : null));
      }
      await eventually('all are answered', () => (answersOf(wire) === 3 ? true : null));
      assert.deepEqual([view.asked, view.atOnceMax], [2, 1]);
      assert.match(wire.received, /"peers"[^]*"peers"[^]*ok\n/);
    });
  });

  test('do not wait for those of another', async (t) => {
    const view = new HoldingView();
    const { port } = await startAdmin(t, { view });
    await Wire.use(port, async (one) => {
      one.send(list);
      await eventually('it is asked', () => (view.asked === 1 ? true : null));
      await Wire.use(port, async (other) => {
        other.send(list);
        await eventually('it is asked as well', () => (view.atOnceMax === 2 ? true : null));
      });
    });
  });

  test('may wait in a small number; whoever sends more is closed', async (t) => {
    const view = new HoldingView();
    const { port } = await startAdmin(t, { view });
    await Wire.use(port, async (wire) => {
      wire.send(list.repeat(1 + waitingMax));
      for (let count = 0; count <= waitingMax; count++) await view.release();
      await eventually('all are answered', () => (answersOf(wire) === 1 + waitingMax ? true : null));
      const before = view.asked;
      wire.send(list.repeat(1_000));
      await wire.closed();
      assert.equal(view.asked, before + 1);
    });
  });
});

test('the state is read once for all that ask for it at the same time, and anew for who comes later', async (t) => {
  const view = new HoldingView();
  const { port } = await startAdmin(t, { view });
  const status = 'GET /api/status HTTP/1.1\r\nhost: localhost\r\nexpect: 100-continue\r\n\r\n';
  const asking = await Promise.all([1, 2, 3].map(() => Wire.open(port)));
  t.after(() => {
    for (const wire of asking) wire.close();
  });
  const askAll = async () => {
    for (const wire of asking) assert.match(await wire.ask(status), /^HTTP\/1\.1 100/);
    await view.release();
  };
  await askAll();
  for (const wire of asking) await eventually('it is answered', () => (answersOf(wire) === 1 ? true : null));
  assert.equal(view.asked, 1);
  const again = await Wire.open(port);
  asking.splice(0, asking.length, again);
  await askAll();
  await eventually('it is answered', () => (answersOf(again) === 1 ? true : null));
  assert.equal(view.asked, 2);
});
