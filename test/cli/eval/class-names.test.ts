import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { ClassNames } from '#src/cli/eval/class-names.js';

describe('names of classes', () => {
  const usual = new ClassNames();
  const table = [
    ['normal', 'normal'],
    ['Normal_pear', 'normal'],
    ['defect-1', 'defective'],
    ['defected_pear', 'defective'],
    ['empty-03.jpg', 'no pear'],
    ['no_pear', 'no pear'],
    ['empty.png', 'no pear'],
    ['emptying', null],
    ['images', null],
  ] as const;
  for (const [name, known] of table) {
    test(`${name} means ${known ?? 'nothing by itself'}`, () => {
      assert.equal(usual.known(name), known);
      assert.equal(usual.of(name), known ?? name);
    });
  }

  test('mean what the command line says, in any case; alone they mean themselves', () => {
    const classes = new ClassNames('Bruise=defective, rot=defect,russet');
    assert.deepEqual(
      ['bruise', 'ROT', 'russet', 'scab'].map((name) => classes.known(name)),
      ['defective', 'defective', 'russet', null],
    );
  });

  test('are refused where they are none', () => {
    for (const wrong of ['a=', '=b', 'a=b=c', 'a,,b'])
      assert.throws(() => new ClassNames(wrong), /is no class/);
  });
});
