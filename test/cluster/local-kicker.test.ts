import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { LocalKicker } from '#src/cluster/local-kicker.js';
import type { ToWorker } from '#src/cluster/messages.js';

/** Where every worker answers, or is known not to. */
const longMs = 60_000;
const shortMs = 50;

type Disconnect = Extract<ToWorker, { type: 'disconnect' }>;

/** A host with these workers, each with the peers that it has; what they are told is kept for the test to answer. */
function host(workers: Readonly<Record<string, readonly string[]>>) {
  const kicker = new LocalKicker();
  const told = new Map<string, Disconnect>();
  for (const workerId of Object.keys(workers)) {
    kicker.addWorker(workerId, (message) => {
      assert.equal(message.type, 'disconnect');
      told.set(workerId, message);
    });
  }
  const answer = (workerId: string) => {
    const { id, ids } = told.get(workerId) ?? assert.fail(`${workerId} was not told`);
    const had = workers[workerId] ?? [];
    kicker.disconnected(
      workerId,
      id,
      ids.filter((each) => had.includes(each)),
    );
  };
  return { kicker, told, answer };
}

describe('a kick of peers of this host', () => {
  test('asks every worker, since a peer may be with any, and says who was there', async () => {
    const { kicker, told, answer } = host({ w1: ['h/1.a.1'], w2: ['h/1.a.2'] });
    const kicked = kicker.kick(['h/1.a.1', 'h/1.a.2', 'h/1.a.3'], 'me', longMs);
    for (const { by, ids } of told.values()) assert.deepEqual([by, ids.length], ['me', 3]);
    answer('w2');
    answer('w1');
    assert.deepEqual(
      [...(await kicked)],
      [
        ['h/1.a.1', 'kicked'],
        ['h/1.a.2', 'kicked'],
        ['h/1.a.3', 'not found'],
      ],
    );
  });

  test('waits for nobody once all are found', async () => {
    const { kicker, answer } = host({ w1: [], w2: ['h/1.a.1'] });
    const kicked = kicker.kick(['h/1.a.1'], 'me', longMs);
    answer('w2');
    assert.deepEqual([...(await kicked)], [['h/1.a.1', 'kicked']]);
  });

  test('takes the end of a worker for its answer', async () => {
    const { kicker, answer } = host({ w1: [], w2: ['h/1.a.1'] });
    const kicked = kicker.kick(['h/1.a.1'], 'me', longMs);
    answer('w1');
    kicker.removeWorker('w2');
    assert.deepEqual([...(await kicked)], [['h/1.a.1', 'not found']]);
  });

  test('says "no answer" of those that nobody has claimed when a worker is silent', async () => {
    const { kicker, answer } = host({ w1: ['h/1.a.1'], w2: [] });
    const kicked = kicker.kick(['h/1.a.1', 'h/1.a.2'], 'me', shortMs);
    answer('w1');
    assert.deepEqual(
      [...(await kicked)],
      [
        ['h/1.a.1', 'kicked'],
        ['h/1.a.2', 'no answer'],
      ],
    );
    answer('w2');
  });

  test('finds nobody where there are no workers, and asks nobody for nothing', async () => {
    assert.deepEqual(
      [...(await host({}).kicker.kick(['h/1.a.1'], 'me', longMs))],
      [['h/1.a.1', 'not found']],
    );
    const { kicker, told } = host({ w1: [] });
    assert.deepEqual([...(await kicker.kick([], 'me', longMs))], []);
    assert.equal(told.size, 0);
  });

  test('does not believe a worker that claims whom nobody named, or answers twice', async () => {
    const { kicker, told, answer } = host({ w1: [], w2: [] });
    const kicked = kicker.kick(['h/1.a.1'], 'me', longMs);
    kicker.disconnected('w1', told.get('w1')?.id ?? 0, ['h/1.a.9']);
    answer('w1');
    kicker.disconnected('nobody', told.get('w1')?.id ?? 0, ['h/1.a.1']);
    answer('w2');
    assert.deepEqual([...(await kicked)], [['h/1.a.1', 'not found']]);
  });
});

const workerIds = ['w1', 'w2', 'w3'] as const;
const peers = ['p1', 'p2', 'p3', 'p4', 'p5', 'p6'];
const fates = fc.record({
  fate: fc.constantFrom('answers', 'dies', 'is silent'),
  has: fc.subarray(peers),
});

test('whoever answers, dies or is silent, in whichever order: kicked is who was claimed, lost is nobody', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({ w1: fates, w2: fates, w3: fates }),
      fc.shuffledSubarray([...workerIds], { minLength: 3 }),
      fc.array(fc.constantFrom(...peers, 'nobody'), { minLength: 1 }),
      async (workers, order, asked) => {
        const { kicker, answer } = host({ w1: workers.w1.has, w2: workers.w2.has, w3: workers.w3.has });
        const anySilent = Object.values(workers).some(({ fate }) => fate === 'is silent');
        const kicked = kicker.kick(asked, 'me', anySilent ? 1 : longMs);
        for (const workerId of order) {
          if (workers[workerId].fate === 'answers') answer(workerId);
          if (workers[workerId].fate === 'dies') kicker.removeWorker(workerId);
        }
        const outcomes = await kicked;
        assert.deepEqual(new Set(outcomes.keys()), new Set(asked));
        const claimed = Object.values(workers)
          .filter(({ fate }) => fate === 'answers')
          .flatMap(({ has }) => has);
        const otherwise = anySilent ? 'no answer' : 'not found';
        for (const [id, outcome] of outcomes) {
          assert.equal(outcome, claimed.includes(id) ? 'kicked' : otherwise, id);
        }
      },
    ),
    { numRuns: 200 },
  );
});
