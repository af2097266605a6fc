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
  const decoder = new TextDecoder(encoding, { fatal: true, ignoreBOM: true });
  return (bytes) => decoder.decode(bytes);
}

function decodeAscii(bytes: Buffer): string {
  if (bytes.some((byte) => byte > 0x7f)) throw new TypeError('not ASCII');
  return bytes.toString('latin1');
}
