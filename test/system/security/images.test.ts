// Images: whatever bytes a client calls an image, it gets a verdict or a clear code, and the server goes on. One
// server for all, with the limits that it has without configuration.
import assert from 'node:assert/strict';
import { mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { crc32, deflateSync } from 'node:zlib';
import sharp from 'sharp';
import type { LocalServer } from '#src/cli/local-server.js';
import { configSchema } from '#src/config/schema.js';
import { sample, variants } from '../../support/pictures.js';
import { peakBytes, workerPids } from '../../support/processes.js';
import { codesOf, item, reply, request } from '../../support/replies.js';
import { startServer } from '../../support/server.js';
import { Wire } from '../../support/wire.js';

const mib = 1024 * 1024;
/** What some hundred kilobytes become. */
const inflatedBytes = 64 * mib;
const defaults = configSchema.parse({}).limits;

/** One part of a PNG file. */
function chunk(type: string, data: Buffer): Buffer {
  const body = Buffer.concat([Buffer.from(type, 'latin1'), data]);
  const [length, check] = [Buffer.alloc(4), Buffer.alloc(4)];
  length.writeUInt32BE(data.length);
  check.writeUInt32BE(crc32(body));
  return Buffer.concat([length, body, check]);
}

/** A grey PNG of this size, whose rows are `pixels`, packed; `more`: what stands before them. */
function png(width: number, height: number, pixels: Buffer, ...more: Buffer[]): Buffer {
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.writeUInt8(8, 8);
  const signature = Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]);
  const end = chunk('IEND', Buffer.alloc(0));
  return Buffer.concat([signature, chunk('IHDR', header), ...more, chunk('IDAT', pixels), end]);
}

/** All black. */
const black = (width: number, height: number) =>
  png(width, height, deflateSync(Buffer.alloc((width + 1) * height)));

