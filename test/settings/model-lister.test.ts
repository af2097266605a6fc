// Many ask for the models, and the folder may not answer.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ModelLister } from '#src/settings/model-lister.js';
import { DeadlineError } from '#src/errors.js';

const longMs = 60_000;

/** A folder whose readings end when they are told to. */
function slowFolder() {
  const readings: ((names: string[]) => void)[] = [];
  const read = () => new Promise<string[]>((resolve) => readings.push(resolve));
  return { readings, read };
}

describe('the list of models', () => {
  test('is read once at a time, whoever asks, and again for those who ask meanwhile', async () => {
    const { readings, read } = slowFolder();
    const lister = new ModelLister(longMs, read);
    const first = lister.list(() => 'f');
    const later = [lister.list(() => 'f'), lister.list(() => 'f')];
    assert.equal(readings.length, 1);
    readings[0]?.(['old']);
    assert.deepEqual(await first, ['old']);
    await new Promise(setImmediate);
    assert.equal(readings.length, 2);
    readings[1]?.(['new']);
    assert.deepEqual(await Promise.all(later), [['new'], ['new']]);
  });

  test('is given up in time where the folder does not answer, and read no more until it does', async () => {
    const { readings, read } = slowFolder();
    const lister = new ModelLister(5, read);
    for (let count = 0; count < 3; count++)
      await assert.rejects(
        lister.list(() => 'f'),
        DeadlineError,
      );
    assert.equal(readings.length, 1);
    readings[0]?.([]);
    await new Promise(setImmediate);
    readings[1]?.([]);
    await new Promise(setImmediate);
    const names = lister.list(() => 'f');
    readings[2]?.(['there']);
    assert.deepEqual(await names, ['there']);
  });

  test('is not the one of a reading that failed', async () => {
    let fails = true;
    const lister = new ModelLister(longMs, () =>
      fails ? Promise.reject(new Error('no right')) : Promise.resolve(['there']),
    );
    const answers = Promise.allSettled([lister.list(() => 'f'), lister.list(() => 'f')]);
    fails = false;
    const [first, second] = await answers;
    assert.equal(first.status, 'rejected');
    assert.deepEqual(second, { status: 'fulfilled', value: ['there'] });
  });
});
