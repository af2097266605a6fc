import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { fileBytesMax } from '#src/config/config-file.js';
import { ConfigLoader } from '#src/config/loader.js';
import { configSchema } from '#src/config/schema.js';
import { inFolder, load, problemsOf, usualFile } from './workspace.js';

const ownFile = fileURLToPath(new URL('../../config/server_config.yaml', import.meta.url));
const portFile = (port: number): string => `server: {port: ${port}}`;

describe('The file of the configuration', () => {
  it('is config/server_config.yaml of the working directory', () => {
    inFolder({ file: portFile(1) }, (cwd) => {
      const { config, path } = ConfigLoader.load({ argv: [], env: {}, cwd });
      assert.equal(config.server.port, 1);
      assert.equal(path, join(cwd, usualFile));
    });
  });

  it("is the package's own where the working directory has none", () => {
    assert.equal(load({}).path, ownFile);
  });

  it('is the one that PEAR_CONFIG names rather than the usual one', () => {
    const files = { 'a.yaml': portFile(2) };
    assert.equal(load({ file: portFile(1), files, env: { PEAR_CONFIG: 'a.yaml' } }).config.server.port, 2);
  });

  it('is the one that --config names rather than any other', () => {
    const files = { 'a.yaml': portFile(2), 'b.yaml': portFile(3) };
    const env = { PEAR_CONFIG: 'a.yaml' };
    for (const argv of [['--config', 'b.yaml'], ['--config=b.yaml']]) {
      assert.equal(load({ file: portFile(1), files, env, argv }).config.server.port, 3);
    }
  });

  it('is the usual one where PEAR_CONFIG is empty', () => {
    assert.equal(load({ file: portFile(1), env: { PEAR_CONFIG: '' } }).config.server.port, 1);
  });

  it('must exist where it is named', () => {
    inFolder({}, (cwd) => {
      assert.throws(() => ConfigLoader.load({ argv: ['--config', 'no.yaml'], env: {}, cwd }), {
        message: `no.yaml: no such file; looked for ${join(cwd, 'no.yaml')} (named by --config)`,
      });
    });
    assert.match(problemsOf({ env: { PEAR_CONFIG: 'no.yaml' } })[0] ?? '', /\(named by PEAR_CONFIG\)$/);
  });

  it('must not be a folder', () => {
    assert.deepEqual(problemsOf({ file: '', argv: ['--config', 'config'] }), [
      'config: a folder, not a file (named by --config)',
    ]);
  });

  it('must be UTF-8; a byte order mark is fine', () => {
    assert.deepEqual(problemsOf({ file: Buffer.from('server: {host: é}', 'latin1') }), [
      `${usualFile}: not a UTF-8 text (${usualFile})`,
    ]);
    assert.equal(load({ file: `\ufeff${portFile(7)}` }).config.server.port, 7);
  });

  it('gives all defaults where it is empty, or only comments, or only empty sections', () => {
    const defaults = configSchema.parse({});
    for (const file of ['', '\n', '# nothing\n', '---\n', 'null', 'server:\nconnections:\n  redis:\n']) {
      assert.deepEqual(load({ file }).config, defaults, file);
    }
  });

  it('must hold a mapping', () => {
    assert.deepEqual(problemsOf({ file: '- server' }), [
      `the file holds a list, not sections with keys (${usualFile})`,
    ]);
    assert.deepEqual(problemsOf({ file: 'server' }), [
      `the file holds a text, not sections with keys (${usualFile})`,
    ]);
  });

  it('is named in the mistake with line, column and a plain reason where it is not YAML', () => {
    const cases: readonly [string, RegExp][] = [
      ['server:\n\tport: 1', /line 2, column 1: indented with a tab; use spaces/],
      ['server: [1, 2', /line 1, column 14: a \[ or \{ is never closed/],
      ['server:\n  host: "x', /line 2, column 11: a quote is never closed/],
      ['server:\n  port 1\n  host: x', /line 3, column 7: .*the line before lacks its colon/],
      ['server: *x', /line 1, column 10: a value that starts with \* needs quotes/],
      ['server: {host: !x y}', /line 1, column \d+: a value that starts with ! needs quotes/],
      ['a: 1\n---\nb: 1', /more than one document/],
    ];
    for (const [file, expected] of cases) {
      const [problem = '', ...others] = problemsOf({ file });
      assert.deepEqual(others, []);
      assert.match(problem, expected);
      assert.ok(problem.endsWith(`(${usualFile})`), problem);
    }
  });

  it('must not have a key twice; each is named with its line, beside other mistakes', () => {
    assert.deepEqual(problemsOf({ file: 'server:\n  port: 1\n  port: x\nadmin:\nadmin:\n' }), [
      `server.port: this key stands twice (${usualFile}, line 3)`,
      `admin: this key stands twice (${usualFile}, line 5)`,
      `server.port: "x" is not a whole number from 0 to 65535 (${usualFile}, line 3)`,
    ]);
  });

  it('is refused above 1 MiB without being read further', () => {
    const file = `#${'x'.repeat(fileBytesMax)}`;
    const expected = `longer than ${fileBytesMax} bytes; is this the configuration?`;
    assert.deepEqual(problemsOf({ file }), [`${usualFile}: ${expected} (${usualFile})`]);
    assert.deepEqual(load({ file: file.slice(0, -1) }).notes, []);
  });

  it('does not keep other sources from being checked when it cannot be read', () => {
    assert.deepEqual(problemsOf({ file: '[', env: { PEAR_SERVER__PORT: 'x' } }).length, 2);
  });
});

describe('A hostile file', () => {
  it('of aliases that stand for billions of values is refused at once', () => {
    const levels = Array.from({ length: 30 }, (_, level) => {
      const below =
        level === 0
          ? 'x'
          : Array(10)
              .fill(`*a${level - 1}`)
              .join(', ');
      return `a${level}: &a${level} [${below}]`;
    });
    const problems = problemsOf({
      file: `${levels.join('\n')}\nmodel: {classes: *a29}\nserver: {host: *a29}`,
    });
    assert.ok(problems.some((problem) => problem.startsWith('model.classes[0]: a list is not')));
    assert.ok(problems.every((problem) => problem.length < 400));
  });

  it('with keys such as __proto__ changes nothing but gets mistakes', () => {
    const file =
      '__proto__: {polluted: 1}\nserver: {__proto__: {port: 1}, constructor: {prototype: {polluted: 1}}}';
    const problems = problemsOf({
      file,
      argv: ['--__proto__.polluted', '1'],
      env: { PEAR___PROTO____X: '1' },
    });
    assert.equal(problems.length, 5);
    assert.ok(problems.every((problem) => problem.includes('unknown key')));
    assert.equal(Reflect.get({}, 'polluted'), undefined);
  });

  it('of countless mistakes gets a hundred lines and a count', () => {
    const file = Array.from({ length: 5000 }, (_, index) => `key${index}: 1`).join('\n');
    const problems = problemsOf({ file });
    assert.equal(problems.length, 101);
    assert.equal(problems.at(-1), '… and 4900 more mistakes');
  });

  it('with a value that is one long riddle gets its answer at once', () => {
    for (const riddle of ['://a:', 'redis://:', 'iso8859', '@', '\\t']) {
      const value = riddle.repeat(50_000);
      assert.equal(problemsOf({ file: `server: {port: "${value}"}\nadmin: {port: "${value}"}` }).length, 2);
    }
  });

  it('cannot write control characters or long texts into a message', () => {
    const [key = '', value = ''] = problemsOf({
      file: `"\\e[31m${'x'.repeat(200)}": 1\nserver: {port: "\\e[2J\\x9b"}`,
    });
    assert.match(key, /^\\u001b\[31mx{59}…: unknown key/);
    assert.match(value, /^server\.port: "\\u001b\[2J\\u009b" is not/);
  });
});

describe('The shipped configuration', () => {
  it('says what the defaults are, and names every section', () => {
    const { config, notes } = load({ argv: ['--config', ownFile] });
    assert.deepEqual(config, configSchema.parse({}));
    assert.deepEqual(notes, []);
  });
});
