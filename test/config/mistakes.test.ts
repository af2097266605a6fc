import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { problemsOf } from './workspace.js';

/** The only mistake of `file`, without where it was written. */
function mistake(file: string): string {
  const [problem = '', ...others] = problemsOf({ file });
  assert.deepEqual(others, []);
  return problem.replace(/ \(config\/server_config\.yaml, line \d+\)$/, '');
}

describe('An unknown key', () => {
  it('is named with the key that was probably meant', () => {
    assert.equal(mistake('server: {prot: 1}'), 'server.prot: unknown key; did you mean server.port?');
    assert.equal(
      mistake('limits: {maxPeers: 1}'),
      'limits.maxPeers: unknown key; did you mean limits.max_peers?',
    );
    assert.equal(mistake('Server: {port: 1}'), 'Server: unknown key; did you mean server?');
  });

  it('is recognised in a wrong section', () => {
    assert.equal(mistake('port: 1'), 'port: unknown key; did you mean server.port?');
    assert.equal(
      mistake('server: {max_peers: 1}'),
      'server.max_peers: unknown key; did you mean limits.max_peers?',
    );
    assert.equal(
      mistake('connections: {url: "redis://:hunter2@h"}'),
      'connections.url: unknown key; did you mean connections.redis.url?',
    );
  });

  it('near to none is named with the keys of its section', () => {
    assert.equal(
      mistake('security: {xyzzy: 1}'),
      'security.xyzzy: unknown key; the keys of security are default_role, loopback_role, tokens, client_certificates, failed_authentication_delay_ms, allowed_roots, download_hosts, download_ca_path',
    );
    assert.match(mistake('xyzzy: 1'), /^xyzzy: unknown key; the sections are server, model, logging,/);
  });

  it('that is a path with dots is shown how to be written', () => {
    assert.equal(
      mistake('server.port: 1'),
      'server.port: unknown key; in a file, a dot does not lead into a section: write "port:" on a line of its own, indented below "server:"',
    );
  });
});

describe('A wrong value', () => {
  it('is named with what was expected', () => {
    const cases: readonly [string, string][] = [
      ['server: {port: 99999}', 'server.port: 99999 is not a whole number from 0 to 65535'],
      ['server: {port: 1.5}', 'server.port: 1.5 is not a whole number from 0 to 65535'],
      ['server: {port: null}', 'server.port: null is not a whole number from 0 to 65535'],
      ['server: {port: .nan}', 'server.port: NaN is not a whole number from 0 to 65535'],
      ['server: {host: ""}', 'server.host: "" is not a non-empty text'],
      ['server: {host: [a, {b: c}]}', 'server.host: ["a", a mapping] is not a non-empty text'],
      ['admin: {enabled: yes}', 'admin.enabled: "yes" is not true or false'],
      ['logging: {format: xml}', 'logging.format: "xml" is not one of auto, json, pretty'],
      ['logging: {file: ""}', 'logging.file: "" is not a non-empty text, or null'],
      ['cluster: {workers: 0}', 'cluster.workers: 0 is not "auto" or a whole number from 1 to 256'],
      ['cluster: {workers: many}', 'cluster.workers: "many" is not "auto" or a whole number from 1 to 256'],
      ['cluster: {host_id: "a b"}', 'cluster.host_id: "a b" is not 1 to 64 characters of A-Z a-z 0-9 . _ -'],
      ['model: {classes: [a, ""]}', 'model.classes[1]: "" is not a non-empty text'],
      ['model: {classes: []}', 'model.classes: [] is not a list of 1 or more non-empty texts, or null'],
      [
        'model: {confidence_threshold: 0}',
        'model.confidence_threshold: 0 is not a number above 0 and at most 1, or null',
      ],
      [
        'model: {preprocessor_path: [a.onnx]}',
        'model.preprocessor_path: ["a.onnx"] is not a non-empty text, or null',
      ],
    ];
    for (const [file, expected] of cases) assert.equal(mistake(file), expected);
  });

  it('is told about quotes where only they are wrong', () => {
    assert.equal(
      mistake('server: {port: "9090"}'),
      'server.port: "9090" is not a whole number from 0 to 65535; leave out the quotes',
    );
    assert.equal(
      mistake('cluster: {host_id: 12}'),
      'cluster.host_id: 12 is not 1 to 64 characters of A-Z a-z 0-9 . _ -; put it in quotes',
    );
  });

  it('in place of a section is named with the keys expected there', () => {
    assert.equal(
      mistake('security: [1]'),
      'security: a list stands where its keys were expected (default_role, loopback_role, tokens, client_certificates, failed_authentication_delay_ms, allowed_roots, download_hosts, download_ca_path)',
    );
    assert.equal(
      mistake('security: default_role:viewer'),
      'security: a text stands where its keys were expected (default_role, loopback_role, tokens, client_certificates, failed_authentication_delay_ms, allowed_roots, download_hosts, download_ca_path); a colon needs a space after it',
    );
  });

  it('does not hide other mistakes: all are named at once', () => {
    const problems = problemsOf({
      file: 'server: {port: x, prot: 1}\nadmin: 1\nlimits: {max_batch: 5000}',
      env: { PEAR_SECURITY__DEFAULT_ROLE: 'root' },
      argv: ['--nope.x', '1'],
    });
    assert.equal(problems.length, 6);
  });
});

