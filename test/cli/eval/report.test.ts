import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { evaluate } from '#src/cli/eval/evaluation.js';
import type { Judged } from '#src/cli/eval/judged.js';
import { reportOf } from '#src/cli/eval/report.js';

/** Photos that are labelled and judged so; said null: not judged. */
function reportFor(...pairs: readonly (readonly [label: string, said: string | null])[]): string {
  const judged = pairs.map(([label, said], index): Judged => ({
    photo: { name: `${index}.jpg`, label, boxes: undefined, origin: () => 'here' },
    outcome:
      said === null
        ? { type: 'failed', reason: 'it cannot be read' }
        : {
            ...{ type: 'verdict', said, confidence: 0.9, detections: [], model: 'm.onnx' },
            ...{ timingMs: undefined, clientMs: 1 },
          },
  }));
  return reportOf(evaluate(judged));
}

describe('a class that only one side knows', () => {
  test('is named where it is a label that is never said, as a typo is', () => {
    const report = reportFor(['norml', 'normal'], ['defective', 'defective']);
    assert.match(
      report,
      /^no photo is said to show norml; if that is another word, --classes norml=CLASS says/m,
    );
    assert.doesNotMatch(report, /no photo is labelled/);
  });

  test('is named where it is said of photos, and no label', () => {
    const report = reportFor(['defective', 'rot'], ['normal', 'normal']);
    assert.match(report, /^no photo is labelled rot; if that is another word, --classes rot=CLASS says/m);
    assert.doesNotMatch(report, /no photo is said to show/);
  });

  test('is none where both sides know it, where everybody knows what it means, and where nothing was judged', () => {
    const report = reportFor(['rot', 'rot'], ['normal', 'defective'], ['scab', null]);
    assert.doesNotMatch(report, /another word/);
  });
});