describe('an image that a client brings', () => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'pear-brought-')));
  let server: LocalServer;
  let wire: Wire;
  let pids: number[];
  let picture: Buffer;
  let forms: ReadonlyMap<string, Buffer>;
  before(async () => {
    picture = await sample('normal-01.jpg');
    forms = new Map([['picture.jpg', picture], ...(await variants(picture))]);
    writeFileSync(join(folder, 'good.jpg'), picture);
    server = await startServer(null, '--cluster.workers', '1', '--model.img_path', folder);
    wire = await Wire.open(server.port);
    pids = await workerPids(server.port);
  });
  after(async () => {
    wire.close();
    assert.equal(await server.stop(), 0);
    rmSync(folder, { recursive: true });
  });

  /**
   * What became of each of them, as a file and behind the message; a picture that is fine is judged behind them, by the
   * processes that were there before.
   */
  async function bring(images: Readonly<Record<string, Buffer>>): Promise<Map<string, string>> {
    const all = Object.entries(images).map(([what, bytes], index) => ({ what, bytes, name: `${index}.jpg` }));
    for (const { name, bytes } of all) writeFileSync(join(folder, name), bytes);
    const attached = all.filter(({ bytes }) => bytes.length > 0);
    const announced = attached.map(({ name, bytes }) => ({ file_name: name, bytes: bytes.length }));
    wire.send(request(1, [...all.map(({ name }) => name), ...announced, 'good.jpg']));
    for (const { bytes } of attached) wire.send(bytes);
    const items = [...(await wire.reply()).matchAll(/\{"file_name": [^}]*\}/g)].map(([text]) => text);
    assert.equal(items.pop(), item('good.jpg', 1, 0));
    assert.equal(items.length, all.length + attached.length);
    assert.deepEqual(await workerPids(server.port), pids);
    return new Map(
      items.map((text, index) => {
        const { what, name } = all[index] ?? attached[index - all.length] ?? { what: '', name: '' };
        const start = `{"file_name": "${name}", `;
        assert.ok(text.startsWith(start), what);
        return [
          `${what}, ${index < all.length ? 'as a file' : 'behind the message'}`,
          text.slice(start.length),
        ];
      }),
    );
  }

  /** That part of an item which `bring` gives. */
  const outcome = (result: number | null, code: number) => `"result": ${result}, "error_code": ${code}}`;

  async function assertRefused(images: Readonly<Record<string, Buffer>>): Promise<void> {
    for (const [what, text] of await bring(images)) assert.ok(text === outcome(null, 8), `${what}: ${text}`);
  }

  /** A verdict or the code of a bad image, nothing else. */
  async function assertAnswered(images: Readonly<Record<string, Buffer>>): Promise<void> {
    for (const [what, text] of await bring(images)) assert.match(text, /"error_code": [08]\}$/, what);
  }

  test('whose text, colour profile or pixels grow without end when they are unpacked costs no memory', async () => {
    const before = peakBytes(pids[0] ?? 0);
    const packed = deflateSync(Buffer.alloc(inflatedBytes));
    const pixels = deflateSync(Buffer.alloc(65 * 64));
    const start = (text: string) => Buffer.concat([Buffer.from(text, 'latin1'), packed]);
    await assertAnswered({
      'a text': png(64, 64, pixels, chunk('zTXt', start('a\0\0'))),
      'an international text': png(64, 64, pixels, chunk('iTXt', start('a\0\x01\0\0\0'))),
      'a colour profile': png(64, 64, pixels, chunk('iCCP', start('a\0\0'))),
      'pixels beyond those of the header': png(64, 64, packed),
    });
    assert.ok(peakBytes(pids[0] ?? 0) - before < inflatedBytes / 2, 'none of it was unpacked as a whole');
  });

  test('may have 50 million pixels, and with one row more is refused from its header', async () => {
    assert.equal(defaults.max_image_pixels, 50_000_000);
    const before = peakBytes(pids[0] ?? 0);
    await assertRefused({
      'four thousand million in the header, and none behind it': png(
        65_000,
        65_000,
        deflateSync(Buffer.alloc(64)),
      ),
      'one row more': black(10_000, 5_001),
    });
    assert.ok(peakBytes(pids[0] ?? 0) - before < 40 * mib, 'they were not decoded');
    writeFileSync(join(folder, 'largest.png'), black(10_000, 5_000));
    assert.deepEqual(codesOf(await wire.ask(request(1, ['largest.png']))), [0]);
  });

  test('is a JPEG, a PNG or a WebP by its bytes; what other formats are there is refused, whatever it is called', async () => {
    const small = sharp(picture).resize(64, 48);
    const svg = (inside: string) =>
      `<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" width="9" height="9">${inside}</svg>`;
    const tiff = await small.clone().tiff().toBuffer();
    const others: Readonly<Record<string, Buffer>> = {
      GIF: await small.clone().gif().toBuffer(),
      TIFF: tiff,
      AVIF: await small.clone().avif().toBuffer(),
      SVG: Buffer.from(svg('<rect width="9" height="9"/>')),
      'SVG that asks for a file': Buffer.from(svg(`<image xlink:href="file://${folder}/good.jpg"/>`)),
      'SVG that asks for an address': Buffer.from(svg('<image xlink:href="http://127.0.0.1:1/a.jpg"/>')),
      'SVG whose entities grow': Buffer.from(
        `<!DOCTYPE svg [<!ENTITY a "aaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>${svg('<text>&b;</text>')}`,
      ),
      PDF: Buffer.from(
        '%PDF-1.4\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n',
      ),
      PostScript: Buffer.from('%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\nshowpage\n'),
      PPM: Buffer.from(`P6 8 8 255\n${'x'.repeat(192)}`),
      PFM: Buffer.from(`PF\n8 8\n-1.0\n${'\0'.repeat(768)}`),
      'Radiance HDR': Buffer.from('#?RADIANCE\nFORMAT=32-bit_rle_rgbe\n\n-Y 1 +X 1\nabcd'),
      BMP: Buffer.concat([Buffer.from('424d3a000000000000003600000028000000', 'hex'), Buffer.alloc(40)]),
      ICO: Buffer.from('00000100010001010000010018003000000016000000', 'hex'),
      'JPEG XL': Buffer.from('ff0a7f0013881002', 'hex'),
      'JPEG 2000': Buffer.from('0000000c6a5020200d0a870a', 'hex'),
      'a matrix of libvips': Buffer.from('3 1\n1 2 3\n'),
      'a picture of libvips': Buffer.concat([Buffer.from('b6a6f208', 'hex'), Buffer.alloc(64)]),
      'a table': Buffer.from('1,2,3\n4,5,6\n'),
      OpenEXR: Buffer.concat([Buffer.from('762f3101', 'hex'), Buffer.alloc(64)]),
      FITS: Buffer.from('SIMPLE  =                    T'.padEnd(2880)),
      DICOM: Buffer.concat([Buffer.alloc(128), Buffer.from('DICM')]),
      'a ZIP': Buffer.from('504b030414000000', 'hex'),
      'HTML that ends as a JPEG': Buffer.concat([Buffer.from('<html>'), picture]),
      'a TIFF with a JPEG behind it': Buffer.concat([tiff, picture]),
    };
    await assertRefused(others);
  });

  test('that is empty, cut off or has its bytes changed is refused or judged, and never ends the server', async () => {
    const cut = [...forms].flatMap(([name, whole]) =>
      [0.01, 0.4].map((share) => [`${name} to ${share}`, whole.subarray(0, share * whole.length)] as const),
    );
    await assertRefused({ 'zero bytes': Buffer.alloc(0), ...Object.fromEntries(cut) });
    const changed = [...forms].map(([name, whole]) => {
      const bytes = Buffer.from(whole);
      for (let at = 40; at < bytes.length; at += 997) bytes[at] = 0xff - (bytes[at] ?? 0);
      return [name, bytes] as const;
    });
    await assertAnswered(Object.fromEntries(changed));
  });

  test('in inks, of 16 bits, turned by its EXIF, progressive or see-through has the verdict of the plain one', async () => {
    for (const [what, text] of await bring(Object.fromEntries(forms))) {
      assert.ok(text === outcome(1, 0), what);
    }
  });

  test('may have so many bytes and no more, packed as base64 too, and none of it is looked at beyond that', async () => {
    const size = defaults.max_image_bytes;
    const padded = (bytes: number) => Buffer.concat([picture, Buffer.alloc(bytes - picture.length)]);
    for (const [name, bytes] of [
      ['largest.jpg', size],
      ['larger.jpg', size + 1],
    ] as const) {
      writeFileSync(join(folder, name), padded(bytes));
    }
    const expected = reply(2, item('largest.jpg', 1, 0), item('larger.jpg', null, 8));
    assert.equal(await wire.ask(request(1, ['largest.jpg', 'larger.jpg'])), expected);
    // A message ends before an image inside it could be that long.
    assert.ok(defaults.max_message_bytes < size);
    const bomb = await Wire.open(server.port);
    bomb.send(
      `{"cmd": 1, "request_data": [{"file_name": "x", "data": "${'A'.repeat(defaults.max_message_bytes)}`,
    );
    await bomb.closed();
    assert.deepEqual(codesOf(bomb.received), [1]);
    bomb.close();
    const announced = await Wire.open(server.port);
    announced.send(request(1, [{ file_name: 'x', bytes: size + 1 }]));
    await announced.closed();
    assert.deepEqual(codesOf(announced.received), [1], 'not one byte of it is waited for');
    announced.close();
    assert.deepEqual(await workerPids(server.port), pids);
  });
});
