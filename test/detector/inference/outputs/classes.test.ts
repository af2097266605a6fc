import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { mayBeShares, scoresOf, verdictOf, type Scores } from '#src/detector/inference/outputs/classes.js';

const numbers = (...values: number[]) => Float32Array.from(values);

describe('the verdict of a classifier', () => {
  test('is the class with the highest score, with its softmax probability', () => {
    const verdict = verdictOf(numbers(0, Math.log(3)), 'logits');
    assert.equal(verdict?.classIndex, 1);
    assert.ok(Math.abs(verdict.confidence - 0.75) < 1e-6);
  });

  test('takes probabilities as they are', () => {
    assert.deepEqual(verdictOf(numbers(0.25, 0.5, 0.25), 'probabilities'), {
      classIndex: 1,
      confidence: 0.5,
    });
  });

  test('of equal scores is the first class', () => {
    assert.deepEqual(verdictOf(numbers(7, 7), 'logits'), { classIndex: 0, confidence: 0.5 });
  });

  test('is none where a score is no finite number', () => {
    for (const odd of [NaN, Infinity, -Infinity]) assert.equal(verdictOf(numbers(1, odd), 'logits'), null);
    assert.equal(verdictOf(numbers(), 'logits'), null);
  });

  const ones: readonly (readonly [number: number, scores: Scores, classIndex: number, confidence: number])[] =
    [
      [0.75, 'probabilities', 1, 0.75],
      [0.25, 'probabilities', 0, 0.75],
      [0.5, 'probabilities', 0, 0.5],
      [1.001, 'probabilities', 1, 1],
      [0, 'logits', 0, 0.5],
      [2, 'logits', 1, 0.8808],
      [-2, 'logits', 0, 0.8808],
      [-1000, 'logits', 0, 1],
    ];
  for (const [number, scores, classIndex, confidence] of ones) {
    test(`by the one number ${number} (${scores}) is class ${classIndex}, ${confidence}`, () => {
      const verdict = verdictOf(numbers(number), scores);
      assert.equal(verdict?.classIndex, classIndex);
      assert.ok(Math.abs(verdict.confidence - confidence) < 1e-4, `${verdict.confidence}`);
    });
  }

  test('is a probability, however large the scores are', () => {
    const score = fc.float({ min: Math.fround(-3e38), max: Math.fround(3e38), noNaN: true });
    fc.assert(
      fc.property(fc.array(score, { minLength: 2, maxLength: 9 }), (scores) => {
        const verdict = verdictOf(Float32Array.from(scores), 'logits');
        assert.ok(verdict !== null && verdict.confidence > 0 && verdict.confidence <= 1);
        assert.equal(scores[verdict.classIndex], Math.max(...scores));
      }),
    );
  });
});

describe('scores', () => {
  test('that lie between 0 and 1 and add up to 1, for every picture, are probabilities', () => {
    assert.equal(scoresOf([numbers(0.25, 0.75), numbers(0, 1)]), 'probabilities');
    assert.equal(scoresOf([numbers(0.25, 0.74)]), 'probabilities', 'rounded');
  });

  test('beyond 0 and 1 by more than rounding are no probabilities', () => {
    assert.ok(mayBeShares([numbers(-0.001, 1.001)]));
    assert.ok(!mayBeShares([numbers(0.5), numbers(1.5)]));
    assert.ok(!mayBeShares([numbers(-0.5)]));
  });

  test('that do not add up may be anything, and beyond 0 and 1 they are logits', () => {
    assert.equal(scoresOf([numbers(0.25, 0.75), numbers(0.5, 0.75)]), null);
    assert.equal(scoresOf([numbers(-0.5, 1.5)]), 'logits');
  });
});
