// Files that are read anew as they change, one set of them whatever becomes of another.
import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it, type TestContext } from 'node:test';
import { WatchedFiles } from '#src/server/tls/watched-files.js';

describe('files that are watched', () => {
  const place = async (t: TestContext) => {
    const folder = await mkdtemp(join(tmpdir(), 'watched-'));
    t.after(() => rm(folder, { recursive: true }));
    return (name: string) => join(folder, name);
  };
  const watch = (path: string, read: () => Promise<void>) =>
    new WatchedFiles({ paths: [path], read, onTrouble: assert.ifError, onHanging: () => undefined });

  it('are read once for each change, when they have stayed the same from one look to the next', async (t) => {
    const path = (await place(t))('file');
    let reads = 0;
    const files = watch(path, async () => {
      reads += await Promise.resolve(1);
    });
    await files.look();
    assert.equal(reads, 0);
    await writeFile(path, 'new');
    await files.look();
    assert.equal(reads, 0, 'it may not be whole yet');
    for (let look = 0; look < 3; look++) await files.look();
    assert.equal(reads, 1);
  });

  it('end nobody by what they hold: any error is told, once, and they are tried again', async (t) => {
    const path = (await place(t))('file');
    const told: string[] = [];
    let reads = 0;
    const files = new WatchedFiles({
      paths: [path],
      read: () => Promise.reject(new TypeError(`no text: ${++reads}`)),
      onTrouble: ({ message, cure }) => told.push(`${message}: ${cure}`),
      onHanging: () => undefined,
    });
    await writeFile(path, 'new');
    for (let look = 0; look < 4; look++) await files.look();
    assert.equal(reads, 3);
    assert.equal(told.length, 1);
    assert.match(told[0] ?? '', /file cannot be used \(.*\): make or copy them anew/);
  });

  it('wait for one read that hangs, with one look, while others are read', async (t) => {
    const at = await place(t);
    let [hanging, others] = [0, 0];
    const files = watch(at('hangs'), () => {
      hanging += 1;
      return new Promise(() => undefined);
    });
    const more = watch(at('other'), async () => {
      others += await Promise.resolve(1);
    });
    await Promise.all(['hangs', 'other'].map((name) => writeFile(at(name), 'new')));
    await Promise.all([files.look(), more.look()]);
    void files.look();
    await more.look();
    for (let look = 0; look < 3; look++) await Promise.all([files.look(), more.look()]);
    assert.deepEqual([hanging, others], [1, 1]);
  });
});
