import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { knownPaths } from '#src/config/key-tree.js';
import { editDistance, keyDistance, nearestKey } from '#src/config/nearest-key.js';

const word = fc.string({ unit: fc.constantFrom('a', 'b', '_', '.'), maxLength: 8 });

describe('The distance of two texts', () => {
  it('counts letters inserted, removed, replaced and swapped', () => {
    const cases: readonly [string, string, number][] = [
      ['', '', 0],
      ['port', 'port', 0],
      ['', 'abc', 3],
      ['prt', 'port', 1],
      ['poort', 'port', 1],
      ['pork', 'port', 1],
      ['prot', 'port', 1],
      ['kitten', 'sitting', 3],
    ];
    for (const [a, b, distance] of cases) assert.equal(editDistance(a, b), distance, `${a} ${b}`);
  });

  it('is the same both ways, 0 only for the same text, and at most the longer length', () => {
    fc.assert(
      fc.property(word, word, (a, b) => {
        const distance = editDistance(a, b);
        assert.equal(distance, editDistance(b, a));
        assert.equal(distance === 0, a === b);
        assert.ok(distance <= Math.max(a.length, b.length));
        assert.ok(distance >= Math.abs(a.length - b.length));
      }),
    );
  });
});

describe('The nearest key', () => {
  it('is no farther than any other', () => {
    fc.assert(
      fc.property(word, fc.array(word, { maxLength: 8 }), (path, known) => {
        const nearest = nearestKey(path, known);
        if (nearest === undefined) return;
        const distances = known.map((candidate) => keyDistance(path, candidate));
        assert.equal(keyDistance(path, nearest), Math.min(...distances));
      }),
    );
  });

  it('is found for every key with one letter mistyped', () => {
    const mistyped = fc
      .tuple(fc.constantFrom(...knownPaths), fc.nat(), fc.constantFrom('', 'x', 'q'))
      .map(([path, position, letter]) => {
        const at = position % path.length;
        return { path, written: path.slice(0, at) + letter + path.slice(at + 1) };
      });
    fc.assert(
      fc.property(mistyped, ({ path, written }) => {
        const nearest = nearestKey(written, knownPaths);
        assert.ok(nearest !== undefined);
        assert.ok(keyDistance(written, nearest) <= keyDistance(written, path));
      }),
    );
  });

  it('is none for what resembles nothing, and for what is far too long', () => {
    assert.equal(nearestKey('xyzzy', knownPaths), undefined);
    assert.equal(nearestKey('server.port'.repeat(1000), knownPaths), undefined);
  });
});
