// What the benchmark makes of the processor time of bare pipelines.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cpuShareOf } from '#src/cli/bench/bare.js';

describe('the share of the cores that bare pipelines had', () => {
  const runs = (count: number, cpuMs: number) => Array.from({ length: count }, () => ({ cpuMs, seconds: 2 }));

  for (const [what, results, cores, share] of [
    ['is all where each process had its core', runs(2, 2_000), 2, 1],
    ['is half where others had the other half', runs(2, 1_000), 2, 0.5],
    ['is all where more processes than cores had them all', runs(8, 500), 2, 1],
    ['counts only cores that there are processes for', runs(1, 1_900), 64, 0.95],
  ] as const) {
    it(what, () => {
      assert.equal(cpuShareOf(results, cores), share);
    });
  }
});
