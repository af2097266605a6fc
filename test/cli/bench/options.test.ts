// The command line of the benchmark.
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { readOptions } from '#src/cli/bench/options.js';
import { StartupError } from '#src/errors.js';

describe('options of the benchmark', () => {
  it('have defaults, shorter ones with --quick, and what is given wins', () => {
    assert.deepEqual(readOptions([])?.model, ['starter', 'yolov8n']);
    assert.deepEqual(readOptions([])?.connections, [1, 2, 8, 32]);
    assert.equal(readOptions(['--quick'])?.rounds, 1);
    assert.equal(readOptions(['--quick', '--rounds', '5'])?.rounds, 5);
    assert.deepEqual(readOptions(['--parts', 'idle,view'])?.parts, ['idle', 'view']);
    assert.equal(readOptions(['--help']), null);
  });

  for (const [args, named] of [
    [['--rounds', '0'], /^--rounds: /],
    [['--seconds', 'long'], /^--seconds: /],
    [['--parts', 'speed'], /^--parts: .*throughput/],
    [['--connections', '1,,2'], /^--connections: /],
    [['--sekunds', '1'], /--sekunds/],
    [['fast'], /'fast'/],
  ] as const) {
    it(`refuse ${args.join(' ')} by name, with the cure`, () => {
      assert.throws(
        () => readOptions(args),
        (error: unknown) => {
          assert.ok(error instanceof StartupError);
          assert.match(error.message, named);
          assert.match(error.cure, /--help/);
          return true;
        },
      );
    });
  }
});
