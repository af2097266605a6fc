// What is said of certificates that cannot be shown: the key of the configuration, the file and the cure.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { chmod, copyFile, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { StartupError } from '#src/errors.js';
import { certificateFiles, readCertificate, type CertificateFiles } from '#src/server/tls/certificate.js';
import {
  createAuthority,
  type Authority,
  type CertificateFiles as Issued,
} from '../../support/certificates.js';
import { certificateFolder, named } from './files.js';

describe('the certificate that clients are shown', () => {
  let authority: Authority;
  let own: Issued;
  let other: Issued;
  before(async () => {
    authority = await createAuthority();
    own = await authority.issue('own', ['DNS:localhost']);
    other = await authority.issue('other', ['DNS:localhost']);
  });
  after(() => authority.dispose());

  const refused = (files: CertificateFiles, problem: RegExp, cure: RegExp) => {
    assert.throws(
      () => readCertificate(files),
      (error) => {
        assert.ok(error instanceof StartupError, String(error));
        assert.match(error.message, problem);
        assert.match(error.cure, cure);
        return true;
      },
    );
  };

  it('may have names of hosts and no subject, or no name at all', async () => {
    const nameless = await authority.issue('nameless', ['DNS:pear.example', 'DNS:localhost'], 1, '/');
    const { subject, bears } = readCertificate(named(nameless));
    assert.equal(subject, 'DNS:pear.example, DNS:localhost');
    assert.ok(bears('localhost'));
    const nobody = await authority.issue('nobody', ['email:copy'], 1, '/');
    assert.equal(readCertificate(named(nobody)).subject, 'without a name');
  });

  it('is read with whom it is for, and until when', () => {
    const { subject, validFrom, validTo, ca, warnings } = readCertificate(named(own, authority.ca));
    assert.equal(subject, 'CN=own');
    assert.equal(validTo - validFrom, 86_400_000);
    assert.match(ca ?? '', /BEGIN CERTIFICATE/);
    assert.deepEqual(warnings, []);
  });

  it('is none where none is configured', () => {
    assert.equal(
      certificateFiles('admin.tls', { cert_path: null, key_path: null, client_ca_path: null }),
      null,
    );
  });

  it('is refused where a file is missing or holds something else', async () => {
    refused(
      { ...named(own), certPath: '/nowhere/tls.crt' },
      /^server\.tls\.cert_path: \/nowhere\/tls\.crt cannot be read \(ENOENT\)/,
      /correct the path/,
    );
    refused(
      { ...named(own), keyPath: own.cert },
      /^server\.tls\.key_path: .*no private key/,
      /BEGIN PRIVATE/,
    );
    refused(named(own, own.key), /^server\.tls\.client_ca_path: .*no certificate/, /BEGIN CERTIFICATE/);
    const damaged = join(authority.folder, 'damaged.crt');
    await writeFile(damaged, (await readFile(own.cert, 'utf8')).replace(/\n.{64}\n/, '\n'));
    refused(named(own, damaged), /^server\.tls\.client_ca_path: a certificate in .* is damaged/, /anew/);
    refused({ ...named(own), certPath: damaged }, /^server\.tls\.cert_path: a cert.* damaged/, /anew/);
  });

  it('is refused at once where what is named is no file', async () => {
    const pipe = join(authority.folder, 'pipe.key');
    await promisify(execFile)('mkfifo', [pipe]);
    for (const path of [pipe, authority.folder, '/dev/zero'])
      refused(
        { ...named(own), keyPath: path },
        /^server\.tls\.key_path: .* is no regular file$/,
        /name a file/,
      );
    const huge = join(authority.folder, 'huge.crt');
    await writeFile(huge, '');
    await truncate(huge, 2 ** 33);
    refused(
      { ...named(own), certPath: huge },
      /^server\.tls\.cert_path: .* has 8589934592 bytes/,
      /name a file/,
    );
  });

  it('bears the names that it is issued for, and its common name is none', async () => {
    const { cert, key } = await authority.issue('name', ['DNS:pear.example', 'DNS:*.line.example']);
    const { bears } = readCertificate(named({ cert, key }));
    const names = [
      'pear.example',
      'PEAR.example',
      'a.line.example',
      'name',
      'x.pear.example',
      '.example',
      '',
    ];
    assert.deepEqual(names.map(bears), [true, true, true, false, false, false, false]);
  });

  it('is refused where the key belongs to another one', () => {
    refused(
      { ...named(own), keyPath: other.key },
      /^server\.tls\.key_path: .*other\.key is not the private key of the certificate in .*own\.crt/,
      /belong together/,
    );
  });

  it('is refused where its key has a passphrase', async () => {
    const locked = join(authority.folder, 'locked.key');
    const args = ['pkey', '-in', own.key, '-aes256', '-passout', 'pass:secret', '-out', locked];
    await promisify(execFile)('openssl', args);
    refused({ ...named(own), keyPath: locked }, /locked\.key has a passphrase/, /openssl pkey/);
  });

  it('is warned of where everybody can read its key', async () => {
    await chmod(other.key, 0o644);
    const { warnings } = readCertificate(named(other));
    assert.match(warnings.join(), /^server\.tls\.key_path: everybody .*other\.key; .*chmod o-rwx/);
  });

  it('is warned of where others can write its files or those of the authorities, or put others into their place', async () => {
    const live = await certificateFolder(authority, own);
    const caPath = join(live.folder, 'ca.crt');
    await copyFile(authority.ca, caPath);
    const warningsOf = () => {
      const { warnings, caWarnings } = readCertificate(named(live.files, caPath));
      return [...warnings, ...caWarnings];
    };
    await chmod(live.files.cert, 0o664);
    await chmod(live.files.key, 0o600);
    await chmod(caPath, 0o664);
    assert.deepEqual(warningsOf(), [], 'a group may renew what is no secret');
    for (const [path, mode, key, who] of [
      [live.files.cert, 0o666, 'cert_path', 'everybody on this machine'],
      [live.files.key, 0o660, 'key_path', 'everybody in its group'],
      [caPath, 0o646, 'client_ca_path', 'everybody on this machine'],
    ] as const) {
      await chmod(path, mode);
      assert.deepEqual(warningsOf(), [
        `server.tls.${key}: ${who} can write ${path}; take that right away: chmod go-w ${path}`,
      ]);
      await chmod(path, 0o600);
    }
    await chmod(live.folder, 0o777);
    assert.equal(
      warningsOf().filter((warning) => /can replace .*: chmod o-w .*\/live-/.test(warning)).length,
      3,
    );
    await chmod(live.folder, 0o1777);
    assert.deepEqual(warningsOf(), [], 'a sticky folder lets nobody replace what is not theirs');
  });
});
