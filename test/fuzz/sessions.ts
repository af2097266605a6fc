// What well-behaved clients send: sessions of requests of every command, spelled in every way that the protocol
// allows, up to its limits. Nothing here changes the server: models, folders and peers that requests name are none.
import { limits, type Picture } from './playground.js';
import type { Random } from './random.js';

/** One request: its JSON and the images attached behind it. */
export interface Part {
  readonly head: string;
  readonly tail: Buffer;
}

/** The parts of one connection, in order; each is owed one reply. */
export type Session = readonly Part[];

const none = Buffer.alloc(0);
/** More replies than the buffers of two sockets hold, from few bytes. */
const hugeFlood = 100_000;

export function makeSession(random: Random, pictures: readonly Picture[]): Session {
  const make = random.weighted([
    [80, conversation],
    [10, flood],
    [8, batches],
    [6, atLimits],
    [3, attachedBatches],
    [0.5, endlessFlood],
  ]);
  return make(random, pictures);
}

export function toBytes(session: Session): Buffer {
  return Buffer.concat(session.flatMap(({ head, tail }) => [Buffer.from(head), tail]));
}

function conversation(random: Random, pictures: readonly Picture[]): Session {
  return Array.from({ length: random.between(1, 8) }, () =>
    random.weighted([
      [8, read],
      [5, setting],
      [3, connections],
      [4, named],
      [2, attached],
      [1, inside],
      [2, stop],
    ])(random, pictures),
  );
}

/** One cheap request again and again: more than may be pending or read ahead. */
function flood(random: Random): Session {
  const text = random.pick(['{"cmd": 0x32, "request_data": null}', '{"cmd":36,"request_data":[]}', '{}']);
  return Array.from({ length: random.between(20, 300) }, () => ({ head: text, tail: none }));
}

function endlessFlood(): Session {
  return Array.from({ length: hugeFlood }, () => ({ head: '{}', tail: none }));
}

/** Many images at once, perhaps stopped. */
function batches(random: Random, pictures: readonly Picture[]): Session {
  const batch = () => {
    const names = Array.from({ length: limits.max_batch }, () => imageName(random, pictures, 0.05));
    return spelled(random, 0x01, JSON.stringify(names));
  };
  const parts = Array.from({ length: random.between(1, 4) }, batch);
  return random.chance(0.4) ? [...parts, stop(random)] : parts;
}

/** More attached bytes than may be held, so that the server reads on only when images are judged. */
function attachedBatches(random: Random, pictures: readonly Picture[]): Session {
  const whole = pictures.filter(({ verdict }) => verdict.code === 0);
  return Array.from({ length: random.between(1, 2) }, () => {
    const images = Array.from({ length: limits.max_batch }, () => random.pick(whole).bytes);
    const sizes = images.map(({ length }) => length);
    return { head: attachedHead(random, sizes), tail: Buffer.concat(images) };
  });
}

/** Requests as large as they may be, or by one too large. */
function atLimits(random: Random, pictures: readonly Picture[]): Session {
  const over = random.between(0, 1);
  const last = random.pick([
    () => {
      const names = Array.from({ length: limits.max_batch + over }, () => imageName(random, pictures, 0));
      return spelled(random, 0x01, JSON.stringify(names));
    },
    () => {
      const head = '{"cmd": 0x22, "request_data": null, "note": "';
      const padding = 'n'.repeat(limits.max_message_bytes - head.length - 2 + over);
      return { head: `${head}${padding}"}`, tail: none };
    },
    () => {
      const size = limits.max_image_bytes + over;
      return { head: attachedHead(random, [size]), tail: Buffer.alloc(over === 0 ? size : 0, 0xd8) };
    },
    () => {
      const depth = 62 + over;
      const nested = '['.repeat(depth) + ']'.repeat(depth);
      return { head: `{"cmd": 0x32, "request_data": [], "note": [${nested}]}`, tail: none };
    },
    () => ({
      head: `{"cmd": 0x36, "request_data": [], "request_id": "${'배'.repeat(128 + over)}"}`,
      tail: none,
    }),
  ]);
  return [...conversation(random, pictures), last()];
}

function read(random: Random): Part {
  return spelled(random, random.pick([0x22, 0x24, 0x32, 0x36, 0x44]), noArguments(random));
}

function stop(random: Random): Part {
  return spelled(random, 0x03, noArguments(random));
}

