import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseDownloadEntry } from '#src/config/download-hosts.js';
import { problemsOf } from './workspace.js';

describe('An entry of security.download_hosts', () => {
  it('is a host, in whatever way its name or address is written', () => {
    const https = (host: string, port = 443) => ({ protocol: 'https:', host, port });
    const cases: readonly (readonly [string, object])[] = [
      ['models.example.org', https('models.example.org')],
      ['Models.Example.ORG.', https('models.example.org')],
      ['models.example.org:8443', https('models.example.org', 8443)],
      ['https://models.example.org/', https('models.example.org')],
      ['배.example', https('xn--2h3b.example')],
      ['10.0.0.5:8443', https('10.0.0.5', 8443)],
      ['[2001:DB8::0:1]:8443', https('2001:db8::1', 8443)],
      ['http://127.0.0.1:8080', { protocol: 'http:', host: '127.0.0.1', port: 8080 }],
      ['http://0x7f.1', { protocol: 'http:', host: '127.0.0.1', port: 80 }],
      ['HTTP://[::1]:8080', { protocol: 'http:', host: '::1', port: 8080 }],
    ];
    for (const [entry, host] of cases) assert.deepEqual(parseDownloadEntry(entry), { host }, entry);
  });

  it('is a network that names may lead to, and an address alone is both', () => {
    assert.deepEqual(parseDownloadEntry('10.0.0.0/8'), {
      network: { address: '10.0.0.0', prefixBits: 8 },
    });
    assert.deepEqual(parseDownloadEntry('fd00::/8'), { network: { address: 'fd00::', prefixBits: 8 } });
    for (const [entry, address, prefixBits] of [
      ['10.0.0.5', '10.0.0.5', 32],
      ['::1', '::1', 128],
      ['[FD00::1]', 'fd00::1', 128],
    ] as const) {
      assert.deepEqual(parseDownloadEntry(entry), {
        host: { protocol: 'https:', host: address, port: 443 },
        network: { address, prefixBits },
      });
    }
  });

  it('that means nothing is refused with what to do about it', () => {
    const cases: readonly (readonly [string, RegExp])[] = [
      ['', /the name or address of a host/],
      ['*.example.org', /no wildcards, so list every host/],
      ['*', /no wildcards/],
      ['user:secret@example.org', /leave out user and password/],
      ['http://models.example.org', /http:\/\/ is for addresses of this machine only/],
      ['http://localhost:8080', /http:\/\/ is for addresses of this machine only/],
      ['http://10.0.0.5', /http:\/\/ is for addresses of this machine only/],
      ['ftp://models.example.org', /models come over https/],
      ['models.example.org/pears', /leave out what stands behind the host/],
      ['models.example.org?a=1', /leave out what stands behind the host/],
      ['models.example.org#a', /leave out what stands behind the host/],
      ['models example.org', /leave out what stands behind the host/],
      ['models.example.org\\a', /leave out what stands behind the host/],
      ['models%2eexample.org', /leave out what stands behind the host/],
      ['10.0.0.0/33', /leave out what stands behind the host/],
      ['models.example.org:0', /a number from 1 to 65535/],
      ['models.example.org:99999', /the name or address of a host/],
      ['fe80::1%eth0', /leave out what stands behind the host/],
      ['a..b', /the name or address of a host/],
      ['a,b', /the name or address of a host/],
    ];
    for (const [entry, cure] of cases) {
      const meaning = parseDownloadEntry(entry);
      assert.ok(typeof meaning === 'string' && cure.test(meaning), `${entry}: ${JSON.stringify(meaning)}`);
    }
  });

  it('is named with its place and the cure where it is wrong, its password not shown', () => {
    const [problem = '', ...others] = problemsOf({
      file: 'security: {download_hosts: [models.example.org, "*.example.org"]}',
    });
    assert.deepEqual(others, []);
    assert.match(
      problem,
      /^security\.download_hosts\[1\]: "\*\.example\.org" is not a host such as models\.example\.org .*; there are no wildcards, so list every host \(/,
    );
    const words = problemsOf({ file: 'security: {download_hosts: ["https://u:hunter2@h"]}' }).join();
    assert.match(words, /leave out user and password/);
    assert.doesNotMatch(words, /hunter2/);
  });
});
