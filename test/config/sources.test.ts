import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { load, problemsOf, usualFile } from './workspace.js';

describe('The order of sources', () => {
  it('is file, environment, command line: the last that sets a key has its way', () => {
    const port = fc.option(fc.integer({ min: 1, max: 9000 }), { nil: undefined });
    fc.assert(
      fc.property(port, port, port, (file, variable, option) => {
        const { config } = load({
          file: file === undefined ? '' : `server: {port: ${file}}`,
          env: variable === undefined ? {} : { PEAR_SERVER__PORT: String(variable) },
          argv: option === undefined ? [] : ['--server.port', String(option)],
        });
        assert.equal(config.server.port, option ?? variable ?? file ?? 9090);
      }),
      { numRuns: 60 },
    );
  });

  it('holds key by key: what a later source does not set stays', () => {
    const { config } = load({
      file: 'connections: {redis: {key_prefix: "a:", command_timeout_ms: 7}}',
      env: { PEAR_CONNECTIONS__REDIS__KEY_PREFIX: 'b:' },
      argv: ['--connections.lease_ms', '20000'],
    });
    assert.equal(config.connections.redis.key_prefix, 'b:');
    assert.equal(config.connections.redis.command_timeout_ms, 7);
    assert.equal(config.connections.lease_ms, 20000);
  });

  it('lets a right value replace a wrong one of an earlier source', () => {
    assert.equal(load({ file: 'server: {port: x}', argv: ['--server.port=1'] }).config.server.port, 1);
  });
});

describe('An environment variable', () => {
  it('sets a key whatever the case of its name', () => {
    assert.equal(load({ env: { PEAR_server__Port: '1' } }).config.server.port, 1);
  });

  it('may set a whole section as a YAML mapping; one of its keys set alone wins', () => {
    const env = {
      PEAR_CONNECTIONS__REDIS__KEY_PREFIX: 'one:',
      PEAR_CONNECTIONS__REDIS: '{key_prefix: "all:", command_timeout_ms: 9}',
    };
    const { redis } = load({ env: { ...env } }).config.connections;
    assert.deepEqual([redis.key_prefix, redis.command_timeout_ms], ['one:', 9]);
  });

  it('without two underscores is not ours, nor is one of another prefix', () => {
    const env = {
      PEAR_PORT: 'tcp://10.0.0.1:9090',
      PEAR_SERVICE_HOST: 'x',
      PEAR__PORT: 'x',
      SERVER__PORT: 'x',
    };
    assert.equal(load({ env }).config.server.port, 9090);
  });

  it('that is set twice in different capitals is a mistake', () => {
    assert.deepEqual(problemsOf({ env: { PEAR_SERVER__PORT: '1', PEAR_server__port: '2' } }), [
      'PEAR_server__port: set twice, differing only in capitals (environment variable PEAR_SERVER__PORT)',
    ]);
  });
});

describe('An option of the command line', () => {
  it('takes its value from the next argument or behind an equals sign', () => {
    const { config } = load({ argv: ['--server.port', '1', '--server.host=a=b'] });
    assert.deepEqual([config.server.port, config.server.host], [1, 'a=b']);
  });

  it('counts as it was given last', () => {
    assert.equal(load({ argv: ['--server.port', '1', '--server.port=2'] }).config.server.port, 2);
  });

  it('without a value is a mistake', () => {
    const argv = ['--server.host', '--server.port', '1', '--config=', '--admin.port'];
    assert.deepEqual(problemsOf({ argv }), [
      '--server.host: its value is missing (command line)',
      '--config: its value is missing (command line)',
      '--admin.port: its value is missing (command line)',
    ]);
  });

  it('may have a value that starts with a hyphen', () => {
    assert.deepEqual(problemsOf({ argv: ['--server.port', '-1'] }), [
      'server.port: -1 is not a whole number from 0 to 65535 (command line option --server.port)',
    ]);
  });

  it('of an unknown section is a mistake with the nearest key', () => {
    assert.deepEqual(problemsOf({ argv: ['--sever.port', '1'] }), [
      'sever.port: unknown key; did you mean server.port? (command line option --sever.port)',
    ]);
    assert.deepEqual(problemsOf({ argv: ['--sever.xyzzy', '1'] }), [
      'sever.xyzzy: unknown key; did you mean server? (command line option --sever.xyzzy)',
    ]);
  });

  it('without a dot is left to others, as are other arguments and all behind "--"', () => {
    const argv = [
      'classify',
      '--json',
      '--out=a.b',
      '-v',
      'x.jpg',
      '--server.port',
      '1',
      '--',
      '--server.host',
      '--',
    ];
    const { rest, config } = load({ argv });
    assert.deepEqual(rest, ['classify', '--json', '--out=a.b', '-v', 'x.jpg', '--', '--server.host', '--']);
    assert.equal(config.server.port, 1);
  });
});

