// Character encodings that a request may be written in. Only those are offered in which a byte below 0x80
// stands for that ASCII character alone, because framing looks for braces and quotes as bytes.

export const encodings = [
  'utf-8',
  'ascii',
  'latin1',
  'euc-kr',
  'euc-jp',
  'iso-8859-2',
  'iso-8859-5',
  'iso-8859-7',
  'iso-8859-15',
  'koi8-r',
  'windows-1250',
  'windows-1251',
  'windows-1252',
] as const;

export type Encoding = (typeof encodings)[number];

/** Other names of the same encodings, as Python's codecs spell them, in lower case and with hyphens. */
export const encodingAliases: Readonly<Record<string, Encoding>> = {
  utf8: 'utf-8',
  'us-ascii': 'ascii',
  'latin-1': 'latin1',
  'iso-8859-1': 'latin1',
  euckr: 'euc-kr',
  eucjp: 'euc-jp',
  cp1250: 'windows-1250',
  cp1251: 'windows-1251',
  cp1252: 'windows-1252',
};

/** Decodes a whole request. */
export type TextDecode = (bytes: Buffer) => string;

/** A decoder for `encoding`; it throws a `TypeError` where the bytes are not valid in it. */
export function textDecoder(encoding: Encoding): TextDecode {
  // TextDecoder's "latin1" is Windows-1252; Node's is ISO 8859-1, as Python's.
  if (encoding === 'latin1') return (bytes) => bytes.toString('latin1');
  if (encoding === 'ascii') return decodeAscii;
  if (encoding === 'windows-1252') return decodeWindows1252;
  const decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
  const strict = strictRules[encoding];
  if (strict === undefined) return (bytes) => decoder.decode(bytes);
  return (bytes) => {
    strict.assertForm?.(bytes);
    const text = decoder.decode(bytes);
    if (strict.none.test(text)) throw new TypeError(`not ${encoding}`);
    return text;
  };
}

interface StrictRule {
  /** Throws TypeError where bytes stand together that are no characters. */
  readonly assertForm?: (bytes: Buffer) => void;
  /** What TextDecoder gives for bytes that are no character. */
  readonly none: RegExp;
}

const controls = /[\u0080-\u009f]/;
const privateUse = /[\u0080-\u009f\ue000-\uf8ff]/;

/** Where TextDecoder takes more than the encoding has. */
const strictRules: Partial<Record<Encoding, StrictRule>> = {
  'euc-kr': { assertForm: assertEucKr, none: privateUse },
  'euc-jp': { assertForm: assertEucJp, none: privateUse },
  'windows-1250': { none: controls },
  'windows-1251': { none: controls },
};

function decodeAscii(bytes: Buffer): string {
  if (bytes.some((byte) => byte > 0x7f)) throw new TypeError('not ASCII');
  return bytes.toString('latin1');
}

/** The code points of 0x80 to 0x9f in Windows-1252; 0: none. */
const windows1252 = [
  0x20ac, 0, 0x201a, 0x0192, 0x201e, 0x2026, 0x2020, 0x2021, 0x02c6, 0x2030, 0x0160, 0x2039, 0x0152, 0,
  0x017d, 0, 0, 0x2018, 0x2019, 0x201c, 0x201d, 0x2022, 0x2013, 0x2014, 0x02dc, 0x2122, 0x0161, 0x203a,
  0x0153, 0, 0x017e, 0x0178,
];
const ofWindows1252 = Uint16Array.from({ length: 256 }, (_, byte) => windows1252[byte - 0x80] ?? byte);

/** Some versions of Node take ISO 8859-1 for it, and others give the five bytes that are no character a meaning. */
function decodeWindows1252(bytes: Buffer): string {
  const codes = new Uint16Array(bytes.length);
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    const code = ofWindows1252[byte] ?? 0;
    if (code === 0 && byte !== 0) throw new TypeError('not Windows-1252');
    codes[at] = code;
  }
  return Buffer.from(codes.buffer).toString('utf16le');
}

/**
 * EUC-KR is ASCII and pairs of bytes from 0xa1 on. TextDecoder takes more, and what depends on the version of Node: in
 * the Windows superset (CP949) a letter below 0x80 may be the second byte of a syllable.
 */
function assertEucKr(bytes: Buffer): void {
  for (let at = 0; at < bytes.length; at++) {
    if ((bytes[at] ?? 0) < 0x80) continue;
    if ((bytes[at] ?? 0) < 0xa1 || (bytes[++at] ?? 0) < 0xa1) throw new TypeError('not EUC-KR');
  }
}

/** EUC-JP is ASCII, pairs of bytes from 0xa1 on, 0x8e and a half-width katakana, and 0x8f and such a pair. */
function assertEucJp(bytes: Buffer): void {
  for (let at = 0; at < bytes.length; at++) {
    const lead = bytes[at] ?? 0;
    if (lead < 0x80) continue;
    if (lead === 0x8e) {
      const kana = bytes[++at] ?? 0;
      if (kana < 0xa1 || kana > 0xdf) throw new TypeError('not EUC-JP');
      continue;
    }
    if (lead === 0x8f) at++;
    else if (lead < 0xa1) throw new TypeError('not EUC-JP');
    if ((bytes[at] ?? 0) < 0xa1 || (bytes[++at] ?? 0) < 0xa1) throw new TypeError('not EUC-JP');
  }
}
