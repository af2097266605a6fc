import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { readDownloadCa } from '#src/downloads/download-ca.js';
import { StartupError } from '#src/errors.js';
import { createAuthority } from '../support/certificates.js';

test('the authorities of downloads are read at the start, and a file that has none is named with the cure', async (t) => {
  const authority = await createAuthority();
  t.after(() => authority.dispose());
  assert.equal(readDownloadCa(null), undefined);
  assert.equal(readDownloadCa(authority.ca), readFileSync(authority.ca, 'utf8'));
  const at = (name: string) => join(authority.folder, name);
  await writeFile(at('empty'), '');
  await writeFile(at('damaged'), '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  for (const [name, problem] of [
    ['gone', /cannot be read \(ENOENT\)/],
    ['empty', /has no certificate in PEM format/],
    ['damaged', /a certificate in .* is damaged/],
  ] as const) {
    assert.throws(
      () => readDownloadCa(at(name)),
      (error) => error instanceof StartupError && problem.test(error.message) && error.cure !== '',
    );
  }
});
