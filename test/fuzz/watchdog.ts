// A connection that behaves well all the time: it asks a trivial question and has a sample judged, again and again,
// and must get the right answers soon, whatever the other connections do.
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { Wire } from '../support/wire.js';

/** Generous: a machine may be busy with other things than this. */
export const answerTimeoutMs = 10_000;
const intervalMs = 50;
const busy = /"error_code": 6, "message"/;
const sampleRequest = '{"cmd": 0x01, "request_data": ["normal-01.jpg"]}';
const sampleAnswer =
  '{"cmd": 2, "response_data": [{"file_name": "normal-01.jpg", "result": 1, "error_code": 0}], "request_data": null}';

const statusSchema = z.object({
  queued: z.number(),
  in_flight: z.number(),
  hosts: z.tuple([z.object({ workers: z.array(z.object({ pid: z.int() })) })]),
});
const connectionSchema = z.object({ port: z.int(), in_flight: z.int() });

export interface Status {
  /** Images that wait or run. */
  readonly images: number;
  readonly workerPids: readonly number[];
}

export class Watchdog {
  readonly #wire: Wire;
  probes = 0;
  slowestMs = 0;
  /** Answers of a server that had no room for another image. */
  busy = 0;

  private constructor(wire: Wire) {
    this.#wire = wire;
  }

  static async open(port: number): Promise<Watchdog> {
    return new Watchdog(await Wire.open(port));
  }

  /** Asks until `isOver`. Throws where an answer is wrong or late. */
  async watch(folderAnswer: string, isOver: () => boolean): Promise<void> {
    while (!isOver()) {
      await this.#probe('{"cmd": 0x32, "request_data": null}', folderAnswer, false);
      await this.#probe(sampleRequest, sampleAnswer, true);
      await wait(intervalMs);
    }
  }

  /** The reply to `request`, one line. Throws where it does not come in time. */
  async ask(request: string): Promise<string> {
    const timer = new AbortController();
    const late = wait(answerTimeoutMs, null, { signal: timer.signal }).catch(() => null);
    const answer = await Promise.race([this.#wire.ask(request), late]);
    timer.abort();
    if (answer === null) throw new Error(`no answer to ${request} within ${answerTimeoutMs} ms`);
    return answer;
  }

  async status(): Promise<Status> {
    const [status] = await this.#results('{"cmd": 0x44, "request_data": null}', statusSchema);
    if (status === undefined) throw new Error('a watchdog was told of no status');
    const { queued, in_flight, hosts } = status;
    return { images: queued + in_flight, workerPids: hosts[0].workers.map(({ pid }) => pid).sort() };
  }

  /** Every connection of the server: its port on our side, and how many of its images are not answered. */
  connections(): Promise<readonly z.output<typeof connectionSchema>[]> {
    return this.#results('{"cmd": 0x40, "request_data": null}', connectionSchema);
  }

  get port(): number {
    return this.#wire.socket.localPort ?? 0;
  }

  close(): void {
    this.#wire.close();
  }

  /** `result` of each item of the reply. */
  async #results<T>(request: string, schema: z.ZodType<T>): Promise<readonly T[]> {
    const answer = await this.ask(request);
    const replySchema = z.object({ response_data: z.array(z.object({ result: schema })) });
    const reply = replySchema.safeParse(JSON.parse(answer));
    if (!reply.success) throw wrongAnswer(request, answer);
    return reply.data.response_data.map(({ result }) => result);
  }

  /** `isHeavy`: a server that has no room for it may say so. */
  async #probe(request: string, expected: string, isHeavy: boolean): Promise<void> {
    const asked = performance.now();
    for (;;) {
      const answer = await this.ask(request);
      const tookMs = performance.now() - asked;
      if (answer === expected) {
        this.probes++;
        this.slowestMs = Math.max(this.slowestMs, tookMs);
        return;
      }
      if (!isHeavy || !busy.test(answer)) throw wrongAnswer(request, answer);
      if (tookMs > answerTimeoutMs) throw new Error(`the server was busy for ${answerTimeoutMs} ms`);
      this.busy++;
      await wait(intervalMs);
    }
  }
}

function wrongAnswer(request: string, answer: string): Error {
  return new Error(`a watchdog asked ${request} and was told ${answer}`);
}
