// A certificate follows its files, in whichever way they change, and stays where what came cannot be used.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { readFile, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, afterEach, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { pino } from 'pino';
import { StartupError } from '#src/errors.js';
import {
  readCertificate,
  textsOf,
  type Certificate,
  type CertificateFiles,
} from '#src/server/tls/certificate.js';
import { CertificateWatch } from '#src/server/tls/certificate-watch.js';
import {
  createAuthority,
  type Authority,
  type CertificateFiles as Issued,
} from '../../support/certificates.js';
import { eventually } from '../../support/deadline.js';
import { certificateFolder, named, swappedFolder } from './files.js';

describe('a certificate whose files change', () => {
  let authority: Authority;
  let first: Issued;
  let second: Issued;
  before(async () => {
    authority = await createAuthority();
    first = await authority.issue('first', ['DNS:localhost']);
    second = await authority.issue('second', ['DNS:localhost']);
  });
  after(() => authority.dispose());

  const watches: CertificateWatch[] = [];
  afterEach(() => {
    for (const watch of watches.splice(0)) watch.close();
  });

  function start(files: CertificateFiles, tells = true) {
    const lines: string[] = [];
    const log = pino({ level: 'info' }, { write: (line) => void lines.push(line) });
    const watch = new CertificateWatch(files, { log, tells, lookIntervalMs: 20 });
    watches.push(watch);
    const changes: string[] = [];
    watch.onChange(({ subject }: Certificate) => changes.push(subject));
    return { watch, lines, changes };
  }

  const becomes = (changes: readonly string[], subject: string) =>
    eventually(`it is ${subject}`, () => (changes.at(-1) === subject ? true : null));

  it('is read anew where they are written over', async () => {
    const { files, copy } = await certificateFolder(authority, first);
    const { watch, lines, changes } = start(named(files));
    assert.equal(watch.current.subject, 'CN=first');
    await copy(second);
    await becomes(changes, 'CN=second');
    assert.equal(watch.current.subject, 'CN=second');
    assert.match(lines.join(''), /the files have changed; .*\(CN=second\), which is valid until 20/);
  });

  it('is read anew where others are renamed into their place', async () => {
    const { files, rename } = await certificateFolder(authority, first);
    const { changes } = start(named(files));
    await rename(second);
    await becomes(changes, 'CN=second');
    await rename(first);
    await becomes(changes, 'CN=first');
  });

  it('is read anew where a link is swapped, as Kubernetes and certbot do it', async () => {
    const { files, swap } = await swappedFolder(authority, first);
    const { changes } = start(named(files));
    await swap(second);
    await becomes(changes, 'CN=second');
  });

  it('is read anew where size and time of the files stay what they were', async () => {
    const { files, copy } = await certificateFolder(authority, first);
    const long = new Date(2020, 1);
    await utimes(files.cert, long, long);
    const { changes } = start(named(files));
    await copy(second);
    await utimes(files.cert, long, long);
    await utimes(files.key, long, long);
    await becomes(changes, 'CN=second');
  });

  it('stays where the new files do not belong together, which is told once, and follows when they do', async () => {
    const { files, copy } = await certificateFolder(authority, first);
    const { watch, lines, changes } = start(named(files));
    await copy({ cert: second.cert, key: first.key });
    await eventually('it is told', () => (lines.some((line) => line.includes('"level":50')) ? true : null));
    assert.equal(watch.current.subject, 'CN=first');
    await copy(second);
    await becomes(changes, 'CN=second');
    const errors = lines.filter((line) => line.includes('"level":50'));
    assert.equal(errors.length, 1, errors.join(''));
    assert.match(
      errors[0] ?? '',
      /server\.tls\.key_path: .*is not the private key.*in use of it stays: name the two/,
    );
  });

  it('stays where the files are gone or empty, and follows when they are back', async () => {
    const { files, copy } = await certificateFolder(authority, first);
    const { watch, lines, changes } = start(named(files));
    await rm(files.key);
    await eventually('it is told', () => (/key_path: .*ENOENT/.test(lines.join('')) ? true : null));
    await writeFile(files.key, '');
    await eventually('it is told', () => (/no private key in PEM/.test(lines.join('')) ? true : null));
    assert.equal(watch.current.subject, 'CN=first');
    await copy(second);
    await becomes(changes, 'CN=second');
  });

  it('stays where a pipe, which nobody writes into, is in place of a file, and holds up nobody', async () => {
    const { files, copy } = await certificateFolder(authority, first);
    const { watch, lines, changes } = start(named(files));
    await rm(files.key);
    await promisify(execFile)('mkfifo', [files.key]);
    await eventually('it is told', () =>
      /key_path: .*is no regular file; .*in use of it stays/.test(lines.join('')) ? true : null,
    );
    assert.equal(watch.current.subject, 'CN=first');
    await rm(files.key);
    await copy(second);
    await becomes(changes, 'CN=second');
  });

  describe('the authorities of clients beside it', () => {
    const authoritiesBeside = async (files: Issued) => {
      const path = `${files.cert}.ca`;
      const both = [await readFile(authority.ca, 'utf8'), await readFile(first.cert, 'utf8')] as const;
      await writeFile(path, both.join(''));
      return { path, both };
    };
    const caBecomes = (watch: CertificateWatch, ca: string) =>
      eventually('the authorities are others', () => (watch.current.ca === ca ? true : null));
    const toldOf = (lines: readonly string[], problem: RegExp) =>
      eventually('it is told', () =>
        lines.some((line) => line.includes('"level":50') && problem.test(line)) ? true : null,
      );

    it('are read anew while the pair is broken: one that was taken away is trusted no longer', async () => {
      const { files } = await certificateFolder(authority, first);
      const { path, both } = await authoritiesBeside(files);
      const { watch, lines, changes } = start(named(files, path));
      await writeFile(files.key, 'broken');
      await writeFile(path, both[0]);
      await caBecomes(watch, both[0]);
      assert.equal(watch.current.subject, 'CN=first');
      await toldOf(lines, /key_path: .*no private key.*in use of it stays/);
      assert.match(lines.join(''), /the authorities of clients have changed; they count for new connections/);
      assert.deepEqual(changes, ['CN=first'], 'servers are told once, however often the pair is tried again');
    });

    it('are the old ones again where links lead back to the old files, though the pair was broken meanwhile', async () => {
      const { folder, files } = await certificateFolder(authority, first);
      const { path, both } = await authoritiesBeside(files);
      const link = async (name: string, target: string) => {
        await symlink(target, join(folder, 'next'));
        await rename(join(folder, 'next'), join(folder, name));
      };
      await writeFile(join(folder, 'new.ca'), both[0]);
      await writeFile(join(folder, 'bad.key'), 'broken');
      await link('ca', path);
      await link('key', files.key);
      const linked = { cert: files.cert, key: join(folder, 'key') };
      const { watch, lines } = start(named(linked, join(folder, 'ca')));
      await link('ca', 'new.ca');
      await link('key', 'bad.key');
      await caBecomes(watch, both[0]);
      await toldOf(lines, /key_path: .*no private key/);
      await link('ca', path);
      await link('key', files.key);
      await caBecomes(watch, both.join(''));
    });

    it('stay where their file is broken, empty or gone, which is an error; the pair follows its files all the same', async () => {
      const { files, copy } = await certificateFolder(authority, first);
      const { path, both } = await authoritiesBeside(files);
      const { watch, lines, changes } = start(named(files, path));
      await writeFile(path, 'broken');
      await toldOf(lines, /client_ca_path: .*no certificate in PEM.*in use of it stays/);
      await writeFile(path, '');
      await copy(second);
      await becomes(changes, 'CN=second');
      assert.equal(watch.current.ca, both.join(''));
      await rm(path);
      await toldOf(lines, /client_ca_path: .*ENOENT.*in use of it stays/);
      assert.equal(watch.current.ca, both.join(''));
      await writeFile(path, both[0]);
      await caBecomes(watch, both[0]);
    });
  });

  describe('that cannot be used when a process begins', () => {
    it('is what another process of the server has kept of it, each part until its own file can be used', async () => {
      const { files, copy } = await certificateFolder(authority, first);
      const ca = join(authority.folder, 'kept.ca');
      const [old, now] = [await readFile(authority.ca, 'utf8'), await readFile(first.cert, 'utf8')];
      await writeFile(ca, old);
      const kept = textsOf(readCertificate(named(files, ca)));
      // After the other process has read them.
      await writeFile(files.key, 'broken');
      await writeFile(ca, now);
      const log = pino({ level: 'silent' });
      const watch = new CertificateWatch(named(files, ca), { log, tells: false, lookIntervalMs: 20, kept });
      watches.push(watch);
      assert.deepEqual(textsOf(watch.current), kept);
      await eventually('the authorities are those of now', () => (watch.current.ca === now ? true : null));
      assert.equal(watch.current.key, kept.key);
      await copy(second);
      await eventually('the pair is the new one', () =>
        watch.current.subject === 'CN=second' ? true : null,
      );
    });
  });

  it('is told of by one process of a server only', async () => {
    const { files, copy } = await certificateFolder(authority, first);
    const { lines, changes } = start(named(files), false);
    await copy(second);
    await becomes(changes, 'CN=second');
    assert.deepEqual(lines, []);
  });

  it('is warned of where it expires soon or has expired', async () => {
    assert.match(start(named(first)).lines.join(''), /"level":40.*expires on .* in less than a day/);
    const expired = await authority.issue('expired', ['DNS:localhost'], -1);
    assert.match(start(named(expired)).lines.join(''), /"level":40.*\(CN=expired\) has expired/);
    const sound = await authority.issue('sound', ['DNS:localhost'], 90);
    assert.doesNotMatch(start(named(sound)).lines.join(''), /"level":40/);
  });

  it('keeps the server from starting where it cannot be used', () => {
    assert.throws(() => start({ ...named(first), keyPath: second.key }), StartupError);
  });
});
