import assert from 'node:assert/strict';
import { test } from 'node:test';
import { pino } from 'pino';
import { PrimarySharing } from '#src/cluster/sharing/primary-sharing.js';

test('what a worker tells before it serves is not forgotten', (t) => {
  const sent: string[] = [];
  const sharing = new PrimarySharing(
    true,
    (helper, lender) => sent.push(`${helper} helps ${lender}`),
    pino({ level: 'silent' }),
  );
  t.after(() => {
    sharing.close();
  });
  sharing.tell('b', { news: 'helps nobody', free: true, dry: null });
  sharing.tell('a', { news: 'images wait', announcement: 1 });
  for (const id of ['a', 'b']) sharing.add(id, { fingerprint: 'f', socketPath: `/${id}` });
  assert.deepEqual(sent, ['b helps a']);
  sharing.tell('c', { news: 'helps nobody', free: true, dry: null });
  sharing.remove('c');
  sharing.add('c', { fingerprint: 'f', socketPath: '/c' });
  assert.deepEqual(sent, ['b helps a'], 'of one that has ended nothing is left');
});
