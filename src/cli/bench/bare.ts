// The bare side of the comparison: as many bare pipelines as the server has workers, loaded once, run together.
import { z } from 'zod';
import { usableCores } from '../../cluster/cores.js';
import { bareResultSchema, type BareModel, type BareResult } from './bare-messages.js';
import { Helper } from './helper.js';

export interface BareRun {
  readonly images: number;
  readonly imagesPerSecond: number;
  readonly cpuMsPerImage: number;
  /**
   * Processor time by wall time and the cores that the processes could have: below 1 other programs had a part of them. Somewhat
   * above 1 where there are fewer processes than cores, since each also decodes in a second thread.
   */
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
      cpuShare: cpuShareOf(results, usableCores()),
      verdicts: Object.fromEntries(results.flatMap((result) => Object.entries(result.verdicts))),
    };
  }

  async stop(): Promise<void> {
    await Promise.all(this.#pipelines.map((each) => each.stop()));
  }
}

/** More processes than `cores` can have no more than those. */
export function cpuShareOf(results: readonly Pick<BareResult, 'cpuMs' | 'seconds'>[], cores: number): number {
  const busy = results.reduce((sum, { cpuMs, seconds }) => sum + cpuMs / 1000 / seconds, 0);
  return busy / Math.min(results.length, cores);
}
