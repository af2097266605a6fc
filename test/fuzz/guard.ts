// Watches the server from outside: what it logs, and how much memory its processes take.
import { readFile } from 'node:fs/promises';
import type { LocalServer } from '#src/cli/local-server.js';

const errorLevel = 50;
const warnLevel = 40;
/** By then every worker has decoded all kinds of images and has had all kinds of connections. */
const warmUpMs = 15_000;
export const growthMaxMiB = 150;

export interface Memory {
  readonly firstMiB: number;
  readonly lastMiB: number;
  readonly maxMiB: number;
}

export class Guard {
  readonly #server: LocalServer;
  readonly #startedAt = performance.now();
  readonly #memory = new Map<number, Memory & { readonly warmMiB: number }>();
  readonly #warnings = new Map<string, number>();

  constructor(server: LocalServer) {
    this.#server = server;
  }

  /** Memory of each process, by its id; none where the system does not tell. */
  get memory(): ReadonlyMap<number, Memory> {
    return this.#memory;
  }

  /** How often the server has warned of what. */
  get warnings(): ReadonlyMap<string, number> {
    return this.#warnings;
  }

  /** Looks at the log. Throws where it tells of a fault. */
  readLog(): void {
    // Emptied, since the log of an hour would fill our own memory.
    for (const { level, msg, ...rest } of this.#server.lines.splice(0)) {
      if (level >= errorLevel) throw new Error(`the server logged: ${msg} ${JSON.stringify(rest)}`);
      if (level >= warnLevel) this.#warnings.set(msg, (this.#warnings.get(msg) ?? 0) + 1);
    }
    if (this.#server.errors !== '') throw new Error(`the server wrote to stderr: ${this.#server.errors}`);
  }

  /** Looks at the memory of these processes. Throws where one has grown too far since the warm-up. */
  async readMemory(pids: readonly number[]): Promise<void> {
    const isWarm = performance.now() - this.#startedAt > warmUpMs;
    for (const pid of pids) {
      const nowMiB = await residentMiB(pid);
      if (nowMiB === null) continue;
      const before = this.#memory.get(pid) ?? { firstMiB: nowMiB, maxMiB: 0, warmMiB: 0 };
      const maxMiB = Math.max(before.maxMiB, nowMiB);
      const warmMiB = isWarm ? before.warmMiB : maxMiB;
      this.#memory.set(pid, { ...before, lastMiB: nowMiB, maxMiB, warmMiB });
      if (nowMiB > warmMiB + growthMaxMiB) {
        throw new Error(`process ${pid} grew from ${warmMiB} MiB to ${nowMiB} MiB`);
      }
    }
  }
}

/** null: this system does not tell, or there is no such process. */
async function residentMiB(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const [, kiB] = /^VmRSS:\s+(\d+) kB/m.exec(status) ?? [];
  return kiB === undefined ? null : Math.round(Number(kiB) / 1024);
}
