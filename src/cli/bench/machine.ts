// Where figures come from: they mean little without the machine and the versions.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, release, totalmem, type } from 'node:os';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { version } from '../../version.js';

export interface Machine {
  readonly cpu: string;
  /** That this process may use. */
  readonly cores: number;
  readonly memoryGiB: number;
  readonly kernel: string;
  readonly node: string;
  readonly sharp: string;
  readonly libvips: string;
  readonly onnxruntime: string;
  readonly version: string;
  /** Of the source; `unknown` outside a git checkout, with a `+` where files differ from it. */
  readonly commit: string;
}

const projectFolder = fileURLToPath(new URL('../../..', import.meta.url));

export function describeMachine(libvips: string): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: `${type()} ${release()}`,
    node: process.version,
    sharp: packageVersion('sharp'),
    libvips,
    onnxruntime: packageVersion('onnxruntime-node'),
    version,
    commit: commit(),
  };
}

function packageVersion(name: string): string {
  try {
    // Their entry points say where they lie without loading them.
    const entry = createRequire(import.meta.url).resolve(name);
    const folder = entry.slice(0, entry.lastIndexOf(`/node_modules/${name}/`));
    const text = readFileSync(`${folder}/node_modules/${name}/package.json`, 'utf8');
    return z.object({ version: z.string() }).parse(JSON.parse(text)).version;
  } catch {
    return 'unknown';
  }
}

function commit(): string {
  try {
    return execFileSync('git', ['describe', '--always', '--dirty=+', '--exclude=*'], {
      cwd: projectFolder,
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
  } catch {
    return 'unknown';
  }
}
