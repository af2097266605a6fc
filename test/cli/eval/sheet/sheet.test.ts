import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import sharp from 'sharp';
import type { Judged } from '#src/cli/eval/judged.js';
import { worstFirst } from '#src/cli/eval/sheet/order.js';
import { pageSvg } from '#src/cli/eval/sheet/page-svg.js';
import { endOf, xmlText } from '#src/cli/eval/sheet/xml.js';

type Box = readonly [number, number, number, number];

function judged(
  name: string,
  label: string | undefined,
  said: string,
  confidence: number | null,
  boxes: { readonly told?: readonly Box[]; readonly drawn?: readonly Box[] } = {},
): Judged {
  const detections = (boxes.told ?? []).map((box) => ({ className: said, confidence: confidence ?? 0, box }));
  return {
    photo: { name, label, boxes: boxes.drawn, origin: () => '' },
    outcome: { type: 'verdict', said, confidence, detections, model: 'm', timingMs: null, clientMs: 1 },
  };
}

describe('the contact sheet', () => {
  const box: Box = [0, 0, 10, 10];

  test('has the worst first', () => {
    const failed: Judged = {
      photo: { name: 'failed', label: undefined, boxes: undefined, origin: () => '' },
      outcome: { type: 'failed', reason: 'error 8' },
    };
    const items = [
      judged('right', 'normal', 'normal', 0.9, { told: [box], drawn: [box] }),
      judged('unlabelled', undefined, 'normal', 0.9),
      judged('one box too many', 'normal', 'normal', 0.9, { told: [box, [20, 20, 30, 30]], drawn: [box] }),
      judged('two boxes missing', undefined, 'no pear', null, { drawn: [box, [20, 20, 30, 30]] }),
      judged('wrong', 'normal', 'defective', 0.6),
      failed,
      judged('surely wrong', 'normal', 'defective', 0.9),
    ];
    assert.deepEqual(
      worstFirst(items, 0).map(({ photo, standing }) => [photo.name, standing]),
      [
        ['surely wrong', 'wrong'],
        ['wrong', 'wrong'],
        ['failed', 'not judged'],
        ['two boxes missing', 'boxes differ'],
        ['one box too many', 'boxes differ'],
        ['unlabelled', 'unlabelled'],
        ['right', 'right'],
      ],
    );
    assert.equal(
      worstFirst(items, null).some(({ standing }) => standing === 'boxes differ'),
      false,
    );
  });

  test('can be drawn whatever names, classes and reasons are', async () => {
    const nasty = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 });
    await fc.assert(
      fc.asyncProperty(nasty, nasty, nasty, async (name, label, said) => {
        const entries = worstFirst([judged(name, label, said, 0.5, { told: [box], drawn: [box] })], 0);
        const cells = entries.map((entry) => ({ entry, thumbnail: { width: 30, height: 20, scale: 1 } }));
        await sharp(Buffer.from(pageSvg(cells, said))).metadata();
      }),
      { numRuns: 30 },
    );
  });

  test('keeps names from being markup', () => {
    assert.equal(xmlText(`<a href="&'">\u0000`), '&lt;a href=&quot;&amp;&apos;&quot;&gt;\u{fffd}');
    const entries = worstFirst([judged('</text><script/>', undefined, 'x', null)], null);
    const svg = pageSvg(
      entries.map((entry) => ({ entry, thumbnail: null })),
      '<title>',
    );
    assert.equal(/<script|<title>/.test(svg), false);
  });

  test('shows the end of a long name, and wide characters take the room of two', () => {
    assert.equal(endOf('short.jpg', 9), 'short.jpg');
    assert.equal(endOf('folder/long.jpg', 9), '…long.jpg');
    assert.equal(endOf('배배배배.jpg', 9), '…배배.jpg');
  });
});
