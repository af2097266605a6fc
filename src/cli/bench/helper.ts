// Processes of the benchmark beside the server: one is told an order, does it, and answers; then the next. They end by
// themselves when whoever started them is gone.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { heapOptions, workerEnvironment } from '../../cluster/worker-environment.js';

/** What comes back over the channel. */
const answerSchema = z.discriminatedUnion('ok', [
  z.object({ ok: z.literal(true), result: z.unknown() }),
  z.object({ ok: z.literal(false), problem: z.string() }),
]);

/** One that infers sees only after the image that it is told to end. */
const stopTimeoutMs = 2_000;

export class Helper {
  readonly #process: ChildProcess;

  /** `module`: URL of a module that calls `serveOrders`. */
  constructor(module: URL) {
    // With the same options as the workers, so that what is compared is the work.
    const execArgv = [...process.execArgv, ...heapOptions];
    this.#process = fork(fileURLToPath(module), {
      execArgv,
      env: workerEnvironment(),
      serialization: 'advanced',
    });
  }

  /** Resolves to the answer. Rejects where the order failed or the process ended. One at a time. */
  async ask<T>(order: object, result: z.ZodType<T>): Promise<T> {
    const abort = new AbortController();
    const ended = once(this.#process, 'exit', { signal: abort.signal }).then((): never => {
      throw new Error('a process of the benchmark ended before it had answered');
    });
    // Aborted when the answer is there; that is no failure.
    ended.catch(() => undefined);
    const answered = once(this.#process, 'message', { signal: abort.signal });
    answered.catch(() => undefined);
    try {
      this.#process.send(order);
      const messages: readonly unknown[] = await Promise.race([answered, ended]);
      const answer = answerSchema.parse(messages[0]);
      if (!answer.ok) throw new Error(answer.problem);
      return result.parse(answer.result);
    } finally {
      abort.abort();
    }
  }

  async stop(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = once(this.#process, 'exit');
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), stopTimeoutMs);
    if (this.#process.connected) this.#process.disconnect();
    await exited;
    clearTimeout(timer);
  }
}

/** The other side: answers each order with what `run` resolves to. */
export function serveOrders<Order>(schema: z.ZodType<Order>, run: (order: Order) => Promise<object>): void {
  const answer = async (raw: unknown) => {
    try {
      process.send?.({ ok: true, result: await run(schema.parse(raw)) });
    } catch (error) {
      process.send?.({ ok: false, problem: error instanceof Error ? error.message : String(error) });
    }
  };
  process.on('message', (raw) => void answer(raw));
  process.on('disconnect', () => process.exit(0));
}
