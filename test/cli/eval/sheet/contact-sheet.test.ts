import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sheetPaths } from '#src/cli/eval/sheet/contact-sheet.js';

test('a sheet of many photos goes on in files that are numbered', () => {
  assert.deepEqual(sheetPaths('out/sheet.png', 1), ['out/sheet.png']);
  assert.deepEqual(sheetPaths('out/sheet.PNG', 49), ['out/sheet.PNG', 'out/sheet-2.PNG', 'out/sheet-3.PNG']);
});
