// What the benchmark says of memory over many images.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { soakVerdict, type SoakSample } from '#src/cli/bench/soak-verdict.js';

/** A sample for each pair of workers' memory, at the process ids 11 and 12. */
const samplesOf = (...pairs: readonly (readonly [number, number])[]): SoakSample[] =>
  pairs.map(([first, second], index) => ({
    images: 100 * (index + 1),
    primaryMiB: 50,
    workersMiB: { 11: first, 12: second },
  }));

describe('a soak', () => {
  it('passes where memory stays, and compares medians of the first and the last quarter', () => {
    const samples = samplesOf(
      [100, 100], [102, 100], [400, 100], [110, 100],
      [110, 100], [110, 100], [110, 100], [110, 100],
      [110, 100], [104, 101], [900, 101], [106, 101],
    ); // prettier-ignore
    const verdict = soakVerdict(samples);
    assert.equal(verdict.passed, true);
    assert.deepEqual(verdict.primary, { firstMiB: 50, lastMiB: 50 });
    assert.deepEqual(verdict.workers, {
      11: { firstMiB: 102, lastMiB: 106 },
      12: { firstMiB: 100, lastMiB: 101 },
    });
    assert.deepEqual(verdict.sum, { firstMiB: 252, lastMiB: 257 });
    assert.equal(
      verdict.words,
      'passed: every worker lived, memory of all processes went from 252.0 to 257.0 MiB (+2.0 %)',
    );
  });

  it('passes with a growth of a tenth, and fails above it', () => {
    const grown = (byMiB: number) => soakVerdict(samplesOf([100, 100], [100 + byMiB, 100]));
    assert.equal(grown(25).passed, true);
    const { passed, words } = grown(26);
    assert.equal(passed, false);
    assert.equal(
      words,
      'failed: memory of all processes went from 250.0 to 276.0 MiB (+10.4 %), more than +10.0 %',
    );
  });

  it('fails where a worker was replaced, even by a smaller one', () => {
    const [first, last] = samplesOf([100, 100], [90, 90]);
    assert.ok(first !== undefined && last !== undefined);
    const replaced = { ...last, workersMiB: { 11: 90, 13: 40 } };
    const { passed, words, workers } = soakVerdict([first, replaced]);
    assert.equal(passed, false);
    assert.match(words, /^failed: worker processes changed: 12 went, 13 came$/);
    assert.deepEqual(Object.keys(workers), ['11']);
  });

  it('fails where a worker is missing for a while', () => {
    const [first, second, third] = samplesOf([100, 100], [100, 100], [100, 100]);
    assert.ok(first !== undefined && second !== undefined && third !== undefined);
    const { words } = soakVerdict([first, { ...second, workersMiB: { 11: 100 } }, third]);
    assert.match(words, /^failed: worker processes changed: 12 went, none came$/);
  });

  it('says nothing where the system tells nothing', () => {
    const { passed, words } = soakVerdict([]);
    assert.equal(passed, null);
    assert.match(words, /^no verdict/);
  });
});
