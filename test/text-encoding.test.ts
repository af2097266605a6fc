import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { encodings, textDecoder, type Encoding } from '#src/text-encoding.js';

const ascii = Buffer.from(Array.from({ length: 0x80 }, (_, byte) => byte));

/** What `bytes` are in `encoding`; null where they are not valid in it. */
function decoded(encoding: Encoding, bytes: readonly number[] | Buffer): string | null {
  try {
    return textDecoder(encoding)(Buffer.from(bytes));
  } catch (error) {
    assert.ok(error instanceof TypeError);
    return null;
  }
}

describe('every encoding that is offered', () => {
  for (const encoding of encodings) {
    test(`${encoding}: a byte below 0x80 is that ASCII character, whatever stands before it`, () => {
      assert.equal(decoded(encoding, ascii), ascii.toString('latin1'));
      for (let lead = 0x80; lead <= 0xff; lead++) {
        for (let byte = 0; byte < 0x80; byte++) {
          const text = decoded(encoding, [lead, byte]);
          if (text !== null) assert.equal(text.at(-1), String.fromCharCode(byte), `${lead} ${byte}`);
        }
      }
    });
  }

  const texts: Readonly<Record<Encoding, readonly [bytes: readonly number[], text: string]>> = {
    'utf-8': [[0xeb, 0xb0, 0xb0, 0xf0, 0x9f, 0x8d, 0x90], '\ubc30\u{1f350}'],
    ascii: [[0x70, 0x7f], 'p\x7f'],
    latin1: [[0xe9, 0x80, 0x9f], '\u00e9\u0080\u009f'],
    'euc-kr': [[0xb9, 0xe8, 0x41, 0xa1, 0xa1], '\ubc30A\u3000'],
    'euc-jp': [[0xcd, 0xfc, 0x41], '\u68a8A'],
    'iso-8859-2': [[0xb1], '\u0105'],
    'iso-8859-5': [[0xb1], '\u0411'],
    'iso-8859-7': [[0xe1], '\u03b1'],
    'iso-8859-15': [[0xa4], '\u20ac'],
    'koi8-r': [[0xc1], '\u0430'],
    'windows-1250': [[0xb9], '\u0105'],
    'windows-1251': [[0xe0], '\u0430'],
    'windows-1252': [[0x80, 0x9f, 0xe9], '\u20ac\u0178\u00e9'],
  };
  for (const encoding of encodings) {
    test(`${encoding}: reads its own characters`, () => {
      const [bytes, text] = texts[encoding];
      assert.equal(decoded(encoding, bytes), text);
    });
  }

  const invalid: readonly (readonly [encoding: Encoding, bytes: readonly number[]])[] = [
    ['utf-8', [0xff]],
    ['utf-8', [0xc0, 0x80]],
    ['utf-8', [0xeb, 0xb0]],
    ['utf-8', [0xed, 0xa0, 0x80]],
    ['ascii', [0x80]],
    ['euc-jp', [0xcd]],
    ['euc-jp', [0x80]],
    ['euc-jp', [0x8e, 0xe0]],
    ['euc-jp', [0x8f, 0xb0]],
    ['euc-kr', [0xc9, 0xa1]],
    ['euc-kr', [0xfe, 0xfe]],
    ['windows-1250', [0x81]],
    ['windows-1251', [0x98]],
  ];
  for (const [encoding, bytes] of invalid) {
    test(`${encoding}: ${Buffer.from(bytes).toString('hex')} is not valid`, () => {
      assert.equal(decoded(encoding, bytes), null);
    });
  }

  test('utf-8: a byte order mark is kept, so that it is no part of JSON', () => {
    assert.equal(decoded('utf-8', [0xef, 0xbb, 0xbf, 0x7b]), '\ufeff{');
  });
});

describe('euc-kr', () => {
  test('has all 2350 composed syllables of KS X 1001', () => {
    const syllables = new Set<string>();
    for (let lead = 0xb0; lead <= 0xc8; lead++) {
      for (let trail = 0xa1; trail <= 0xfe; trail++) syllables.add(decoded('euc-kr', [lead, trail]) ?? '');
    }
    assert.equal(syllables.size, 2350);
    for (const syllable of syllables) assert.match(syllable, /^[\uac00-\ud7a3]$/);
  });

  test('is not its Windows superset: no byte below 0xa1 is part of a character', () => {
    for (let byte = 0; byte < 0xa1; byte++) {
      for (const lead of [0x81, 0xa1, 0xb0, 0xc6, 0xfe]) {
        assert.equal(decoded('euc-kr', [lead, byte]), null, `${lead} ${byte}`);
      }
      if (byte >= 0x80) assert.equal(decoded('euc-kr', [byte]), null, String(byte));
    }
    assert.equal(decoded('euc-kr', [0xb9, 0xe8, 0xb9]), null, 'half a character at the end');
  });
});
