import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { lineOfPath } from '#src/cli/eval/labels/text-lines.js';

describe('the line of a value in JSON', () => {
  test('is where it begins, and of what is not there that of what is around it', () => {
    const text = '{\n "a": [1,\n  {"b\\"]": "}",\n   "c": null}],\n "d": 2}';
    const paths = [
      [],
      ['a'],
      ['a', 0],
      ['a', 1],
      ['a', 1, 'b"]'],
      ['a', 1, 'c'],
      ['d'],
      ['a', 5],
      ['d', 'e'],
    ];
    assert.deepEqual(
      paths.map((path) => lineOfPath(text, path)),
      [1, 2, 2, 3, 3, 4, 5, 2, 5],
    );
  });

  test('counts whatever stands before it', () => {
    fc.assert(
      fc.property(fc.array(fc.jsonValue(), { maxLength: 8 }), (values) => {
        const text = `[\n${values.map((value) => JSON.stringify(value)).join(',\n')}\n]`;
        values.forEach((_, index) => {
          assert.equal(lineOfPath(text, [index]), index + 2);
        });
      }),
    );
  });

  test('is found in an object of any keys, the last where one stands twice', () => {
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.string({ unit: 'binary' }), { maxLength: 8 }),
        fc.jsonValue(),
        (keys, value) => {
          const text = `{\n${keys.map((key) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`).join(',\n')}\n}`;
          keys.forEach((key, index) => {
            assert.equal(lineOfPath(text, [key]), index + 2);
          });
        },
      ),
    );
    assert.equal(lineOfPath('{"a": 1,\n"a": 2}', ['a']), 2);
  });
});
