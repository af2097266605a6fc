import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import {
  endToEndCandidates,
  holdsClassNumbers,
  holdsDetections,
  yoloV5Candidates,
  yoloV8Candidates,
} from '#src/detector/inference/outputs/boxes.js';

const threshold = 0.5;

/** `[1, rows, columns]` out of rows. */
const output = (...rows: readonly (readonly number[])[]) => ({
  data: Float32Array.from(rows.flat()),
  dims: [1, rows.length, rows[0]?.length ?? 0],
});
/** `[1, 4 + classes, n]` out of a list for each place. */
const columns = (...places: readonly (readonly number[])[]) =>
  output(...(places[0] ?? []).map((_, row) => places.map((place) => place[row] ?? 0)));

describe('the output of a YOLO v8 network', () => {
  test('gives boxes by their corners and the class with the highest score', () => {
    const found = yoloV8Candidates(
      columns([50, 60, 20, 40, 0.125, 0.625, 0], [200, 200, 10, 10, 0.875, 0, 0.75]),
      threshold,
    );
    assert.deepEqual(found, [
      { box: [40, 40, 60, 80], classIndex: 1, score: 0.625 },
      { box: [195, 195, 205, 205], classIndex: 0, score: 0.875 },
    ]);
  });

  test('counts a score above the threshold only', () => {
    assert.equal(yoloV8Candidates(columns([50, 50, 10, 10, 0.5001, 0]), threshold).length, 1);
    assert.equal(yoloV8Candidates(columns([50, 50, 10, 10, 0.5, 0.1]), threshold).length, 0);
  });

  test('of equal scores takes the first class', () => {
    assert.equal(yoloV8Candidates(columns([50, 50, 10, 10, 0.75, 0.75]), threshold)[0]?.classIndex, 0);
  });
});

describe('the output of a YOLO v5 network', () => {
  test('scores the product of the certainty and the class', () => {
    const found = yoloV5Candidates(
      output([50, 60, 20, 40, 0.75, 0.25, 1], [200, 200, 10, 10, 0.75, 0.5, 0.5], [0, 0, 1, 1, 0.25, 1, 1]),
      threshold,
    );
    assert.deepEqual(found, [{ box: [40, 40, 60, 80], classIndex: 1, score: 0.75 }]);
  });
});

describe('the output of an end-to-end network', () => {
  test('gives corners, score and class as they are', () => {
    const found = endToEndCandidates(output([1, 2, 3, 4, 0.75, 1], [5, 6, 7, 8, 0.25, 0]), threshold, 2);
    assert.deepEqual(found, [{ box: [1, 2, 3, 4], classIndex: 1, score: 0.75 }]);
  });

  test('may tell of nothing', () => {
    assert.deepEqual(endToEndCandidates({ data: new Float32Array(), dims: [1, 0, 6] }, threshold, 2), []);
  });

  test('of a class that has no name is no candidate, unless no names are known', () => {
    const odd = output([1, 2, 3, 4, 0.75, 2], [1, 2, 3, 4, 0.75, -1]);
    assert.equal(endToEndCandidates(odd, threshold, 2).length, 0);
    assert.equal(endToEndCandidates(odd, threshold, null).length, 1);
  });

  test('is known by whole numbers in the last column', () => {
    assert.ok(holdsClassNumbers(output([1, 2, 3, 4, 0.75, 1], [0, 0, 0, 0, 0, 0])));
    assert.ok(!holdsClassNumbers(output([1, 2, 3, 4, 0.75, 0.01])));
    assert.ok(!holdsClassNumbers(output([1, 2, 3, 4, 0.75, -1])));
    assert.ok(holdsClassNumbers({ data: new Float32Array(), dims: [1, 0, 6] }));
  });
});

describe('rows of six numbers', () => {
  const detections = (...rows: readonly number[][]) =>
    holdsDetections({ data: Float32Array.from(rows.flat()), dims: [1, rows.length, 6] });

  test('are detections where corners are in order and classes whole numbers', () => {
    assert.ok(detections([1, 2, 3, 4, 0.75, 0], [5, 5, 9, 9, 0.5, 1]));
    assert.ok(detections([0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0]), 'nothing found');
    assert.ok(
      detections([1, 2, 3, 4, 0.75, 0], [5, 5, 9, 9, 0.5, 0], [9, 9, 8.9, 9, 0.001, 0]),
      'nearly nothing',
    );
  });

  test('are no detections where the last one is a share, or sizes stand in place of corners', () => {
    assert.ok(!detections([1, 2, 3, 4, 0.75, 0], [1, 2, 3, 4, 0.75, 0.5]));
    // Of a network in INT8, whose scores of the class are all rounded to 0.
    assert.ok(!detections([4, 4, 8, 8, 0, 0], [60, 60, 8, 8, 0, 0], [90, 60, 8, 8, 0, 0]));
  });
});

test('whatever numbers come out of a network, candidates are sound', () => {
  const odd = fc.oneof(
    fc.constantFrom(NaN, Infinity, -Infinity, 0, 1, 2, -1, 3e38),
    fc.float({ min: 0, max: 1, noNaN: true }),
  );
  const outputs = fc
    .tuple(fc.integer({ min: 1, max: 8 }), fc.array(odd, { minLength: 56, maxLength: 56 }))
    .map(([n, numbers]) => ({ n, data: Float32Array.from(numbers.slice(0, 7 * n)) }));
  fc.assert(
    fc.property(outputs, ({ n, data }) => {
      const found = [
        ...yoloV8Candidates({ data, dims: [1, 7, n] }, threshold),
        ...yoloV5Candidates({ data, dims: [1, n, 7] }, threshold),
        ...endToEndCandidates({ data: data.subarray(0, 6 * n), dims: [1, n, 6] }, threshold, 3),
      ];
      for (const { box, classIndex, score } of found) {
        assert.ok(box.every(Number.isFinite));
        assert.ok(classIndex >= 0 && classIndex < 3 && Number.isInteger(classIndex));
        assert.ok(score > threshold && score <= 1);
      }
    }),
  );
});

test('the candidates of a YOLO v8 network are the places whose best class is above the threshold, in their order', () => {
  // Of few values, so that scores are often equal.
  const score = fc.constantFrom(...[0, 0.25, 0.5, 0.625, 0.75, 1]);
  const places = fc.array(fc.tuple(score, score, score), { minLength: 1, maxLength: 12 });
  fc.assert(
    fc.property(places, fc.constantFrom(0, 0.5, 1), (scores, above) => {
      const found = yoloV8Candidates(columns(...scores.map((three, x) => [x, 0, 0, 0, ...three])), above);
      const wanted = scores.flatMap((three, x) => {
        const best = Math.max(...three);
        return best > above ? [{ box: [x, 0, x, 0], classIndex: three.indexOf(best), score: best }] : [];
      });
      assert.deepEqual(found, wanted);
    }),
  );
});
