import assert from 'node:assert/strict';
import { test } from 'node:test';
import { tooFewFiles } from '#src/cluster/open-files.js';

test('more peers than files are warned of, with what would do', () => {
  assert.equal(tooFewFiles(20_000, 2, 20_000), null);
  assert.equal(tooFewFiles(20_000, 1, 20_200), null);
  assert.match(
    tooFewFiles(20_000, 1, 20_199) ?? '',
    /only 20199 files .* to 20200, or lower limits\.max_peers/,
  );
  assert.equal(tooFewFiles(1_000_000, 1, null), null, 'where nobody knows');
});
