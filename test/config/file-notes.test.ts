// What is told at the start of files with which other users of the machine may do what they should not.
import assert from 'node:assert/strict';
import { chmodSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileNotes } from '#src/config/file-notes.js';
import { configSchema } from '#src/config/schema.js';
import { inFolder } from './workspace.js';

/** Notes on a folder in which each file, and the folder itself, has such rights. */
function notesOf(mode: number, folderMode = 0o700): string[] {
  const names = ['password', 'sentinel', 'key', 'cert', 'ca', 'downloads', 'config'] as const;
  return inFolder({ files: Object.fromEntries(names.map((name) => [name, ''])) }, (cwd) => {
    const at = (name: (typeof names)[number]) => join(cwd, name);
    for (const name of names) chmodSync(at(name), mode);
    chmodSync(cwd, folderMode);
    const config = configSchema.parse({
      connections: {
        redis: {
          password_path: at('password'),
          sentinel_password_path: at('sentinel'),
          tls: { key_path: at('key'), cert_path: at('cert'), ca_path: at('ca') },
        },
      },
      security: { download_ca_path: at('downloads') },
    });
    return fileNotes(config, at('config')).map((note) => note.replaceAll(cwd, '…'));
  });
}

const secrets = ['password_path', 'sentinel_password_path', 'tls.key_path'].map(
  (key) => `connections.redis.${key}`,
);
const keysOf = (notes: readonly string[]) => notes.map((note) => note.replace(/:.*/, ''));

describe('files for Redis and downloads, and the configuration itself', () => {
  test('are nothing to speak of where only the group may read them', () => {
    assert.deepEqual(notesOf(0o640), []);
  });

  test('are told of where others can read a secret', () => {
    const notes = notesOf(0o644);
    assert.deepEqual(keysOf(notes), secrets);
    assert.equal(
      notes[0],
      'connections.redis.password_path: everybody on this machine can read …/password; take that right away: chmod o-rwx …/password',
    );
  });

  test('are told of where the group can write a secret, and where others can write any', () => {
    const notes = notesOf(0o660);
    assert.deepEqual(keysOf(notes), secrets);
    assert.match(notes[0] ?? '', /everybody in its group can write …\/password; .*chmod go-w/);
    const all = notesOf(0o662);
    assert.equal(all.length, 7);
    assert.match(
      all[0] ?? '',
      /^the configuration: everybody on this machine can write …\/config; .*chmod go-w/,
    );
  });

  test('are told of where others can put another file into their place', () => {
    const notes = notesOf(0o600, 0o707);
    assert.equal(notes.length, 7);
    for (const note of notes) assert.match(note, /can replace …\/\w+; .*: chmod o-w …$/);
    assert.deepEqual(notesOf(0o600, 0o1777), [], 'but not in a sticky folder such as /tmp');
  });

  test('are told of where others can put another file into the place of what a link leads to', (t) => {
    const folder = mkdtempSync(join(tmpdir(), 'linked-'));
    t.after(() => {
      rmSync(folder, { recursive: true });
    });
    const [open, link] = [join(folder, 'open'), join(folder, 'password')];
    mkdirSync(open);
    writeFileSync(join(open, 'password'), 'secret', { mode: 0o600 });
    chmodSync(open, 0o777);
    symlinkSync(join('open', 'password'), link);
    const config = configSchema.parse({ connections: { redis: { password_path: link } } });
    assert.deepEqual(fileNotes(config, null), [
      `connections.redis.password_path: everybody on this machine can replace ${link}; take the right to write its folder away: chmod o-w ${realpathSync(open)}`,
    ]);
  });

  test('that are missing, or cannot be looked at, are told of by whoever reads them', () => {
    for (const password_path of ['/nowhere/password', '/etc/hostname/password', 'a\0b']) {
      const config = configSchema.parse({ connections: { redis: { password_path } } });
      assert.deepEqual(fileNotes(config, null), []);
    }
  });
});
