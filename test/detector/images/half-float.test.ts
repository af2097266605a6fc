import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fromHalf, fromHalves, toHalf } from '#src/detector/images/half-float.js';

/** IEEE 754 binary16 by its definition. */
function defined(bits: number): number {
  const sign = bits >> 15 === 1 ? -1 : 1;
  const exponent = Math.floor(bits / 1024) % 32;
  const fraction = (bits % 1024) / 1024;
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15));
}

const allBits = Array.from({ length: 65_536 }, (_, bits) => bits);
const finite = allBits.filter((bits) => Number.isFinite(defined(bits)));

describe('half precision numbers', () => {
  test('are read as they are defined, every one', () => {
    assert.deepEqual(allBits.map(fromHalf), allBits.map(defined));
    assert.deepEqual([...fromHalves(Uint16Array.from(allBits))], allBits.map(defined));
  });

  test('are written back as they were read, every one', () => {
    for (const bits of finite) assert.equal(toHalf(fromHalf(bits)), bits);
    assert.equal(toHalf(Infinity), 0x7c00);
    assert.equal(toHalf(-Infinity), 0xfc00);
    assert.ok(Number.isNaN(fromHalf(toHalf(NaN))));
  });

  test('are the nearest ones; ties go to the even one', () => {
    const positive = finite.filter((bits) => bits < 0x8000);
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: positive.length - 2 }),
        fc.double({ min: 0, max: 1, noNaN: true }),
        (bits, t) => {
          const [below, above] = [defined(bits), defined(bits + 1)];
          const value = below + t * (above - below);
          const [down, up] = [value - below, above - value];
          const expected = down < up ? bits : up < down ? bits + 1 : bits % 2 === 0 ? bits : bits + 1;
          assert.equal(toHalf(value), expected);
          assert.equal(toHalf(-value), expected + 0x8000);
        },
      ),
    );
    for (const bits of positive.slice(0, -1)) {
      const middle = (defined(bits) + defined(bits + 1)) / 2;
      assert.equal(toHalf(middle), bits % 2 === 0 ? bits : bits + 1);
    }
  });

  test('end at 65504; from 65520 on it is infinite', () => {
    assert.equal(fromHalf(toHalf(65_519.9)), 65_504);
    assert.equal(fromHalf(toHalf(65_520)), Infinity);
  });
});
