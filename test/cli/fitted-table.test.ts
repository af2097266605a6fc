// Tables that fit a terminal.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { fittedTable, type Column } from '#src/cli/fitted-table.js';

interface Row {
  readonly name: string;
  readonly count: number;
}
const columns: readonly Column<Row>[] = [
  { title: 'name', weight: 3, cell: ({ name }) => name },
  { title: 'count', weight: 2, isNumber: true, cell: ({ count }) => String(count) },
  { title: 'twice', weight: 1, isNumber: true, cell: ({ count }) => String(count * 2) },
  { title: 'nothing', weight: 4, cell: () => '' },
];

test('leaves out empty columns, and then those that matter least', () => {
  const rows = [
    { name: 'a', count: 1 },
    { name: 'bcdefg', count: 1000 },
  ];
  assert.deepEqual(fittedTable(columns, rows, 80), [
    'name    count  twice',
    'a           1      2',
    'bcdefg   1000   2000',
  ]);
  assert.deepEqual(fittedTable(columns, rows, 19), ['name    count', 'a           1', 'bcdefg   1000']);
  assert.deepEqual(fittedTable(columns, rows, 4), ['name', 'a', 'bcd…']);
});

test('lets no text steer the terminal', () => {
  assert.equal(fittedTable(columns, [{ name: 'a\x1b[2Jb\n', count: 1 }], 80)[1], 'a?[2Jb?      1      2');
});

test('is never wider than the terminal, whatever is in it', () => {
  const row = fc.record({ name: fc.string({ unit: 'binary' }), count: fc.nat() });
  fc.assert(
    fc.property(fc.array(row, { maxLength: 20 }), fc.integer({ min: 1, max: 120 }), (rows, width) => {
      const lines = fittedTable(columns, rows, width);
      assert.equal(lines.length, rows.length + 1);
      for (const line of lines) assert.ok(line.length <= width, `${line.length} > ${width}`);
    }),
  );
});