describe('A value given as text', () => {
  it('is read as YAML', () => {
    const { config } = load({
      env: { PEAR_MODEL__CLASSES: '["a", b]', PEAR_ADMIN__ENABLED: 'false', PEAR_CLUSTER__WORKERS: '3' },
      argv: ['--model.confidence_threshold', '0.5', '--server.reply_terminator', '"\\r\\n"'],
    });
    assert.deepEqual(config.model.classes, ['a', 'b']);
    assert.equal(config.admin.enabled, false);
    assert.equal(config.cluster.workers, 3);
    assert.equal(config.model.confidence_threshold, 0.5);
    assert.equal(config.server.reply_terminator, '\r\n');
  });

  it('stays a text where the key wants one', () => {
    const { config } = load({
      env: { PEAR_LOGGING__FILE: '123', PEAR_SERVER__HOST: '1e3', PEAR_CLUSTER__HOST_ID: '007' },
      argv: ['--model.img_path', '[a].b', '--model.model_path', '*', '--admin.host=null'],
    });
    assert.equal(config.logging.file, '123');
    assert.equal(config.server.host, '1e3');
    assert.equal(config.cluster.host_id, '007');
    assert.equal(config.model.img_path, '[a].b');
    assert.equal(config.model.model_path, '*');
    assert.equal(config.admin.host, 'null');
  });

  it('stays the very text for a Redis URL, whatever its password looks like', () => {
    for (const password of ['p%40ss', '0x1F', 'a:b', '{x}', '1_000', "'"]) {
      const url = `redis://:${password}@h:6379/0`;
      assert.equal(load({ env: { PEAR_CONNECTIONS__REDIS__URL: url } }).config.connections.redis.url, url);
    }
  });

  it('stays the very text for a password, which YAML would cut, unquote or take for nothing', () => {
    for (const password of ['a #b', '"x"', 'null', '~', '*', '123', ' b ']) {
      const { redis } = load({ env: { PEAR_CONNECTIONS__REDIS__PASSWORD: password } }).config.connections;
      assert.equal(redis.password, password);
      const argv = ['--connections.redis.sentinels', '[h]', '--connections.redis.sentinel_name', 'm'];
      const sentinel = load({ argv: [...argv, `--connections.redis.sentinel_password=${password}`] });
      assert.equal(sentinel.config.connections.redis.sentinel_password, password);
    }
    const file = 'connections: {redis: {password: x}}';
    assert.equal(
      load({ file, env: { PEAR_CONNECTIONS__REDIS__PASSWORD: '' } }).config.connections.redis.password,
      null,
    );
  });

  it('is null for "null" or nothing where null is possible, else the empty text', () => {
    const file = 'logging: {file: x}\ncluster: {host_id: x}\nserver: {reply_terminator: x}';
    const argv = ['--logging.file=', '--cluster.host_id', 'null', '--server.reply_terminator='];
    const { config } = load({ file, argv });
    assert.equal(config.logging.file, null);
    assert.equal(config.cluster.host_id, null);
    assert.equal(config.server.reply_terminator, '');
  });

  it('that is not YAML is a mistake where the key wants no text', () => {
    assert.deepEqual(problemsOf({ env: { PEAR_MODEL__CLASSES: '[a', PEAR_CONNECTIONS__REDIS: '{' } }), [
      'model.classes: "[a" is not readable as YAML: a [ or { is never closed (environment variable PEAR_MODEL__CLASSES)',
      'connections.redis: not readable as YAML: a [ or { is never closed (environment variable PEAR_CONNECTIONS__REDIS)',
    ]);
  });

  it('below a key is a mistake', () => {
    assert.deepEqual(problemsOf({ argv: ['--server.port.x', '1'] }), [
      'server.port.x: unknown key; server.port has no keys below it (command line option --server.port.x)',
    ]);
  });
});

describe('REDIS_URL', () => {
  const REDIS_URL = 'redis://platform:6379';
  const urlOf = (given: Parameters<typeof load>[0]): string | null =>
    load(given).config.connections.redis.url;

  it('is the URL of Redis where nobody else says one', () => {
    assert.equal(urlOf({ env: { REDIS_URL } }), REDIS_URL);
    assert.equal(urlOf({ file: 'connections: {redis: {url: null}}', env: { REDIS_URL } }), REDIS_URL);
    assert.equal(urlOf({ env: { REDIS_URL: '' } }), null);
  });

  it('gives way to the file, the PEAR_ variable and the command line', () => {
    const env = { REDIS_URL };
    assert.equal(urlOf({ file: 'connections: {redis: {url: "redis://a"}}', env }), 'redis://a');
    assert.equal(urlOf({ env: { ...env, PEAR_CONNECTIONS__REDIS__URL: 'redis://b' } }), 'redis://b');
    assert.equal(urlOf({ env, argv: ['--connections.redis.url', 'redis://c'] }), 'redis://c');
  });

  it('is named where it is malformed', () => {
    const [problem = ''] = problemsOf({ env: { REDIS_URL: 'localhost' } });
    assert.match(problem, /^connections\.redis\.url: .* \(environment variable REDIS_URL\)$/);
  });
});

describe('What is loaded', () => {
  it('is frozen, all the way down', () => {
    const { config } = load({ file: 'model: {classes: [a]}' });
    const parts = [config, config.server, config.connections.redis, config.model.classes];
    assert.ok(parts.every((part) => Object.isFrozen(part)));
  });

  it('carries where each mistake was written', () => {
    const given = {
      file: '\nserver:\n  port: x\n',
      env: { PEAR_ADMIN__PORT: 'y' },
      argv: ['--limits.max_batch', 'z'],
    };
    assert.deepEqual(problemsOf(given), [
      `server.port: "x" is not a whole number from 0 to 65535 (${usualFile}, line 3)`,
      'admin.port: "y" is not a whole number from 0 to 65535 (environment variable PEAR_ADMIN__PORT)',
      'limits.max_batch: "z" is not a whole number from 1 to 100000 (command line option --limits.max_batch)',
    ]);
  });
});