function connections(random: Random): Part {
  const query = random.pick([
    'null',
    '[]',
    '[{}]',
    '[{"limit": 0x3}]',
    '[{"address": "127.0.0.1", "limit": 5}]',
    '[{"state": "draining"}]',
    '[{"cursor": "foreign"}]',
  ]);
  return spelled(random, 0x40, query);
}

/** Commands that would change something, were there what they name. */
function setting(random: Random): Part {
  const [code, data] = random.pick([
    [0x10, '["no-such-token"]'],
    [0x20, '["https://models.invalid/no-such.onnx"]'],
    [0x26, '["no-such-model.onnx"]'],
    [0x28, '["no-such-model.pt"]'],
    [0x30, '["no-such-folder"]'],
    [0x34, '["no-such-folder/다른"]'],
    [0x42, '["nobody/1.none.1", "nobody/2.none.2"]'],
  ]);
  return spelled(random, code, data);
}

function named(random: Random, pictures: readonly Picture[]): Part {
  const names = Array.from({ length: random.between(1, 3) }, () => imageName(random, pictures, 0.3));
  return spelled(random, 0x01, JSON.stringify(names));
}

function attached(random: Random, pictures: readonly Picture[]): Part {
  const images = Array.from({ length: random.pick([1, 1, 2, 3]) }, () => random.pick(pictures).bytes).filter(
    ({ length }) => length <= limits.max_image_bytes,
  );
  if (images.length === 0) return read(random);
  const sizes = images.map(({ length }) => length);
  return { head: attachedHead(random, sizes), tail: Buffer.concat(images) };
}

function attachedHead(random: Random, sizes: readonly number[]): string {
  const elements = sizes.map((size) => {
    const count = random.pick([String(size), `0x${size.toString(16)}`, size.toFixed(1)]);
    return `{"file_name": ${label(random)}, "bytes": ${count}}`;
  });
  return spelled(random, 0x01, `[${elements.join(', ')}]`).head.trimEnd();
}

function inside(random: Random, pictures: readonly Picture[]): Part {
  const data = random.pick([
    () => random.pick(pictures).bytes.toString('base64'),
    () => random.pick(['', '====', 'no base64', 'AAAA', '배']),
  ])();
  return spelled(random, 0x01, `[{"data": ${JSON.stringify(data)}, "file_name": ${label(random)}}]`);
}

/** `real`: the share of names that are there. */
function imageName(random: Random, pictures: readonly Picture[], real: number): string {
  const name = random.pick(pictures).name;
  if (random.chance(real)) return random.pick(['', './', 'no-such-folder/../']) + name;
  const missing = ['/etc/no-such.jpg', `../${name}`, 'half\0.jpg', `${'long'.repeat(80)}.webp`, '배.jpeg'];
  return random.chance(0.3) ? random.pick(missing) : `missing-${random.between(1, 99)}.png`;
}

function label(random: Random): string {
  return random.pick(['"cam34"', '"배 \\u0000"', '"\\ud800"', '"0x12.jpg"', `"${'🍐'.repeat(255)}"`]);
}

function noArguments(random: Random): string {
  return random.pick(['null', '[]', '[ ]']);
}

/** A request in one of the ways in which it can be written. */
function spelled(random: Random, code: number, data: string): Part {
  const hex = `0x${code.toString(16).padStart(2, '0')}`;
  const fields = [`"cmd": ${random.pick([hex, hex, String(code), `${code}.0`])}`, `"request_data": ${data}`];
  if (random.chance(0.6)) fields.push(`"request_id": ${requestId(random)}`);
  if (random.chance(0.2)) fields.push(`"detail": ${random.chance(0.7)}`);
  if (random.chance(0.1)) fields.push('"note": {"a": [1, {"b": "}"}], "c": "\\\\\\"{"}');
  const ordered = random.chance(0.3) ? random.shuffled(fields) : fields;
  const between = random.pick([', ', ',', ' ,\r\n\t']);
  return { head: `${random.pick(['', '', ' ', '\n', '\r\n\t'])}{${ordered.join(between)}}`, tail: none };
}

function requestId(random: Random): string {
  return random.pick([
    () => String(random.between(-9, 99_999)),
    () => `"r-${random.between(1, 99_999)}"`,
    () => '0x1F',
    () => '9007199254740991',
    () => '"배\\u007f\\ud800 \\"{"',
    () => '""',
  ])();
}
