import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { helpText, readEvalOptions } from '#src/cli/eval/options.js';
import { StartupError } from '#src/errors.js';

describe('the command line of the evaluation', () => {
  test('takes a folder and options, --server being another word for --connect', () => {
    const options = readEvalOptions([
      'photos',
      '--server',
      '127.0.0.1:9',
      '--fail-below',
      '0.9',
      '--min-box=32',
    ]);
    assert.deepEqual(
      [options?.folder, options?.connect, options?.['fail-below'], options?.['min-box']],
      ['photos', '127.0.0.1:9', 0.9, 32],
    );
  });

  const mistakes: readonly (readonly [readonly string[], RegExp])[] = [
    [[], /no folder is given; write npm run eval -- FOLDER/],
    [['photos', 'more'], /takes one folder, not also more/],
    [['photos', '--anotations', 'x.csv'], /did you mean --annotations\?/],
    [['photos', '--fail-below', '95'], /it must be a share from 0 to 1, such as 0\.95/],
    [['photos', '--fail-below', '95%'], /it must be a share from 0 to 1/],
    [['photos', '--parallel', '0'], /a whole number from 1 to 64/],
    [['photos', '--server', '1', '--connect', '1'], /leave one of them out/],
    [['photos', '--connect', '1', '--model', 'x.onnx'], /--model is for a server that is started for this/],
    [['photos', '--sheet', 'x.jpg'], /a name that ends in \.png/],
  ];
  for (const [args, message] of mistakes) {
    test(`tells what is wrong with ${args.join(' ') || 'nothing'}`, () => {
      assert.throws(
        () => readEvalOptions(args),
        (error) => error instanceof StartupError && message.test(`${error.message}; ${error.cure}`),
      );
    });
  }

  test('explains itself', () => {
    assert.equal(readEvalOptions(['--help']), null);
    for (const option of [
      '--annotations FILE',
      '--sheet FILE.png',
      '--fail-below SHARE',
      '--token-file FILE',
    ])
      assert.ok(helpText().includes(option), option);
  });
});
