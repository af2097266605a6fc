// What goes wrong with the bytes of a session on their way here: in the text of a request, in the sizes of its
// images, or anywhere in the stream.
import { limits } from './playground.js';
import type { Random } from './random.js';
import { toBytes, type Part, type Session } from './sessions.js';

const none = Buffer.alloc(0);

/** What stands where something else should: JSON of another type, no JSON, numbers and texts without measure. */
const hostileTokens: readonly string[] = [
  ...[
    'null',
    'true',
    '[]',
    '{}',
    '""',
    '"\\u0000"',
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\0"',
    '\0',
    'nul',
    '//',
  ],
  ...[
    '-1',
    '-0',
    '0.5',
    '1e3',
    '1e999',
    '-1e999',
    '9007199254740993',
    '1'.repeat(400),
    '1.0000000000000000001',
  ],
  ...['0x01', '0x', '0X1', '-0x1', '0x1.0', '0x1g', '+0x1', '00x1', `0x${'f'.repeat(300)}`, '"0x01"', '01'],
  ...['"cmd"', '"request_data"', '"request_id"', '"detail"', '"bytes"', '"__proto__"', '"constructor"'],
  ...['"../../../etc/passwd"', '"/proc/self/environ.jpg"', '"C:\\\\x.png"', '"a.jpg/"', "'a.jpg'", '"\\x"'],
  ...['{"cmd": 3, "request_data": null}', ',', ':', '"', '\\', '{', '}', '[', ']'],
];
const byteCounts: readonly string[] = [
  ...['0', '-1', '0.5', '1', '"5"', 'null', '1e9', '0x7fffffffffffffff', 'true', '[5]'],
  ...[String(limits.max_image_bytes), String(limits.max_image_bytes + 1), '4294967296', '-0x5', '1e-9'],
];
const garbage: readonly string[] = [
  'hello\n',
  '\0\0\0\0',
  ']}"',
  '\u{feff}',
  'GET /?{} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
  'POST / HTTP/1.1\r\nContent-Length: 37\r\n\r\n{"cmd": 0x40, "request_data": null}\r\n',
  'PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n',
  '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
];
/** Not UTF-8: a lone byte, an overlong slash, a surrogate, half a character, one beyond the last. */
const invalidTexts = ['ff', 'c0af', 'eda080', 'f09f90', 'f5808080'].map((hex) => Buffer.from(hex, 'hex'));

/** The bytes of `session`, damaged in one to four places; `other` is one it may run into. */
export function damaged(session: Session, other: Session, random: Random): Buffer {
  let parts = session;
  let bytes: Buffer | null = null;
  for (let left = random.between(1, 4); left > 0; left--) {
    if (bytes === null && random.chance(0.6)) parts = damagedPart(parts, random);
    else bytes = damagedBytes(bytes ?? toBytes(parts), other, random);
  }
  return bytes ?? toBytes(parts);
}

function damagedPart(parts: Session, random: Random): Session {
  const at = random.between(0, parts.length - 1);
  const part = parts[at];
  if (part === undefined) return parts;
  const damage = random.weighted<(part: Part, random: Random) => Part[]>([
    [8, wrongToken],
    [part.tail.length > 0 ? 12 : 0, wrongByteCount],
    [part.tail.length > 0 ? 4 : 0, wrongTail],
    [2, endlessText],
    [2, deepNesting],
    [2, keyTwice],
    [2, (one) => [{ head: random.pick(garbage), tail: none }, one]],
    [1, () => []],
    [1, (one) => [one, one]],
  ]);
  return parts.toSpliced(at, 1, ...damage(part, random));
}

/** One token of the request, a key perhaps, is another one. */
function wrongToken(part: Part, random: Random): Part[] {
  const tokens = [...part.head.matchAll(/"[^"\\]*(?:\\.[^"\\]*)*"|[\w.+-]+|[{}[\]:,]/g)];
  if (tokens.length === 0) return [part];
  const { index, 0: token } = random.pick(tokens);
  return [{ ...part, head: replaced(part.head, index, token.length, random.pick(hostileTokens)) }];
}

function wrongByteCount(part: Part, random: Random): Part[] {
  const counts = [...part.head.matchAll(/(?<="bytes": )[\w.]+/g)];
  if (counts.length === 0) return [part];
  const { index, 0: count } = random.pick(counts);
  const near = String(Number(count) + random.pick([-1, 1, -100, 100]));
  const wrong = random.chance(0.4) ? near : random.pick(byteCounts);
  return [{ ...part, head: replaced(part.head, index, count.length, wrong) }];
}

function wrongTail(part: Part, random: Random): Part[] {
  const cut = part.tail.subarray(0, random.between(0, part.tail.length - 1));
  const longer = Buffer.concat([part.tail, random.bytes(random.between(1, 50))]);
  return [{ ...part, tail: random.pick([cut, longer]) }];
}

function endlessText(part: Part, random: Random): Part[] {
  const quote = part.head.indexOf('"') + 1;
  const text = random
    .pick(['x', '\\\\', '\\u0041', '배', '{', '\0'])
    .repeat(random.pick([300, 5_000, 50_000]));
  return [{ ...part, head: replaced(part.head, quote, 0, text) }];
}

function deepNesting(part: Part, random: Random): Part[] {
  const depth = random.pick([70, 1_000, 100_000]);
  const open = random.pick(['[', '{"a":', '[{']).repeat(depth);
  const at = random.between(0, part.head.length);
  return [
    { ...part, head: replaced(part.head, at, 0, open + (random.chance(0.5) ? ']'.repeat(depth) : '')) },
  ];
}

function keyTwice(part: Part, random: Random): Part[] {
  const key = random.pick(['"cmd"', '"request_data"', '"request_id"', '"detail"', '"bytes"']);
  const brace = random.pick(['{', '}']);
  const at = brace === '{' ? part.head.indexOf(brace) + 1 : part.head.lastIndexOf(brace);
  const field = `${key}: ${random.pick(hostileTokens)}`;
  return [{ ...part, head: replaced(part.head, at, 0, brace === '{' ? `${field}, ` : `, ${field}`) }];
}

function damagedBytes(bytes: Buffer, other: Session, random: Random): Buffer {
  const at = random.between(0, bytes.length);
  const length = random.pick([1, 1, 1, 2, 8, 100, 5_000]);
  const [before, range, behind] = [
    bytes.subarray(0, at),
    bytes.subarray(at, at + length),
    bytes.subarray(at + length),
  ];
  const flipped = Buffer.from(range.map((byte) => byte ^ (1 << random.between(0, 7))));
  const middle = random.weighted<() => readonly Buffer[]>([
    [5, () => [flipped, behind]],
    [4, () => [random.bytes(Math.min(length, 100)), range, behind]],
    [4, () => [behind]],
    [2, () => [range, range, behind]],
    [2, () => [random.pick(invalidTexts), range, behind]],
    [2, () => [Buffer.from(random.pick(garbage), 'latin1'), range, behind]],
    [2, () => []],
    [1, () => [toBytes(other), range, behind]],
    [1, () => [toBytes(other)]],
  ]);
  return Buffer.concat([before, ...middle()]);
}

function replaced(text: string, at: number, length: number, by: string): string {
  return text.slice(0, at) + by + text.slice(at + length);
}
