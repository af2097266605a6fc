// The bare side of the comparison: as many bare pipelines as the server has workers, loaded once, run together.
import { z } from 'zod';
import { bareResultSchema, type BareModel } from './bare-messages.js';
import { Helper } from './helper.js';

export interface BareRun {
  readonly images: number;
  readonly imagesPerSecond: number;
  readonly cpuMsPerImage: number;
  /** Processor time by wall time and cores, 0 to 1: below 1 other programs had a part of the cores. */
  readonly cpuShare: number;
  readonly verdicts: Readonly<Record<string, number>>;
}

export class Bare {
  readonly #pipelines: readonly Helper[];

  private constructor(pipelines: readonly Helper[]) {
    this.#pipelines = pipelines;
  }

  static async start(processes: number, model: BareModel): Promise<Bare> {
    const module = new URL('./bare-pipeline.js', import.meta.url);
    const bare = new Bare(Array.from({ length: processes }, () => new Helper(module)));
    try {
      await Promise.all(bare.#pipelines.map((each) => each.ask({ type: 'load', ...model }, z.unknown())));
    } catch (error) {
      await bare.stop();
      throw error;
    }
    return bare;
  }

  async run(seconds: number): Promise<BareRun> {
    const results = await Promise.all(
      this.#pipelines.map((each) => each.ask({ type: 'run', seconds }, bareResultSchema)),
    );
    const sum = (value: (result: (typeof results)[number]) => number) =>
      results.reduce((total, result) => total + value(result), 0);
    const images = sum((result) => result.images);
    return {
      images,
      imagesPerSecond: sum((result) => result.images / result.seconds),
      cpuMsPerImage: sum((result) => result.cpuMs) / images,
      cpuShare: sum((result) => result.cpuMs / 1000 / result.seconds) / results.length,
      verdicts: Object.fromEntries(results.flatMap((result) => Object.entries(result.verdicts))),
    };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#pipelines.map((each) => each.stop()));
  }
}
