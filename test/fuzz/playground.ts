// Where the fuzzed server works: folders of its own with copies of the model and the samples, so that no request,
// however damaged, can change anything of the repository; and limits so small that sessions meet them.
import { createHash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, readdir, realpath, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, normalize, resolve } from 'node:path';
import { plainPicture, sample, samplesFolder } from '../support/pictures.js';

/** What the server must say of an image; `result` null: it cannot be judged, for the reason that `code` gives. */
export interface Verdict {
  readonly result: number | null;
  readonly code: number;
}

export interface Picture {
  readonly name: string;
  readonly bytes: Buffer;
  readonly verdict: Verdict;
}

export const limits = {
  max_message_bytes: 256 * 1024,
  max_image_bytes: 128 * 1024,
  max_image_pixels: 4_000_000,
  max_batch: 12,
  max_queued_images: 16,
  max_queued_images_total: 60,
  max_pending_requests: 8,
  max_in_flight_bytes: 512 * 1024,
  read_ahead_bytes: 16 * 1024,
  message_timeout_ms: 4_000,
  write_timeout_ms: 2_000,
  // Beyond what all images that may be queued take on a busy machine: every one is judged.
  request_timeout_ms: 300_000,
} as const;

const modelFile = 'pear-starter-int8';

export class Playground {
  readonly pictures: readonly Picture[];
  readonly #folder: string;
  readonly #images: string;
  readonly #verdicts: ReadonlyMap<string, Verdict>;

  private constructor(folder: string, pictures: readonly Picture[]) {
    this.#folder = folder;
    this.#images = join(folder, 'images');
    this.pictures = pictures;
    this.#verdicts = new Map(pictures.map(({ bytes, verdict }) => [digest(bytes), verdict]));
  }

  /** It is there until this process ends. */
  static async create(): Promise<Playground> {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'pear-fuzz-')));
    process.on('exit', () => {
      rmSync(folder, { recursive: true, force: true });
    });
    const playground = new Playground(folder, await makePictures());
    await Promise.all([mkdir(join(folder, 'models')), mkdir(playground.#images)]);
    for (const ending of ['.onnx', '.yaml'])
      await copyFile(join('models', modelFile + ending), join(folder, 'models', modelFile + ending));
    for (const { name, bytes } of playground.pictures) await writeFile(join(playground.#images, name), bytes);
    return playground;
  }

  /** For the command line of the server. */
  get arguments(): string[] {
    const keys = Object.entries(limits).map(([key, value]) => [`--limits.${key}`, String(value)]);
    return [
      ...keys.flat(),
      ...['--cluster.workers', '2'],
      ...['--model.model_path', join(this.#folder, 'models', `${modelFile}.onnx`)],
      ...['--model.img_path', this.#images],
      // The view and the workers' figures are waited for at the end.
      ...['--connections.flush_interval_ms', '50', '--connections.heartbeat_interval_ms', '500'],
    ];
  }

  /** What must be said of the file that a client names so. */
  verdictOfName(name: string): Verdict {
    const isInside = !name.includes('\0') && !/^\.\.(\/|$)/.test(normalize(name));
    const path = isInside ? resolve(this.#images, name) : '';
    const picture = this.pictures.find((one) => join(this.#images, one.name) === path);
    return picture?.verdict ?? { result: null, code: 2 };
  }

  /** What must be said of an image with these bytes; null: they are none of ours, and nobody knows. */
  verdictOfBytes(bytes: Uint8Array): Verdict | null {
    return this.#verdicts.get(digest(bytes)) ?? null;
  }
}

async function makePictures(): Promise<Picture[]> {
  const names = (await readdir(samplesFolder)).filter((name) => name.endsWith('.jpg')).sort();
  const samples = names.map(async (name) => ({
    name,
    bytes: await sample(name),
    verdict: { result: name.startsWith('normal') ? 1 : name.startsWith('defective') ? 0 : -1, code: 0 },
  }));
  const whole = await sample('normal-01.jpg');
  const invalid = { result: null, code: 8 };
  return [
    ...(await Promise.all(samples)),
    { name: 'half.jpg', bytes: whole.subarray(0, whole.length / 2), verdict: invalid },
    { name: 'text.png', bytes: Buffer.from('no picture at all'), verdict: invalid },
    { name: 'wide.PNG', bytes: await plainPicture(2_400, 2_000), verdict: invalid },
    { name: 'heavy.jpeg', bytes: Buffer.concat([whole], limits.max_image_bytes + 1), verdict: invalid },
  ];
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('base64');
}
