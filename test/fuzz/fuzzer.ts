// Keeps connections busy with sessions until the time is up or something is wrong, with a watchdog for each worker
// and an eye on the processes, and in the end sees that the server has forgotten everybody.
import { setMaxListeners } from 'node:events';
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { encodeJson } from '#src/protocol/json.js';
import type { LocalServer } from '#src/cli/local-server.js';
import { eventually } from '../support/deadline.js';
import { codesIn, problemWith, type FirstAnswers } from './checks.js';
import { converse } from './conversation.js';
import { Guard } from './guard.js';
import { planSession, type Plan } from './plan.js';
import { limits, type Playground } from './playground.js';
import { noCounts, type Counts, type Failure, type Report } from './report.js';
import { Watchdog } from './watchdog.js';

export interface FuzzOptions {
  readonly server: LocalServer;
  /** Where the sessions go: the server's port, unless something stands between. */
  readonly port: number;
  readonly playground: Playground;
  readonly seed: number;
  /** Numbers of the sessions to be held, the next one taken as soon as there is a free connection. */
  readonly sessions: Iterator<number, undefined>;
  readonly connections: number;
}

const guardIntervalMs = 500;
/** The log comes by another way than replies. */
const logTimeMs = 1_000;
const firstAnswersOf = [0x22, 0x24, 0x32, 0x36];

export async function fuzz(options: FuzzOptions): Promise<Report> {
  return new Fuzzer(options).run();
}

/** 0, 1, 2 … for so long. */
export function* sessionsFor(seconds: number): Generator<number, undefined> {
  const end = performance.now() + seconds * 1000;
  for (let number = 0; performance.now() < end; number++) yield number;
}

class Fuzzer {
  readonly #options: FuzzOptions;
  readonly #guard: Guard;
  readonly #counts: Counts = noCounts();
  readonly #underWay = new Map<number, Plan>();
  readonly #startedAt = performance.now();
  #watchdogs: readonly Watchdog[] = [];
  #firstAnswers: FirstAnswers = new Map();
  /** The first fault is the one to be seen; what comes after it may come from it. */
  #failure: Failure | null = null;
  /** Aborted at the first fault: nobody waits for what may never come. */
  readonly #end = new AbortController();
  #isOver = false;

