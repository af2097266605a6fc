import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { evaluate } from '#src/cli/eval/evaluation.js';
import type { Judged } from '#src/cli/eval/judged.js';
import { reportOf } from '#src/cli/eval/report.js';

/** Photos and what is said of them; a label undefined: not labelled, said null: not judged. */
function reportFor(...pairs: readonly (readonly [label: string | undefined, said: string | null])[]): string {
  const judged = pairs.map(([label, said], index): Judged => ({
    photo: { name: `${index}.jpg`, label, boxes: undefined, origin: () => 'here' },
    outcome: said === null ? { type: 'failed', reason: 'it cannot be read' } : verdict(said),
  }));
  return reportOf(evaluate(judged));
}

function verdict(said: string): Judged['outcome'] {
  return {
    type: 'verdict',
    said,
    confidence: 0.9,
    detections: [],
    model: 'm.onnx',
    timingMs: undefined,
    clientMs: 1,
  };
}

describe('a class that stands on one side alone', () => {
  test('is named where it is a label that is never said, as a typo is', () => {
    const report = reportFor(['norml', 'normal'], ['norml', null], ['defective', 'defective']);
    assert.match(
      report,
      /^no labelled photo is said to show norml; if that is another word, --classes norml=CLASS says/m,
    );
    assert.doesNotMatch(report, /no photo is labelled/);
  });

  test('is named where it is said of photos, and no label', () => {
    const report = reportFor(['defective', 'rot'], ['normal', 'normal']);
    assert.match(report, /^no photo is labelled rot; if that is another word, --classes rot=CLASS says/m);
    assert.doesNotMatch(report, /is said to show/);
  });

  test('is one of several, and what photos without a label show is none of theirs', () => {
    const report = reportFor(['rotten', 'rot'], ['scabby', 'scab'], [undefined, 'rotten']);
    assert.match(report, /^no photo is labelled rot or scab; /m);
    assert.match(report, /^no labelled photo is said to show rotten or scabby; .*--classes rotten=CLASS/m);
  });

  test('is none where both sides know it, if only by mistake, where everybody knows what it means, and where nothing was judged', () => {
    assert.doesNotMatch(
      reportFor(['rot', 'scab'], ['scab', 'rot'], ['normal', 'defective'], ['insect', null]),
      /another word/,
    );
  });
});
