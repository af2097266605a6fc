// Many images, and the memory of every process after each part of them: it must not grow with what was done.
import type { LocalServer } from '../local-server.js';
import { ways } from './load-messages.js';
import { serverFigures } from './process-figures.js';
import { runServer } from './server-run.js';
import type { Workbench } from './workbench.js';

/** The memory is looked at so often. */
const steps = 20;
/** Of the images: until then buffers and caches still find their size. */
const warmUpShare = 0.1;
const connections = 8;

export interface SoakSample {
  readonly images: number;
  readonly primaryMiB: number;
  /** By their process ids: a worker that was replaced shows. */
  readonly workersMiB: Readonly<Record<string, number>>;
}

export interface Soak {
  readonly images: number;
  readonly seconds: number;
  readonly samples: readonly SoakSample[];
  /** Of all processes together, from the end of the warm-up to the end; null where the system does not tell. */
  readonly grownMiB: number | null;
}

/** By name and by attached bytes by turns. Rejects where an image is not answered with code 0. */
export async function soak(bench: Workbench, server: LocalServer, images: number): Promise<Soak> {
  const samples: SoakSample[] = [];
  const sample = async (done: number) => {
    const figures = await serverFigures(server.pid);
    if (figures === null) return;
    samples.push({
      images: done,
      primaryMiB: mebibytes(figures.primary.rssBytes),
      workersMiB: Object.fromEntries(figures.workers.map(({ pid, rssBytes }) => [pid, mebibytes(rssBytes)])),
    });
  };
  const start = performance.now();
  let done = 0;
  for (let step = 0; done < images; step++) {
    const wanted = step === 0 ? images * warmUpShare : (images * (1 - warmUpShare)) / steps;
    const way = ways[step % ways.length] ?? 'name';
    const run = await runServer(server, bench.load, {
      images: Math.min(images - done, Math.max(1, Math.ceil(wanted))),
      connections,
      way,
    });
    done += run.images;
    await sample(done);
  }
  const [first, last] = [samples[0], samples.at(-1)];
  return {
    images: done,
    seconds: (performance.now() - start) / 1000,
    samples,
    grownMiB: first === undefined || last === undefined ? null : total(last) - total(first),
  };
}

function total({ primaryMiB, workersMiB }: SoakSample): number {
  return Object.values(workersMiB).reduce((sum, value) => sum + value, primaryMiB);
}

function mebibytes(bytes: number): number {
  return Number((bytes / 2 ** 20).toFixed(1));
}
