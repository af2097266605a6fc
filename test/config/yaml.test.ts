import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseYaml, parseYamlDocument, YamlError } from '#src/config/yaml.js';

describe('YAML', () => {
  it('is read as its value; an empty text as none', () => {
    assert.deepEqual(parseYaml('a: [1, x, true, null]'), { a: [1, 'x', true, null] });
    assert.equal(parseYaml(''), undefined);
    assert.equal(parseYaml(' # nothing'), undefined);
  });

  it('that is malformed is refused with the place and the reason', () => {
    assert.throws(
      () => parseYaml('a: 1\nb: [1'),
      (error) => error instanceof YamlError && error.message === 'line 2, column 6: a [ or { is never closed',
    );
    assert.throws(() => parseYaml('a: 1\na: 2'), {
      name: 'YamlError',
      message: /line 2, .*a key that stands twice/,
    });
  });

  it('of a document knows the line of each key, in blocks, in braces and behind lists', () => {
    const document = parseYamlDocument(
      '# x\na:\n  - {b: 1}\n  - [2]\nc: {d: 1,\n  e: {f: 2}}\r\n"g": &g\n  h: 1\n',
    );
    assert.deepEqual(
      [['a'], ['c'], ['c', 'd'], ['c', 'e'], ['c', 'e', 'f'], ['g', 'h']].map((path) =>
        document.lineOf(path),
      ),
      [2, 5, 5, 6, 6, 8],
    );
    assert.equal(document.lineOf(['c', 'nothing']), 5);
    assert.equal(document.lineOf(['nothing']), undefined);
  });

  it('of a document has keys that stand twice, at any depth', () => {
    const { duplicates } = parseYamlDocument('a: {b: {c: 1, c: 2}}\nd: [{e: 1,\n "e": 2}]\na: 1');
    assert.deepEqual(duplicates, [
      { key: 'a.b.c', line: 1 },
      { key: 'd.-.e', line: 3 },
      { key: 'a', line: 4 },
    ]);
  });
});
