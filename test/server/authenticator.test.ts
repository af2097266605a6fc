// Tokens are looked at one after the other where somebody guesses: wrong ones are answered late, and later each time.
import assert from 'node:assert/strict';
import { describe, test, type TestContext } from 'node:test';
import { pino } from 'pino';
import { BusyError } from '#src/errors.js';
import { authenticatorOf, nameOf, tokens, wrongToken } from '../support/tokens.js';
import { stopClock } from './peer/clock.js';

const here = () => false;
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** With a clock that stands still; `answers`: what each token got, in the order of answers. */
function setUp(t: TestContext, delayMs = 1_000) {
  const pass = stopClock(t);
  const lines: string[] = [];
  const log = pino({ level: 'info' }, { write: (line) => void lines.push(line) });
  const authenticator = authenticatorOf({ delayMs, log });
  const answers: (string | null)[] = [];
  const show = (token: string, address = '192.0.2.7', isGone = here) => {
    void authenticator.check(token, address, isGone).then(
      (grant) => answers.push(grant?.name ?? null),
      (error: unknown) => answers.push(error instanceof BusyError ? 'busy' : String(error)),
    );
  };
  const after = async (ms: number) => {
    pass(ms);
    for (let turn = 0; turn < 5; turn++) await settled();
  };
  return { authenticator, lines, answers, show, after };
}

describe('a wrong token', () => {
  test('is answered late, and twice as late each time, up to 30 s', async (t) => {
    const { answers, show, after } = setUp(t);
    for (const [index, seconds] of [1, 2, 4, 8, 16, 30, 30].entries()) {
      show(wrongToken);
      await after(0);
      await after(seconds * 1_000 - 1);
      assert.equal(answers.length, index, `not before ${seconds} s`);
      await after(1);
      assert.equal(answers.length, index + 1);
    }
    assert.deepEqual(new Set(answers), new Set([null]));
  });

  test('holds up what else comes from there, right or wrong, so that many connections do not help', async (t) => {
    const { answers, show, after } = setUp(t);
    for (const token of [wrongToken, wrongToken, tokens.admin, wrongToken]) show(token);
    await after(0);
    assert.deepEqual(answers, []);
    await after(1_000);
    assert.deepEqual(answers, [null]);
    await after(1_999);
    assert.deepEqual(answers, [null], 'a right one waits too: silence tells nothing');
    await after(1);
    assert.deepEqual(answers, [null, null, nameOf('admin')]);
    await after(4_000);
    assert.deepEqual(answers, [null, null, nameOf('admin'), null]);
  });

  test('holds up nobody else', async (t) => {
    const { answers, show, after } = setUp(t);
    show(wrongToken, '192.0.2.7');
    show(tokens.viewer, '192.0.2.8');
    show(tokens.operator, '2001:db8:0:1::1');
    await after(0);
    assert.deepEqual(answers, [nameOf('viewer'), nameOf('operator')]);
  });

  test('counts for the whole IPv6 network', async (t) => {
    const { answers, show, after } = setUp(t);
    show(wrongToken, '2001:db8:0:1::1');
    show(tokens.admin, '2001:db8:0:1:ffff::2');
    await after(0);
    await after(999);
    assert.deepEqual(answers, []);
    await after(1);
    assert.deepEqual(answers, [null, nameOf('admin')]);
  });

  test('is forgiven in time, and not by a right one', async (t) => {
    const { answers, show, after } = setUp(t);
    for (const token of [wrongToken, wrongToken, tokens.viewer]) show(token);
    await after(0);
    await after(1_000);
    await after(2_000);
    assert.equal(answers.length, 3);
    show(wrongToken);
    await after(0);
    await after(3_999);
    assert.equal(answers.length, 3);
    await after(1);
    await after(16 * 60_000);
    show(wrongToken);
    await after(0);
    await after(1_000);
    assert.equal(answers.length, 5);
  });

  test('is logged without the token, and a flood of them in a line a second', async (t) => {
    const { lines, show, after } = setUp(t, 1);
    for (let count = 0; count < 10; count++) show(wrongToken, `198.51.100.${count}`);
    await after(0);
    assert.equal(lines.length, 1);
    await after(1_000);
    assert.equal(lines.length, 2);
    assert.match(
      lines[0] ?? '',
      /"address":"198\.51\.100\.0","reason":"a wrong one","times":1,"msg":"a token was refused"/,
    );
    assert.match(lines[1] ?? '', /"address":"198\.51\.100\.9","reason":"a wrong one","times":9/);
    assert.ok(!lines.join('').includes(wrongToken));
  });
});

