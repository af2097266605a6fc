import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, mock, test } from 'node:test';
import { Canary } from '#src/connections/redis/canary.js';

const intervalMs = 5_000;
const patienceMs = 2_000;

describe('a canary', () => {
  let sent: string[];
  let silences: number;
  let isListening: boolean;
  let trouble: Error | null;
  let canary: Canary;

  beforeEach(() => {
    mock.timers.enable({ apis: ['setTimeout', 'setInterval', 'setImmediate'] });
    sent = [];
    silences = 0;
    isListening = true;
    trouble = null;
    canary = new Canary({
      intervalMs,
      patienceMs,
      isListening: () => isListening,
      send: (token) => {
        sent.push(token);
        return trouble === null ? Promise.resolve() : Promise.reject(trouble);
      },
      onSilence: () => {
        silences++;
      },
    });
    canary.start();
  });
  afterEach(() => {
    canary.stop();
    mock.timers.reset();
  });

  /** Lets so much time pass, and all that follows from it happen. */
  const pass = async (ms: number) => {
    mock.timers.tick(ms);
    await Promise.resolve();
    await Promise.resolve();
    mock.timers.tick(0);
  };
  const last = () => sent.at(-1) ?? '';

  test('that is heard sings on, each time another song', async () => {
    for (let round = 1; round <= 3; round++) {
      await pass(intervalMs);
      assert.equal(sent.length, round);
      assert.equal(canary.heard('another'), false);
      assert.equal(canary.heard(last()), true);
      assert.equal(canary.heard(last()), false);
    }
    assert.deepEqual([new Set(sent).size, silences], [3, 0]);
  });

  test('that is not heard is missed once a song', async () => {
    await pass(intervalMs);
    await pass(patienceMs - 1);
    assert.equal(silences, 0);
    await pass(1);
    assert.equal(silences, 1);
    await pass(2 * intervalMs);
    await pass(patienceMs);
    assert.ok(silences >= 2);
  });

  test('is heard though the time is up, where it had come and only was not read yet', async () => {
    await pass(intervalMs);
    mock.timers.tick(patienceMs - 1);
    mock.timers.tick(1);
    canary.heard(last());
    await pass(0);
    assert.equal(silences, 0);
  });

  test('is not missed where it could not be sent', async () => {
    trouble = new Error('away');
    await pass(intervalMs);
    await pass(patienceMs);
    assert.deepEqual([sent.length, silences], [1, 0]);
  });

  test('is not missed where the listener is another one meanwhile', async () => {
    await pass(intervalMs);
    canary.forget();
    await pass(patienceMs);
    assert.equal(silences, 0);
  });

  test('does not sing to nobody, nor when it is stopped', async () => {
    isListening = false;
    await pass(intervalMs);
    assert.equal(sent.length, 0);
    isListening = true;
    canary.stop();
    await pass(intervalMs);
    assert.equal(sent.length, 0);
  });
});