describe('An encoding that framing cannot read', () => {
  for (const name of [
    'Shift_JIS',
    'sjis',
    'cp932',
    'gbk',
    'gb18030',
    'Big5',
    'utf-16',
    'UTF_16LE',
    'iso2022_jp',
    'iso-2022-kr',
    'cp949',
  ]) {
    it(`is refused with the reason and what is offered: ${name}`, () => {
      const words = mistake(`server: {encoding: ${name}}`);
      assert.ok(
        words.startsWith(`server.encoding: "${name}" is not one of utf-8, ascii, latin1, euc-kr,`),
        words,
      );
      assert.match(words, /a byte below 0x80 may be part of another character/);
    });
  }

  it('is told from one that is merely unknown', () => {
    assert.doesNotMatch(mistake('server: {encoding: klingon}'), /0x80/);
    assert.doesNotMatch(mistake('server: {encoding: constructor}'), /0x80/);
  });
});

describe('A password', () => {
  const secret = 'hunter2';
  const urls = [
    `http://u:${secret}@h`,
    `redis://u:${secret} x@h`,
    `redis://u:${secret}@h:port`,
    `:${secret}@h`,
    `*${secret}`,
  ];

  it('is in no message about a malformed Redis URL, wherever that comes from', () => {
    for (const url of urls) {
      const sources = [
        { file: `connections:\n  redis:\n    url: ${JSON.stringify(url)}` },
        { env: { PEAR_CONNECTIONS__REDIS__URL: url } },
        { env: { REDIS_URL: url } },
        { argv: ['--connections.redis.url', url] },
      ];
      for (const source of sources) {
        const problems = problemsOf(source);
        assert.ok(problems.length > 0 && !problems.join().includes(secret), problems.join());
      }
    }
  });

  it('is in no message about a password of Redis that is none, or does not go with the rest', () => {
    for (const file of [
      `connections: {redis: {password: [${secret}]}}`,
      `connections: {redis: {password: {${secret}: 1}}}`,
      `connections: {redis: {password: ${secret}, password_path: a}}`,
      `connections: {redis: {url: "redis://:${secret}@h", password: ${secret}}}`,
      `connections: {redis: {sentinel_password: ${secret}}}`,
      `connections: {redis: {pasword: ${secret}}}`,
      `connections: {redis: {sentinels: ["redis://:${secret}@h"]}}`,
    ]) {
      const words = problemsOf({ file }).join();
      assert.ok(words !== '' && !words.includes(secret), words);
    }
  });

  it('is in no message about a Redis URL in a wrong place', () => {
    const url = `redis://u:${secret}@h:6379`;
    const files = [
      `connections: {redis: ${url}}`,
      `connections: "${url}"`,
      `connections: {redis: {ulr: "${url}"}}`,
      `connections: {redis: {"${url}": }}`,
      `connections: {store: "${url}"}`,
      `server: {port: ["${url}"]}`,
      `"${url}": 1\n"${url}": 2`,
    ];
    for (const file of files) {
      const words = problemsOf({ file }).join();
      assert.ok(!words.includes(secret), words);
    }
  });
});
