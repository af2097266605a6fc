// When a tool speaks TLS, whom it trusts then, and what it says to do where it fails.
import assert from 'node:assert/strict';
import { X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { adminTarget } from '#src/cli/admin-http.js';
import { readClientTls, tlsCure } from '#src/cli/tls-options.js';
import { configSchema } from '#src/config/schema.js';
import { createAuthority, type Authority, type CertificateFiles } from '../support/certificates.js';

describe('the options for TLS', () => {
  let authority: Authority;
  let own: CertificateFiles;
  before(async () => {
    authority = await createAuthority();
    own = await authority.issue('own', ['DNS:localhost']);
  });
  after(() => authority.dispose());

  it('mean none where there are none, and neither has the configuration', () => {
    assert.equal(readClientTls({ tls: false }, null, 'server.tls'), undefined);
    assert.equal(readClientTls({}, { cert_path: null }, 'server.tls'), undefined);
  });

  it('mean TLS where one of them is there', () => {
    assert.notEqual(readClientTls({ tls: true }, null, 'server.tls'), undefined);
    assert.notEqual(readClientTls({ servername: 'pear.example' }, null, 'server.tls'), undefined);
    const tls = readClientTls({ ca: authority.ca }, null, 'server.tls');
    assert.equal(tls?.ca, readFileSync(authority.ca, 'utf8'));
    assert.equal(tls.fingerprint256, undefined);
  });

  it('trust the certificate of the configuration, unless they say whom to trust', () => {
    const configured = { cert_path: own.cert };
    const { fingerprint256 } = new X509Certificate(readFileSync(own.cert));
    assert.equal(readClientTls({}, configured, 'server.tls')?.fingerprint256, fingerprint256);
    const shown = readClientTls({ cert: own.cert, key: own.key }, configured, 'server.tls');
    assert.equal(shown?.fingerprint256, fingerprint256);
    assert.equal(readClientTls({ ca: authority.ca }, configured, 'server.tls')?.fingerprint256, undefined);
  });

  it('have certificate and key together, in files that can be read', () => {
    const refused = (options: Parameters<typeof readClientTls>[0], words: RegExp) => {
      assert.throws(() => readClientTls(options, null, 'server.tls'), words);
    };
    refused({ cert: own.cert }, /--cert stands alone/);
    refused({ key: own.key }, /--key stands alone/);
    refused({ ca: '/nowhere' }, /--ca: \/nowhere cannot be read/);
    refused({ ca: own.key }, /--ca: .* has no certificate/);
  });
});

describe('--admin', () => {
  let authority: Authority;
  before(async () => {
    authority = await createAuthority();
  });
  after(() => authority.dispose());
  const { admin } = configSchema.parse({});
  const target = (options: Parameters<typeof adminTarget>[1]) => adminTarget({ admin }, options);

  it('speaks TLS where https or an option says so, and in the clear otherwise', () => {
    assert.notEqual(target({ admin: 'https://pear.example:9091' }).tls, undefined);
    assert.notEqual(target({ admin: 'pear.example:9091', ca: authority.ca }).tls, undefined);
    assert.notEqual(target({ ca: authority.ca }).tls, undefined);
    assert.notEqual(target({ admin: 'pear.example:9091', tls: true }).tls, undefined);
    for (const named of ['pear.example:9091', 'http://pear.example:9091']) {
      const { host, port, tls } = target({ admin: named });
      assert.deepEqual([host, port, tls], ['pear.example', 9091, undefined]);
    }
  });

  it('does not take http together with what is for TLS', () => {
    assert.throws(() => target({ admin: 'http://pear.example:9091', ca: authority.ca }), /is without TLS/);
  });

  it('goes with a token, over TLS too', () => {
    const path = join(authority.folder, 'token');
    writeFileSync(path, 'a-token-of-a-test-0123456789', { mode: 0o600 });
    const { tls, token } = target({ admin: 'https://pear.example:9091', 'token-file': path });
    assert.notEqual(tls, undefined);
    assert.equal(token, 'a-token-of-a-test-0123456789');
  });
});

describe('what to do where TLS fails', () => {
  for (const [code, cure] of [
    ['UNABLE_TO_VERIFY_LEAF_SIGNATURE', /--ca FILE/],
    ['DEPTH_ZERO_SELF_SIGNED_CERT', /--ca FILE/],
    ['SELF_SIGNED_CERT_IN_CHAIN', /--ca FILE/],
    ['OTHER_CERTIFICATE', /just been renewed/],
    ['ERR_TLS_CERT_ALTNAME_INVALID', /--servername/],
    ['CERT_HAS_EXPIRED', /renew/],
    ['ERR_SSL_WRONG_VERSION_NUMBER', /leave out --tls/],
    ['ERR_SSL_TLSV1_ALERT_INTERNAL_ERROR', /no more connections/],
    ['ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION', /log of the server/],
    ['ERR_OSSL_X509_KEY_VALUES_MISMATCH', /--key must be/],
    ['ECONNRESET', /its log/],
  ] as const) {
    it(`is said of ${code}`, () => {
      assert.match(tlsCure(code) ?? '', cure);
    });
  }

  it('is not about TLS where nobody listens', () => {
    assert.equal(tlsCure('ECONNREFUSED'), null);
  });
});
