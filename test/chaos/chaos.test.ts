import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Random } from '../fuzz/random.js';
import { chaos } from './chaos.js';

const seed = Date.now() % 2 ** 31;

describe('after any fault the view of connections is what the kernel says', () => {
  for (const [store, rounds] of [
    ['redis', 6],
    ['embedded', 2],
  ] as const) {
    test(`with the ${store} store, in ${rounds} rounds`, async () => {
      for (const round of await chaos(store, rounds, new Random(seed, rounds))) {
        assert.equal(round.wrong, null, `${round.fault}, seed ${seed}`);
      }
    });
  }
});
