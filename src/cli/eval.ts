// `npm run eval -- FOLDER`: has the photos of a folder judged through a running server, by file name, and counts
// what was right. Without --connect it starts a server of its own whose image folder is FOLDER.
import { parseArgs } from 'node:util';
import { relative, resolve } from 'node:path';
import type { ClassifiedImage, PearClient } from '../client/pear-client.js';
import { intersectionOverUnion } from '../detector/inference/outputs/suppression.js';
import { ConnectionLostError, StartupError, WireError } from '../errors.js';
import { labelledPhotos, type LabelledPhoto } from './labels.js';
import { LocalServer } from './local-server.js';
import { table } from './table.js';
import { connectTo, serverOf, type Target } from './target.js';
import { shownToken } from './token.js';

const usage =
  'usage: npm run eval -- FOLDER [--annotations FILE] [--model FILE] [--connect HOST:PORT [--token-file FILE]]\n' +
  '       with --connect, over TLS: [--tls] [--ca FILE] [--cert FILE --key FILE] [--servername NAME]';

/** Photos in one request. */
const batchSize = 32;
/** A server's own time for a request is 30 s unless it is configured to be longer, which cannot be known here. */
const answerTimeoutMs = 300_000;
/** Overlap from which a box counts as found. */
const iouMin = 0.5;

interface Judged {
  readonly photo: LabelledPhoto;
  readonly item: ClassifiedImage;
}

process.exitCode = await main();

async function main(): Promise<number> {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        ...{ annotations: { type: 'string' }, connect: { type: 'string' }, model: { type: 'string' } },
        ...{ tls: { type: 'boolean' }, ca: { type: 'string' }, cert: { type: 'string' } },
        ...{ key: { type: 'string' }, servername: { type: 'string' }, 'token-file': { type: 'string' } },
      },
    });
    const [folder] = positionals;
    if (folder === undefined) throw new StartupError('no folder is given', usage);
    const photos = labelledPhotos(folder, values.annotations);
    const own = values.connect === undefined ? await startServer(folder, values.model) : null;
    try {
      const token = own === null ? shownToken(values) : undefined;
      const target = own ?? serverOf({ host: '127.0.0.1', port: 9090 }, values);
      await report(target, token, folder, photos);
    } finally {
      await own?.stop();
    }
    return 0;
  } catch (error) {
    if (error instanceof StartupError) process.stderr.write(`${error.message}; ${error.cure}\n`);
    else if (error instanceof WireError || error instanceof ConnectionLostError)
      process.stderr.write(`${error.message}\n`);
    else throw error;
    return 1;
  }
}

function startServer(folder: string, model: string | undefined): Promise<LocalServer & Target> {
  const args = ['--model.img_path', folder, ...(model === undefined ? [] : ['--model.model_path', model])];
  return LocalServer.start({ args }).then((server) => Object.assign(server, { host: '127.0.0.1' }));
}

async function report(
  target: Target,
  token: string | undefined,
  folder: string,
  photos: readonly LabelledPhoto[],
): Promise<void> {
  const client = await connectTo(target, { token, answerTimeoutMs });
  const judged: Judged[] = [];
  try {
    const inFolder = await nameInImageFolder(client, folder);
    for (let at = 0; at < photos.length; at += batchSize) {
      const batch = photos.slice(at, at + batchSize);
      const items = await client.classify(
        batch.map(({ name }) => inFolder(name)),
        { detail: true },
      );
      items.forEach((item, index) => {
        const photo = batch[index];
        if (photo !== undefined) judged.push({ photo, item });
      });
    }
  } finally {
    await client.close();
  }
  process.stdout.write(rowsOf(judged) + summaryOf(judged));
}

/** Photos are asked for by name, relative to the server's image folder. */
async function nameInImageFolder(client: PearClient, folder: string): Promise<(name: string) => string> {
  const [item] = await client.request(0x32);
  const imageFolder = item?.['file_name'];
  const path = relative(resolve(String(imageFolder)), resolve(folder));
  return (name) => (path === '' ? name : `${path}/${name}`);
}

function rowsOf(judged: readonly Judged[]): string {
  const rows = judged.map(({ photo, item }) => [
    photo.name,
    photo.label ?? '-',
    verdictOf(item),
    item.confidence?.toFixed(3) ?? '-',
    photo.boxes === null ? '-' : (overlap(photo, item)?.toFixed(2) ?? '-'),
    photo.label === null ? '' : isRight({ photo, item }) ? 'right' : 'WRONG',
  ]);
  return table(['photo', 'label', 'verdict', 'confidence', 'IoU', ''], rows);
}

function summaryOf(judged: readonly Judged[]): string {
  const lines: string[] = [''];
  for (const label of ['normal', 'defective', 'no pear'] as const) {
    const of = judged.filter(({ photo }) => photo.label === label);
    if (of.length > 0) lines.push(`${label}: ${of.filter(isRight).length} of ${of.length} right`);
  }
  const boxed = judged.filter(({ photo }) => photo.boxes !== null && photo.boxes.length > 0);
  if (boxed.length > 0) {
    const found = boxed.filter(({ photo, item }) => (overlap(photo, item) ?? 0) >= iouMin);
    lines.push(`pear box found (IoU at least ${iouMin}): ${found.length} of ${boxed.length}`);
  }
  const failed = judged.filter(({ item }) => item.error_code !== 0);
  if (failed.length > 0) lines.push(`not judged: ${failed.length} of ${judged.length}`);
  const times = judged.flatMap(({ item }) =>
    item.timing_ms ? [item.timing_ms.decode + item.timing_ms.inference] : [],
  );
  lines.push(`decoding and inference: ${median(times).toFixed(1)} ms an image (median of ${times.length})`);
  return `${lines.join('\n')}\n`;
}

function verdictOf(item: ClassifiedImage): string {
  return item.error_code === 0 ? (item.label ?? 'no pear') : `error ${item.error_code}`;
}

function isRight({ photo, item }: Judged): boolean {
  if (item.error_code !== 0) return false;
  const said = item.label === null || item.label === undefined ? 'no pear' : item.label;
  // A class is named after what it shows, whatever the rest of its name is.
  return photo.label === 'no pear'
    ? said === 'no pear'
    : said.startsWith(photo.label === 'normal' ? 'normal' : 'defect');
}

/** Best overlap of the verdict's box with a labelled one. */
function overlap({ boxes }: LabelledPhoto, { bbox }: ClassifiedImage): number | null {
  if (boxes === null || boxes.length === 0 || bbox === null || bbox === undefined) return null;
  return Math.max(...boxes.map((box) => intersectionOverUnion(box, bbox)));
}

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;
}
