// What the benchmark makes of its measurements.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { gaussian, poissonTimes, seededRandom } from '#src/cli/bench/random.js';
import { workShape } from '#src/cli/bench/server-run.js';
import { latenciesOf, median, percentile, ratio } from '#src/cli/bench/statistics.js';
import { summarize, type ServerMeasurement } from '#src/cli/bench/throughput.js';

describe('percentiles and medians', () => {
  const hundred = Array.from({ length: 100 }, (_, index) => 100 - index);

  it('take the nearest rank, in any order of values', () => {
    assert.deepEqual(
      [0, 0.5, 0.99, 0.999, 1].map((share) => percentile(hundred, share)),
      [1, 50, 99, 100, 100],
    );
    assert.equal(percentile([], 0.5), null);
  });

  it('take the middle, or the mean of the middle two', () => {
    assert.deepEqual([median([9, 1, 5]), median([4, 1, 3, 2]), median([])], [5, 2.5, null]);
  });

  it('know no slowest thousandth of fewer than a thousand', () => {
    assert.equal(latenciesOf(hundred).p999Ms, null);
    const thousand = Array.from({ length: 1_000 }, (_, index) => index + 1);
    assert.deepEqual(latenciesOf(thousand), {
      count: 1_000,
      p50Ms: 500,
      p99Ms: 990,
      p999Ms: 999,
      maxMs: 1_000,
    });
  });

  it('make no ratio of what is not known', () => {
    assert.deepEqual([ratio(1, 2), ratio(null, 2), ratio(1, null), ratio(1, 0)], [0.5, null, null, null]);
  });
});

describe('random numbers', () => {
  it('are the same for the same seed', () => {
    const take = (seed: number) => Array.from({ length: 5 }, seededRandom(seed));
    assert.deepEqual(take(7), take(7));
    assert.notDeepEqual(take(7), take(8));
  });

  it('are normally distributed where asked for', () => {
    const random = seededRandom(1);
    const values = Array.from({ length: 20_000 }, () => gaussian(random));
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    assert.ok(Math.abs(mean) < 0.03 && Math.abs(variance - 1) < 0.05, `mean ${mean}, variance ${variance}`);
  });

  it('make arrivals whose gaps are exponential: deviation and mean are the same', () => {
    const times = poissonTimes(50, 400, seededRandom(3));
    assert.ok(Math.abs(times.length / 400 - 50) < 1.5, `${times.length} arrivals`);
    assert.ok(times.every((time, index) => time > (times[index - 1] ?? 0) && time < 400));
    const gaps = times.map((time, index) => time - (times[index - 1] ?? 0));
    const mean = gaps.reduce((sum, gap) => sum + gap, 0) / gaps.length;
    const deviation = Math.sqrt(gaps.reduce((sum, gap) => sum + (gap - mean) ** 2, 0) / gaps.length);
    assert.ok(Math.abs(deviation / mean - 1) < 0.05, `deviation ${deviation}, mean ${mean}`);
  });
});

describe('the work of a measurement', () => {
  it('is shared equally, is enough, and keeps every worker fed', () => {
    for (const images of [1, 7, 72, 400, 5_000]) {
      for (const connections of [1, 2, 8, 32]) {
        const shape = workShape(images, connections, 2);
        const requests = connections * shape.requestsPerConnection;
        assert.ok(requests * shape.imagesPerRequest >= images);
        assert.ok(shape.imagesPerRequest <= 16);
        assert.ok(connections * shape.requestsUnderWay * shape.imagesPerRequest >= 64);
      }
    }
  });
});

describe('the median over rounds', () => {
  const run = (ratioOfRound: number, bareCpuShare: number): ServerMeasurement => ({
    round: 1,
    way: 'name',
    connections: 8,
    images: 100,
    imagesPerSecond: 50,
    cpuMsPerImage: null,
    clientCpuMsPerImage: 0.1,
    bareImagesPerSecond: 50,
    bareCpuShare,
    ratio: ratioOfRound,
    cpuRatio: null,
  });

  it('leaves out rounds in which the bare runs had not all of their cores', () => {
    const line = summarize([run(0.9, 0.99), run(2, 0.6), run(0.8, 0.96), run(0.95, 0.97)], 'name', 8);
    assert.deepEqual([line.ratio, line.goodRounds, line.rounds, line.cpuRatio], [0.9, 3, 4, null]);
  });

  it('takes all where none was good, and says so', () => {
    const line = summarize([run(1, 0.5), run(3, 0.6)], 'name', 8);
    assert.deepEqual([line.ratio, line.goodRounds], [2, 0]);
    assert.equal(summarize([], 'name', 8).ratio, null);
  });
});
