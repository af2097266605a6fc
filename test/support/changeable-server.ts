// A server whose models, images and kept settings are the test's own, so that it may change all of them.
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import type { LocalServer } from '#src/cli/local-server.js';
import { startServer, type Ending } from './server.js';
import { samplesFolder } from './pictures.js';

const starters = ['pear-starter-int8', 'pear-starter'] as const;

/** The models that every folder of the kind has; the first one is configured. */
export const [first, second] = ['pear-starter-int8.onnx', 'pear-starter.onnx'] as const;

export class ChangeableServer {
  /** Holds everything: what is in it may be chosen. */
  readonly root = realpathSync(mkdtempSync(join(tmpdir(), 'pear-changes-')));
  readonly models = join(this.root, 'models');
  readonly images = join(this.root, 'images');

  /** `end`: removes everything. */
  constructor(ending: Ending | null) {
    for (const folder of [this.models, this.images]) mkdirSync(folder);
    for (const name of starters) {
      for (const ending of ['onnx', 'yaml']) this.add(`${name}.${ending}`, `models/${name}.${ending}`);
    }
    for (const name of ['normal-01.jpg', 'defective-01.jpg', 'empty-01.jpg']) {
      copyFileSync(join(samplesFolder, name), join(this.images, name));
    }
    ending?.after(() => {
      this.remove();
    });
  }

  /** Puts a file into the folder of models. */
  add(name: string, from: string): void {
    copyFileSync(from, join(this.models, name));
  }

  remove(): void {
    rmSync(this.root, { recursive: true, force: true });
  }

  /** Of two workers, with the host's name `h`. */
  start(ending: Ending | null, ...args: string[]): Promise<LocalServer> {
    return startServer(
      ending,
      ...[
        '--cluster.workers',
        '2',
        '--cluster.host_id',
        'h',
        '--cluster.state_dir',
        join(this.root, 'state'),
      ],
      ...['--model.model_path', join(this.models, first), '--model.img_path', this.images],
      ...args,
    );
  }

  get settingsFile(): string {
    return join(this.root, 'state', 'h', 'settings.json');
  }

  /** What is kept: the version and the model's file name. */
  kept(): { readonly version: number; readonly model: string } {
    const kept: unknown = JSON.parse(readFileSync(this.settingsFile, 'utf8'));
    return z.object({ version: z.int(), model: z.string() }).parse(kept);
  }

  /** Names in the folder of models. */
  files(): string[] {
    return readdirSync(this.models).sort();
  }
}