describe('right tokens', () => {
  test('are answered at once, however many come together, where no wrong one waits', async (t) => {
    const { answers, show, after } = setUp(t);
    for (let count = 0; count < 12; count++) show(tokens.admin);
    await after(0);
    assert.deepEqual(answers, Array(12).fill(nameOf('admin')));
    show(wrongToken);
    await after(1_000);
    for (let count = 0; count < 12; count++) show(tokens.admin);
    await after(0);
    assert.equal(answers.length, 25, 'nor does a wrong one that has its answer hold them up');
    assert.ok(!answers.includes('busy'));
  });
});

describe('those that wait', () => {
  test('are 4 of a network at most: the others are turned away unseen', async (t) => {
    const { answers, show, after } = setUp(t);
    for (let count = 0; count < 6; count++) show(wrongToken);
    show(tokens.admin);
    await after(0);
    assert.deepEqual(answers, ['busy', 'busy', 'busy']);
    await after(1_000);
    assert.deepEqual(answers.slice(3), [null]);
  });

  test('have an answer within 40 s, the true one where their turn comes by then', async (t) => {
    const { answers, show, after } = setUp(t, 30_000);
    show(wrongToken);
    for (const token of [wrongToken, tokens.admin, wrongToken]) show(token);
    await after(29_999);
    assert.deepEqual(answers, []);
    await after(1);
    assert.deepEqual(answers, [null]);
    await after(9_999);
    assert.deepEqual(answers, [null]);
    await after(1);
    // The turn of the second came after 30 s, that of the others has not come.
    assert.deepEqual(answers.map(String).toSorted(), ['busy', 'busy', 'null', 'null']);
    show(tokens.viewer);
    await after(19_999);
    assert.equal(answers.length, 4, 'it was answered early, and holds up the others for its whole delay');
    await after(1);
    assert.deepEqual(answers.slice(4), [nameOf('viewer')]);
  });

  test('are not looked at once they are gone, so that a new connection gains nothing', async (t) => {
    const { answers, show, after } = setUp(t);
    show(wrongToken);
    let isGone = false;
    for (let count = 0; count < 2; count++) show(wrongToken, '192.0.2.7', () => isGone);
    isGone = true;
    show(tokens.admin);
    await after(0);
    assert.deepEqual(answers, []);
    await after(1_000);
    assert.deepEqual(answers, [null, null, null, nameOf('admin')]);
  });

  test('are let go where the server stops, and nobody can guess without waiting then', async (t) => {
    const { authenticator, answers, show, after } = setUp(t);
    show(wrongToken);
    show(tokens.admin);
    await after(0);
    authenticator.close();
    await after(0);
    assert.deepEqual(answers, [null, 'busy']);
    show(wrongToken);
    show(tokens.admin, '192.0.2.8');
    await after(0);
    assert.deepEqual(answers, [null, 'busy', 'busy', nameOf('admin')]);
  });
});

test('where none is configured none is right, which is told at once', async () => {
  const authenticator = authenticatorOf({ known: [], delayMs: 30_000 });
  for (let count = 0; count < 50; count++)
    assert.equal(await authenticator.check(tokens.admin, '::1', here), null);
});
