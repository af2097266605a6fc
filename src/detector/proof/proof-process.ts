// The primary's side of one process that tries a model: starts it, gives it nothing but what it needs, watches its time and
// memory, and makes sure that it is gone.
import { fork, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { OutputTail } from './output-tail.js';
import { proofAnswerSchema, type ProofAnswer, type ProofTask } from './proof-messages.js';

export type ProofEnd =
  | ProofAnswer
  /** It took longer than it may. */
  | { readonly type: 'late' }
  /** It took more memory than it may. */
  | { readonly type: 'large' }
  /** Somebody called stop(). */
  | { readonly type: 'stopped' }
  /** It ended by itself: `SIGSEGV`, `exit code 1`; `said`: the last lines that it wrote. */
  | { readonly type: 'crashed'; readonly how: string; readonly said: string }
  /** There was no process, or none that spoke our language. */
  | { readonly type: 'failed'; readonly reason: string };

/** A gigabyte takes longer to be filled. */
const memoryIntervalMs = 50;
/** A killed process that the kernel still holds (a share that is gone) is waited for so long. */
const goneMs = 5_000;

/** What a library may need to be found and to work; all else, secrets among it, is none of a model's business. */
const environmentNames = ['PATH', 'HOME', 'TMPDIR', 'TZ', 'LANG', 'LC_ALL', 'LD_LIBRARY_PATH'];

export class ProofProcess {
  /** Resolves when the process is gone. */
  readonly ended: Promise<ProofEnd>;
  readonly pid: number;
  readonly #child: ChildProcess;
  readonly #said = new OutputTail();
  readonly #maxMemoryBytes: number;
  readonly #timers: NodeJS.Timeout[] = [];
  #end: ProofEnd | null = null;
  #resolve: (end: ProofEnd) => void = () => undefined;

  /** Throws what the system says where it has no room for a process. */
  constructor(task: ProofTask, maxMemoryBytes: number) {
    this.#maxMemoryBytes = maxMemoryBytes;
    this.ended = new Promise((resolve) => {
      this.#resolve = resolve;
    });
    this.#child = fork(fileURLToPath(new URL('./prove-model.js', import.meta.url)), [], {
      env: environment(),
      execArgv: [],
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'advanced',
    });
    this.pid = this.#child.pid ?? 0;
    this.#listen();
    // One that is gone already says so by its end, one that never was by its error.
    if (this.#child.connected) this.#child.send(task, () => undefined);
    this.#timers.push(
      setTimeout(() => {
        this.#finish({ type: 'late' });
      }, task.timeoutMs),
      setInterval(() => {
        this.#watchMemory();
      }, memoryIntervalMs),
    );
  }

  stop(): void {
    this.#finish({ type: 'stopped' });
  }

  #listen(): void {
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#said.add(chunk);
    });
    // What it cannot say any more nobody misses.
    this.#child.stderr?.on('error', () => undefined);
    this.#child.once('message', (raw: unknown) => {
      const answer = proofAnswerSchema.safeParse(raw);
      this.#finish(answer.success ? answer.data : { type: 'failed', reason: 'it sent a wrong message' });
    });
    this.#child.on('error', (error) => {
      this.#finish({ type: 'failed', reason: error.message });
    });
    const crashed = (code: number | null, signal: NodeJS.Signals | null): ProofEnd => {
      return { type: 'crashed', how: signal ?? `exit code ${code ?? 'unknown'}`, said: this.#said.lines() };
    };
    this.#child.once('exit', (code, signal) => {
      // What it wrote last comes behind this, unless somebody else holds its pipe.
      this.#timers.push(
        setTimeout(() => {
          this.#gone(crashed(code, signal));
        }, goneMs),
      );
    });
    this.#child.once('close', (code, signal) => {
      this.#gone(crashed(code, signal));
    });
  }

  /** The first end counts; it is told when the process is gone. */
  #finish(end: ProofEnd): void {
    if (this.#end !== null) return;
    this.#end = end;
    this.#child.kill('SIGKILL');
    this.#timers.push(
      setTimeout(
        () => {
          this.#gone(end);
        },
        this.pid === 0 ? 0 : goneMs,
      ),
    );
  }

  #gone(end: ProofEnd): void {
    this.#end ??= end;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#child.stderr?.destroy();
    this.#resolve(this.#end);
  }

  #watchMemory(): void {
    if (this.#end === null && memoryBytes(this.pid) > this.#maxMemoryBytes) this.#finish({ type: 'large' });
  }
}

function environment(): NodeJS.ProcessEnv {
  const own = environmentNames.flatMap((name) => {
    const value = process.env[name];
    return value === undefined ? [] : [[name, value] as const];
  });
  // ONNX Runtime would report to its maker and leave files in the folder for temporary ones.
  return { ...Object.fromEntries(own), ORT_DISABLE_TELEMETRY: '1' };
}

/** What a process has in memory and in swap; 0 where nobody tells (it has ended, or this is not Linux). */
function memoryBytes(pid: number): number {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8');
    const kib = [...status.matchAll(/^Vm(?:RSS|Swap):\s+(\d+) kB$/gm)].map(([, number]) => Number(number));
    return 1024 * kib.reduce((sum, number) => sum + number, 0);
  } catch {
    return 0;
  }
}
