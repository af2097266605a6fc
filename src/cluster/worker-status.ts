// How a worker is doing, as the view of connections and 0x44 show it.
import { performance } from 'node:perf_hooks';
import type { WorkerRecord } from '../connections/record.js';
import { version } from '../version.js';
import type { WorkerStart } from './messages.js';

/** What is read of the parts of the worker each time. */
export interface WorkerFigures {
  readonly model: string;
  readonly peers: number;
  readonly queued: number;
  readonly inFlight: number;
  readonly requests: number;
  readonly images: number;
  /** Images judged for other workers. */
  readonly helped: number;
  readonly errors: number;
  readonly bytes_in: number;
  readonly bytes_out: number;
}

/** A rate over less than this says little. */
const rateWindowMinMs = 1_000;

export class WorkerStatus {
  state: WorkerRecord['state'] = 'starting';
  readonly #start: WorkerStart;
  readonly #figures: () => WorkerFigures;
  readonly #startedAt = Date.now();
  #sampledAt = performance.now();
  #sampledImages = 0;
  #imagesPerSecond = 0;

  constructor(start: WorkerStart, figures: () => WorkerFigures) {
    this.#start = start;
    this.#figures = figures;
  }

  record(): WorkerRecord {
    const { inFlight, ...figures } = this.#figures();
    return {
      worker: this.#start.workerId,
      host: this.#start.hostId,
      pid: process.pid,
      state: this.state,
      started_at: this.#startedAt,
      version,
      ...figures,
      in_flight: inFlight,
      images_per_second: this.#rate(figures.images),
    };
  }

  /** Images per second since the last sample. */
  #rate(images: number): number {
    const now = performance.now();
    const elapsedMs = now - this.#sampledAt;
    if (elapsedMs >= rateWindowMinMs) {
      this.#imagesPerSecond = Number((((images - this.#sampledImages) * 1000) / elapsedMs).toFixed(2));
      this.#sampledAt = now;
      this.#sampledImages = images;
    }
    return this.#imagesPerSecond;
  }
}
