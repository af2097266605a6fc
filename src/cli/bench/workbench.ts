// What all parts of the benchmark share: the photos in a temporary folder, the load process, and everything that has to
// end when the benchmark does, however it does.
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { LocalServer, cleanEnvironment } from '../local-server.js';
import { Bare } from './bare.js';
import { Load } from './load.js';
import type { ModelChoice } from './model-choice.js';
import type { BenchOptions } from './options.js';
import { RedisProcess } from './redis-process.js';
import { copySamples, renderPhotos, type Photo } from './photos.js';

const samples = fileURLToPath(new URL('../../../models/samples', import.meta.url));

/** Far above any wait here: latencies are measured, not cut off. */
const requestTimeoutMs = 600_000;

export class Workbench {
  readonly options: BenchOptions;
  readonly folder: string;
  readonly load = new Load();
  photos: readonly Photo[] = [];
  /** Those that still start, too. */
  readonly #servers = new Set<Promise<LocalServer>>();
  readonly #bares = new Set<Bare>();
  #redis: Promise<RedisProcess | string> | null = null;

  private constructor(options: BenchOptions, folder: string) {
    this.options = options;
    this.folder = folder;
  }

  static async open(options: BenchOptions): Promise<Workbench> {
    return new Workbench(options, await mkdtemp(join(tmpdir(), 'pear-bench-')));
  }

  /** Makes the photos and the rest of what is in the folder. */
  async prepare(): Promise<void> {
    const { photos, seed } = this.options;
    await mkdir(this.#photoFolder);
    await writeFile(this.#configFile, '{}\n');
    this.photos = this.options['small-photos']
      ? await copySamples(samples, this.#photoFolder)
      : await renderPhotos(samples, this.#photoFolder, photos, seed);
    await this.load.photos({ folder: this.#photoFolder, names: this.photos.map(({ name }) => name) });
  }

  /** The defaults of the server, whatever this machine's own configuration says. */
  startServer(model: ModelChoice, ...args: readonly string[]): Promise<LocalServer> {
    const server = LocalServer.start({
      args: [
        '--config',
        this.#configFile,
        '--model.model_path',
        model.path,
        '--model.img_path',
        this.#photoFolder,
        '--cluster.workers',
        String(this.options.workers),
        '--limits.request_timeout_ms',
        String(requestTimeoutMs),
        ...args,
      ],
      env: cleanEnvironment(),
      dropsLog: true,
    });
    this.#servers.add(server);
    return server;
  }

  async startBare({ path, confidenceThreshold, letterboxFill }: ModelChoice): Promise<Bare> {
    const bare = await Bare.start(this.options.workers, {
      modelPath: path,
      folder: this.#photoFolder,
      photos: this.photos.map(({ name }) => name),
      confidenceThreshold,
      letterboxFill,
      copies: this.options['bare-copies'],
    });
    this.#bares.add(bare);
    return bare;
  }

  async stopBare(bare: Bare): Promise<void> {
    await bare.stop();
    this.#bares.delete(bare);
  }

  /** A Redis of the benchmark's own, or why there is none. */
  startRedis(): Promise<RedisProcess | string> {
    this.#redis ??= RedisProcess.start(this.folder);
    return this.#redis;
  }

  async close(): Promise<void> {
    const redis = await this.#redis;
    if (redis instanceof RedisProcess) await redis.stop();
    await Promise.all([
      this.load.stop(),
      ...[...this.#servers].map(stopServer),
      ...[...this.#bares].map((bare) => bare.stop()),
    ]);
    await rm(this.folder, { recursive: true, force: true });
  }

  get #photoFolder(): string {
    return join(this.folder, 'photos');
  }

  get #configFile(): string {
    return join(this.folder, 'config.yaml');
  }
}

/** One that has ended already, or never came to serve, is no trouble. */
async function stopServer(starting: Promise<LocalServer>): Promise<void> {
  const server = await starting.catch(() => null);
  await server?.stop();
}
