// Many images, and the memory of every process after each part of them: no worker may end, and memory must not grow with
// what was done.
import type { LocalServer } from '../local-server.js';
import { ways, type Way } from './load-messages.js';
import { serverFigures } from './process-figures.js';
import { runServer } from './server-run.js';
import { soakVerdict, type SoakSample, type SoakVerdict } from './soak-verdict.js';
import type { Workbench } from './workbench.js';

/** The memory is looked at so often. */
const steps = 20;
/** Of the images, half by each way: until then buffers and caches still find their size. */
const warmUpShare = 0.1;
const connections = 8;

export interface Soak {
  readonly images: number;
  /** Of them, before the first sample. */
  readonly warmUpImages: number;
  readonly seconds: number;
  readonly samples: readonly SoakSample[];
  readonly verdict: SoakVerdict;
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
  const run = async (count: number, way: Way) => {
    const wanted = Math.max(1, Math.ceil(count));
    return (await runServer(server, bench.load, { images: wanted, connections, way })).images;
  };
  const start = performance.now();
  let done = 0;
  for (const way of ways) done += await run((images * warmUpShare) / ways.length, way);
  const warmUpImages = done;
  await sample(done);
  for (let step = 0; done < images; step++) {
    const wanted = (images * (1 - warmUpShare)) / steps;
    done += await run(Math.min(images - done, wanted), ways[step % ways.length] ?? 'name');
    await sample(done);
  }
  const seconds = (performance.now() - start) / 1000;
  return { images: done, warmUpImages, seconds, samples, verdict: soakVerdict(samples) };
}

function mebibytes(bytes: number): number {
  return Number((bytes / 2 ** 20).toFixed(1));
}
