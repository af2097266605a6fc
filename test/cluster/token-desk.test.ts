// Tokens that clients show to any worker are looked at in one place, so that workers are no further attempts.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { TokenDesk } from '#src/cluster/token-desk.js';
import { stopClock } from '../server/peer/clock.js';
import { authenticatorOf, nameOf, sha256, tokens, wrongToken } from '../support/tokens.js';

const settled = () => new Promise((resolve) => setImmediate(resolve));

/** With a clock that stands still; `answers`: what each question got, in the order of answers. */
function setUp(t: TestContext) {
  const pass = stopClock(t);
  const authenticator = authenticatorOf({ delayMs: 1_000 });
  const desk = new TokenDesk(authenticator);
  const answers: string[] = [];
  let lastId = 0;
  const show = (workerId: string, token: string): number => {
    const id = ++lastId;
    void desk.look(workerId, { id, hash: sha256(token), address: '192.0.2.7' }).then((answer) => {
      answers.push(`${answer.id} ${answer.busy === null ? (answer.grant?.name ?? 'wrong') : 'busy'}`);
    });
    return id;
  };
  const after = async (ms: number) => {
    pass(ms);
    for (let turn = 0; turn < 8; turn++) await settled();
  };
  desk.addWorker('one');
  desk.addWorker('two');
  return { authenticator, desk, answers, show, after };
}

describe('tokens shown to several workers', () => {
  test('are looked at one after the other where one is wrong, and later each time', async (t) => {
    const { answers, show, after } = setUp(t);
    show('one', wrongToken);
    show('two', wrongToken);
    show('two', tokens.admin);
    await after(999);
    assert.deepEqual(answers, []);
    await after(1);
    assert.deepEqual(answers, ['1 wrong']);
    await after(1_999);
    assert.deepEqual(answers, ['1 wrong']);
    await after(1);
    assert.deepEqual(answers, ['1 wrong', '2 wrong', `3 ${nameOf('admin')}`]);
  });

  test('are few that wait: the others are told so', async (t) => {
    const { answers, show, after } = setUp(t);
    for (const worker of ['one', 'two', 'one', 'two', 'one', 'two']) show(worker, wrongToken);
    await after(0);
    assert.deepEqual(answers, ['5 busy', '6 busy']);
  });

  test('stay counted when a worker ends, and those that waited with it are not looked at', async (t) => {
    const { desk, answers, show, after } = setUp(t);
    show('one', wrongToken);
    show('one', wrongToken);
    await after(0);
    desk.removeWorker('one');
    await after(1_000);
    desk.addWorker('three');
    show('three', wrongToken);
    await after(1_999);
    assert.deepEqual(answers, ['1 wrong', '2 wrong'], 'the second one was never looked at');
    await after(1);
    assert.deepEqual(answers, ['1 wrong', '2 wrong', '3 wrong']);
  });

  test('are not looked at once who has shown them is gone', async (t) => {
    const { desk, answers, show, after } = setUp(t);
    show('one', wrongToken);
    const gone = show('two', wrongToken);
    show('one', tokens.admin);
    await after(0);
    desk.withdraw('two', [gone]);
    await after(1_000);
    assert.deepEqual(answers, ['1 wrong', '2 wrong', `3 ${nameOf('admin')}`], 'it costs nobody any time');
  });

  test('of a worker that is not known are not looked at out of turn', async (t) => {
    const { answers, show, after } = setUp(t);
    show('one', wrongToken);
    show('nobody', tokens.admin);
    await after(1_000);
    assert.deepEqual(answers, ['1 wrong', '2 wrong']);
  });
});
