import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PrimaryAdmission, type PlacesChannel } from '#src/cluster/primary-admission.js';
import type { PlaceAnswer } from '#src/server/entrance/peer-admission.js';
import { eventually } from '../support/deadline.js';

type Question = readonly [left: readonly string[], arrived: readonly string[]];

/** Keeps what is asked; each question is answered by what `answer` says. */
class FakeChannel implements PlacesChannel {
  readonly questions: Question[] = [];
  readonly #answer: (arrived: readonly string[]) => readonly PlaceAnswer[] | null;

  constructor(answer: (arrived: readonly string[]) => readonly PlaceAnswer[] | null) {
    this.#answer = answer;
  }

  places(left: readonly string[], arrived: readonly string[]): Promise<readonly PlaceAnswer[] | null> {
    this.questions.push([left, arrived]);
    return Promise.resolve(this.#answer(arrived));
  }
}

describe('a worker that asks for places', () => {
  test('asks for all of one turn at once, by their networks, and gives each its own answer', async () => {
    const channel = new FakeChannel(() => ['ok', 'address full', 'full']);
    const admission = new PrimaryAdmission(channel);
    admission.leave('192.0.2.1');
    const answers = ['192.0.2.1', '2001:db8::7', '::ffff:192.0.2.3'].map((address) =>
      admission.enter(address),
    );
    admission.leave('2001:db8::8');
    assert.deepEqual(await Promise.all(answers), ['ok', 'address full', 'full']);
    assert.deepEqual(channel.questions, [
      [
        ['192.0.2.1', '2001:db8:0:0'],
        ['192.0.2.1', '2001:db8:0:0', '192.0.2.3'],
      ],
    ]);
  });

  test('gathers what comes right after a message, and forgets none of it', async () => {
    const channel = new FakeChannel((arrived) => arrived.map(() => 'ok'));
    const admission = new PrimaryAdmission(channel);
    await admission.enter('192.0.2.1');
    admission.leave('192.0.2.1');
    assert.equal(await admission.enter('192.0.2.2'), 'ok');
    admission.leave('192.0.2.2');
    await eventually('the last departure is told', () => (channel.questions.length === 3 ? true : null));
    assert.deepEqual(channel.questions, [
      [[], ['192.0.2.1']],
      [['192.0.2.1'], ['192.0.2.2']],
      [['192.0.2.2'], []],
    ]);
  });

  test('hears from a primary that is gone that nobody comes in any more', async () => {
    const admission = new PrimaryAdmission(new FakeChannel(() => null));
    assert.deepEqual(await Promise.all([admission.enter('192.0.2.1'), admission.enter('192.0.2.2')]), [
      'closing',
      'closing',
    ]);
  });
});
