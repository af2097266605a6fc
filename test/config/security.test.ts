// The section `security`: roles, tokens and client certificates, and the files that hold tokens.
import assert from 'node:assert/strict';
import { chmodSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { configSchema } from '#src/config/schema.js';
import { readTokens } from '#src/config/token-files.js';
import { StartupError } from '#src/errors.js';
import { roleOptionsOf } from '#src/server/role-options.js';
import { sha256, tokens } from '../support/tokens.js';
import { inFolder, load, problemsOf } from './workspace.js';

const hash = sha256(tokens.admin);
const other = sha256(tokens.viewer);
const entry = `{name: a, role: admin, sha256: ${hash}}`;
const securityOf = (text: string) => load({ file: `security: ${text}` }).config.security;

describe('security.loopback_role', () => {
  const certificate = '{name: a, role: viewer, common_name: x}';
  for (const [security, expected] of [
    ['{}', 'admin'],
    ['{default_role: viewer}', 'admin'],
    [`{default_role: viewer, tokens: [${entry}]}`, 'viewer'],
    [`{client_certificates: [${certificate}]}`, 'operator'],
    [`{loopback_role: admin, tokens: [${entry}], client_certificates: [${certificate}]}`, 'admin'],
    ['{loopback_role: viewer}', 'viewer'],
  ] as const) {
    test(`makes programs of the machine itself ${expected} with ${security.replaceAll(/[0-9a-f]{64}/g, '…')}`, () => {
      assert.equal(roleOptionsOf(securityOf(security)).loopbackRole, expected);
    });
  }
});

describe('what an entry must be is told, and never what stands there', () => {
  const secret = tokens.operator;
  for (const [security, said] of [
    ['{tokens: x}', /^security\.tokens: the value \(not shown\) is not a list of values/],
    [
      `{tokens: [${secret}]}`,
      /^security\.tokens\[0\]: the value \(not shown\) is not a mapping of name, role, and either/,
    ],
    [
      `{tokens: [{name: a, role: admin, token: ${secret}}]}`,
      /\[0\].*not shown.*tokens themselves never stand/,
    ],
    [
      `{tokens: [{name: a, role: admin, sha256: ${secret}}]}`,
      /\[0\]\[sha256\].*not shown.*is not a SHA-256, 64 hex/,
    ],
    [`{tokens: [{name: a, role: admin}]}`, /either sha256/],
    [`{tokens: [{name: a, role: admin, sha256: ${hash}, token_path: /x}]}`, /either sha256/],
    [
      `{tokens: [{name: a, role: root, sha256: ${hash}}]}`,
      /\[0\]\[role\].*is not one of viewer, operator, admin/,
    ],
    [`{tokens: [{name: a b, role: admin, sha256: ${hash}}]}`, /\[0\]\[name\].*is not 1 to 64 characters/],
    [`{tokens: [{name: 127.0.0.1, role: admin, sha256: ${hash}}]}`, /and no address/],
    [`{tokens: [${entry}, {name: a, role: admin, sha256: ${other}}]}`, /entries 0 and 1 have the same name;/],
    [`{tokens: [${entry}, {name: b, role: admin, sha256: ${hash.toUpperCase()}}]}`, /have the same sha256;/],
    ['{client_certificates: [{name: a, role: admin}]}', /either fingerprint or common_name/],
    [
      '{client_certificates: [{name: a, role: admin, fingerprint: abc}]}',
      /openssl x509 -noout -fingerprint -sha256/,
    ],
    [
      `{client_certificates: [{name: a, role: admin, fingerprint: ${hash}}, {name: b, role: admin, fingerprint: ${hash.toUpperCase()}}]}`,
      /have the same fingerprint;/,
    ],
    ['{failed_authentication_delay_ms: 0}', /whole number from 1 to 30000/],
  ] as const) {
    test(security.replaceAll(/[0-9a-fA-F]{64}/g, '…'), () => {
      const [problem = '', ...more] = problemsOf({ file: `security: ${security}` });
      assert.match(problem, said);
      assert.deepEqual(more, []);
      assert.ok(!problem.includes(secret) && !problem.includes(hash));
    });
  }

  test('nor in a variable that is no YAML', () => {
    const [problem = ''] = problemsOf({ env: { PEAR_SECURITY__TOKENS: `[{name: a, token: ${secret}` } });
    assert.match(problem, /^security\.tokens: the value \(not shown\) is not readable as YAML/);
    assert.ok(!problem.includes(secret));
  });
});

test('a variable of the environment gives tokens as any other key', () => {
  const { config } = load({ env: { PEAR_SECURITY__TOKENS: `[${entry}]` } });
  assert.deepEqual(config.security.tokens, [{ name: 'a', role: 'admin', sha256: hash }]);
});

test('a fingerprint may be written as openssl prints it', () => {
  const printed = (hash.toUpperCase().match(/../g) ?? []).join(':');
  const security = securityOf(`{client_certificates: [{name: a, role: admin, fingerprint: "${printed}"}]}`);
  assert.deepEqual(roleOptionsOf(security).certificates, [{ name: 'a', role: 'admin', fingerprint: hash }]);
});

describe('a file that holds a token', () => {
  const read = (content: string | null, mode = 0o600) =>
    inFolder(content === null ? {} : { files: { token: content } }, (cwd) => {
      const path = join(cwd, 'token');
      if (content !== null) chmodSync(path, mode);
      const { security } = configSchema.parse({
        security: { tokens: [{ name: 'a', role: 'admin', token_path: path }] },
      });
      return readTokens(security);
    });

  test('is read once, and goes on as a hash', () => {
    for (const end of ['', '\n', '\r\n']) {
      const { security, notes } = read(`${tokens.admin}${end}`);
      assert.deepEqual(security.tokens, [{ name: 'a', role: 'admin', sha256: hash }]);
      assert.deepEqual(notes, []);
    }
  });

  test('that everybody can read is told of, and used', () => {
    const { security, notes } = read(tokens.admin, 0o644);
    assert.equal(security.tokens[0]?.sha256, hash);
    assert.match(
      notes.join('\n'),
      /^security\.tokens\[0\]\.token_path: everybody on this machine can read .*chmod o-r/,
    );
  });

  test('that others can write is told of, since they can choose the token', () => {
    for (const [mode, who] of [
      [0o620, 'everybody in its group'],
      [0o602, 'everybody on this machine'],
    ] as const) {
      const { notes } = read(tokens.admin, mode);
      assert.match(
        notes.join('\n'),
        new RegExp(`^security\\.tokens\\[0\\]\\.token_path: ${who} can write .*chmod go-w [^\n]*$`),
      );
    }
  });

  for (const [what, content, said] of [
    ['that is not there', null, /cannot be read \(ENOENT\); correct the path/],
    ['that is empty', '\n', /is empty; write the token into the file/],
    [
      'with a short token',
      'fifteen-letters',
      /has 15 characters; 16 to 1024 are allowed; make one with pear token/,
    ],
    [
      'with more than a token',
      `token: ${tokens.admin}`,
      /holds a space, a line break or characters beyond ASCII/,
    ],
    ['with two lines', `${tokens.admin}\n${tokens.viewer}\n`, /in one line/],
  ] as const) {
    test(`${what} is an error of the start`, () => {
      assert.throws(
        () => read(content),
        (error) => {
          assert.ok(error instanceof StartupError);
          const text = `${error.message}; ${error.cure}`;
          assert.match(text, said);
          assert.ok(!text.includes(tokens.admin));
          return true;
        },
      );
    });
  }

  test('may not hold the token of somebody else', () => {
    inFolder({ files: { token: tokens.admin } }, (cwd) => {
      const { security } = configSchema.parse({
        security: {
          tokens: [
            { name: 'a', role: 'admin', token_path: join(cwd, 'token') },
            { name: 'b', role: 'viewer', sha256: hash },
          ],
        },
      });
      assert.throws(() => readTokens(security), /security\.tokens: a and b have the same token/);
    });
  });
});

describe('an admin HTTP that others can reach', () => {
  const notesOf = (host: string, security: string) =>
    load({ file: `admin: {host: ${host}}\nsecurity: ${security}` }).notes;

  test('is told of at the start, with what a stranger may do', () => {
    assert.match(notesOf('0.0.0.0', '{}').join(), /a stranger may see the status and the metrics/);
    assert.match(
      notesOf('10.0.0.5', '{default_role: admin}').join(),
      /may see and disconnect every connection/,
    );
    for (const host of ['127.0.0.1', '127.0.0.9', '"::1"', 'localhost'])
      assert.deepEqual(notesOf(host, '{}'), []);
  });

  test('is told of over TLS too, until client certificates give roles there', () => {
    const tls = 'cert_path: a, key_path: b';
    const notes = (more: string, security: string) =>
      load({ file: `admin: {host: 0.0.0.0, tls: {${tls}${more}}}\nsecurity: ${security}` }).notes;
    assert.match(notes('', '{}').join(), /a stranger may see the status/);
    assert.doesNotMatch(notes('', '{}').join(), /unencrypted/);
    const known = '{client_certificates: [{name: a, role: admin, common_name: a}]}';
    assert.match(notes('', known).join(), /a stranger may see the status/, 'nobody is asked for one');
    assert.deepEqual(notes(', client_ca_path: c', known), []);
  });
});

describe('tokens', () => {
  const notesOf = (server: string, admin = '{}') =>
    load({ file: `server: ${server}\nadmin: ${admin}\nsecurity: {tokens: [${entry}]}` }).notes;
  const tls = 'tls: {cert_path: a, key_path: b}';

  test('that others could read on the way are told of at the start, for each door', () => {
    assert.deepEqual(notesOf('{}'), [
      'server.host: 0.0.0.0 is open to others without TLS: tokens can be read on the way; ' +
        'set server.tls.cert_path and key_path, or listen on 127.0.0.1 (default)',
    ]);
    const [server = '', admin = '', ...more] = notesOf('{}', '{host: 10.0.0.5}');
    assert.match(server, /^server\.host: /);
    assert.match(admin, /^admin\.host: 10\.0\.0\.5 is open to others without TLS/);
    assert.deepEqual(more, []);
    assert.deepEqual(notesOf(`{${tls}}`, `{host: 0.0.0.0, ${tls}}`), []);
    assert.deepEqual(notesOf('{host: 127.0.0.1}'), []);
    assert.equal(notesOf('{}', '{enabled: false, host: 0.0.0.0}').length, 1);
  });
});

test('client certificates that nobody is asked for are told of at the start', () => {
  const security = 'security: {client_certificates: [{name: a, role: admin, common_name: a}]}';
  assert.match(
    load({ file: security }).notes.join(),
    /^security\.client_certificates: nobody is asked for one/,
  );
  const tls = '{cert_path: a, key_path: b, client_ca_path: c}';
  for (const section of ['server', 'admin'])
    assert.deepEqual(load({ file: `${section}: {tls: ${tls}}\n${security}` }).notes, []);
});

describe('a password on the command line', () => {
  const notesOf = (...argv: string[]) => load({ argv }).notes;

  test('is told of at the start with the cure, and not shown', () => {
    const password = ['--connections.redis.url', 'redis://h', '--connections.redis.password', 'hunter2'];
    assert.deepEqual(notesOf(...password), [
      'connections.redis.password: every user of this machine can read the password on the command line (ps); ' +
        'set connections.redis.password_path or the environment variable PEAR_CONNECTIONS__REDIS__PASSWORD ' +
        '(command line option --connections.redis.password)',
    ]);
    const inUrl = notesOf('--connections.redis.url', 'redis://:hunter2@h').join();
    assert.match(inUrl, /^connections\.redis\.url: every user/);
    assert.doesNotMatch(inUrl, /hunter2/);
    const section = notesOf('--connections.redis', '{url: redis://h, password: hunter2}').join();
    assert.match(section, /^connections\.redis\.password: every user/);
  });

  test('is not told of where it comes from elsewhere, or where there is none', () => {
    assert.deepEqual(notesOf('--connections.redis.url', 'redis://h'), []);
    const env = { PEAR_CONNECTIONS__REDIS__PASSWORD: 'hunter2', REDIS_URL: 'redis://h' };
    assert.deepEqual(load({ env }).notes, []);
    const tokens = notesOf('--security.tokens', `[${entry}]`, '--server.host', '127.0.0.1');
    assert.deepEqual(tokens, [], 'hashes are no secret');
  });
});