  constructor(options: FuzzOptions) {
    this.#options = options;
    // One listener for each connection, and all of them go.
    setMaxListeners(options.connections, this.#end.signal);
    this.#guard = new Guard(options.server);
  }

  async run(): Promise<Report> {
    await this.#watched(async () => {
      const { server, connections } = this.#options;
      // One after the other and before all else, so that each comes to a worker of its own.
      for (let count = 0; count < server.workers; count++)
        this.#watchdogs = [...this.#watchdogs, await Watchdog.open(server.port)];
      const [first] = this.#watchdogs;
      if (first === undefined) throw new Error('a server without workers');
      const lines = await this.#askFirstAnswers(first);
      const { workerPids } = await first.status();
      const watching = [
        ...this.#watchdogs.map((watchdog) => watchdog.watch(lines.get(0x32) ?? '', () => this.#isOver)),
        this.#watchProcesses(workerPids),
      ].map((watch) => this.#watched(() => watch));
      await Promise.all(Array.from({ length: connections }, () => this.#keepBusy()));
      this.#isOver = true;
      await Promise.all(watching);
      if (this.#failure === null) await this.#seeThemGone(first, workerPids);
    });
    for (const watchdog of this.#watchdogs) watchdog.close();
    await this.#addWhatIsLogged();
    return this.#report();
  }

  async #askFirstAnswers(watchdog: Watchdog): Promise<ReadonlyMap<number, string>> {
    const lines = new Map<number, string>();
    const answers = new Map<number, string>();
    for (const cmd of firstAnswersOf) {
      const line = await watchdog.ask(JSON.stringify({ cmd, request_data: null }));
      lines.set(cmd, line);
      const { response_data } = z.object({ response_data: z.array(z.json()) }).parse(JSON.parse(line));
      answers.set(cmd + 1, encodeJson(response_data));
    }
    this.#firstAnswers = answers;
    return lines;
  }

  async #keepBusy(): Promise<void> {
    while (!this.#end.signal.aborted) {
      const next = this.#options.sessions.next();
      if (next.done === true) return;
      await this.#hold(next.value);
    }
  }

  async #hold(number: number): Promise<void> {
    const { seed, playground, port } = this.#options;
    const plan = planSession(seed, number, playground);
    this.#underWay.set(number, plan);
    const { text, isLate, sendingMs } = await converse(
      port,
      plan.bytes,
      plan.delivery,
      plan.expected,
      this.#end.signal,
    );
    this.#underWay.delete(number);
    this.#count(plan, text);
    if (this.#end.signal.aborted) return;
    // On a machine that is too busy to send in time the server is right to close.
    if (sendingMs > limits.message_timeout_ms / 2 && text.includes('was not finished within')) {
      this.#counts.tooSlow++;
      return;
    }
    const problem = problemWith(text, plan.owed, plan.completeness, this.#firstAnswers);
    if (problem !== null || isLate) {
      const end = `nothing came any more, and it was not over; ${text.length} bytes had come`;
      const neighbours = [...this.#underWay.keys()];
      this.#fail({ problem: problem ?? end, sessions: [number], neighbours, bytes: [plan.bytes] });
    } else if (plan.isWhole) this.#counts.wholeSessionsChecked++;
  }

  #count({ bytes, delivery, owed }: Plan, text: string): void {
    const counts = this.#counts;
    counts.sessions++;
    counts.connections++;
    counts.requests += owed.replies.length;
    counts.sentBytes += bytes.length;
    counts.replies += text.split('\n').length - 1;
    if (delivery.ending === 'reset') counts.resets++;
    if (delivery.ending === 'finish') counts.halfCloses++;
    if (delivery.unreadMs > 0) counts.unread++;
    for (const code of codesIn(text)) counts.codes[code] = (counts.codes[code] ?? 0) + 1;
  }

  async #watchProcesses(workerPids: readonly number[]): Promise<void> {
    const { server } = this.#options;
    const watchdog = await Watchdog.open(server.port);
    this.#watchdogs = [...this.#watchdogs, watchdog];
    while (!this.#isOver) {
      this.#guard.readLog();
      await this.#guard.readMemory([server.pid, ...workerPids]);
      const { workerPids: now } = await watchdog.status();
      if (now.join() !== workerPids.join()) {
        throw new Error(`the workers were ${workerPids.join()} and are ${now.join()}`);
      }
      await wait(guardIntervalMs);
    }
  }

  /** All connections but the watchdogs' are closed: the server must come to know of none but these. */
  async #seeThemGone(watchdog: Watchdog, workerPids: readonly number[]): Promise<void> {
    const own = this.#watchdogs.map(({ port }) => port).sort();
    await eventually('the server knows of the watchdogs alone and has nothing to do', async () => {
      const connections = await watchdog.connections();
      const ports = connections.map(({ port }) => port).sort();
      const { images } = await watchdog.status();
      const isIdle = images === 0 && connections.every(({ in_flight }) => in_flight === 0);
      return isIdle && ports.join() === own.join() ? true : null;
    });
    this.#guard.readLog();
    await this.#guard.readMemory([this.#options.server.pid, ...workerPids]);
  }

  /** Does `work`; what it throws is a failure of the server, and nobody knows of which session. */
  async #watched(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const plans = [...this.#underWay];
      this.#fail({
        problem: describe(error),
        sessions: plans.map(([number]) => number),
        neighbours: [],
        bytes: plans.map(([, { bytes }]) => bytes),
      });
    }
  }

  #fail(failure: Failure): void {
    this.#failure ??= failure;
    this.#isOver = true;
    this.#end.abort();
  }

  /** A worker that died looks like many broken connections; its log says what it was. */
  async #addWhatIsLogged(): Promise<void> {
    if (this.#failure === null) return;
    await wait(logTimeMs);
    try {
      this.#guard.readLog();
    } catch (error) {
      const problem = `${this.#failure.problem}\n${describe(error)}`;
      this.#failure = { ...this.#failure, problem };
    }
  }

  #report(): Report {
    return {
      ...this.#counts,
      seed: this.#options.seed,
      seconds: (performance.now() - this.#startedAt) / 1000,
      probes: this.#watchdogs.reduce((sum, { probes }) => sum + probes, 0),
      slowestProbeMs: Math.max(0, ...this.#watchdogs.map(({ slowestMs }) => slowestMs)),
      busyProbes: this.#watchdogs.reduce((sum, { busy }) => sum + busy, 0),
      memory: Object.fromEntries(this.#guard.memory),
      warnings: Object.fromEntries(this.#guard.warnings),
      failure: this.#failure,
    };
  }
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
