// A server of one's own for a while: for tools that measure, and for tests. It is the real program, in processes
// of its own, on any free port.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { createInterface, type Interface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { StartupError } from '../errors.js';

const mainFile = fileURLToPath(new URL('../main.js', import.meta.url));

/** Far above what a start takes on a busy machine. */
const startTimeoutMs = 90_000;

/** What is waited for in the log is there within seconds, or it never comes. */
const lineTimeoutMs = 90_000;

const logLineSchema = z.looseObject({ level: z.number(), msg: z.string() });
export type LogLine = z.output<typeof logLineSchema>;

const listeningSchema = z.object({ port: z.int(), workers: z.int() });

export interface LocalServerOptions {
  /** Configuration on the command line, such as `['--cluster.workers', '2']`. */
  readonly args: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  readonly cwd?: string;
  /** A command that becomes the server, such as `['ip', 'netns', 'exec', 'north']`. */
  readonly through?: readonly string[];
  /** Once it listens its log is thrown away unread: reading thousands of lines takes time from what is measured. */
  readonly dropsLog?: boolean;
}

export class LocalServer {
  readonly process: ChildProcess;
  /** Every log line so far. */
  readonly lines: LogLine[] = [];
  /** What came on standard error. */
  errors = '';
  port = 0;
  workers = 0;
  readonly #listeners = new Set<(line: LogLine) => void>();
  readonly #exited: Promise<number | null>;
  readonly #log: Interface;

  private constructor({ args, env = process.env, cwd = process.cwd(), through = [] }: LocalServerOptions) {
    // What it logs tells where it listens, so nothing of the environment may change that.
    const free = [
      '--server.port',
      '0',
      '--admin.port',
      '0',
      '--server.host',
      '127.0.0.1',
      '--logging.format',
      'json',
      '--logging.level',
      'info',
    ];
    const [program = '', ...all] = [...through, process.execPath, mainFile, ...free, ...args];
    this.process = spawn(program, all, {
      env,
      cwd,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#exited = once(this.process, 'close').then(() => this.process.exitCode);
    this.process.stderr?.on('data', (chunk: Buffer) => {
      this.errors += chunk.toString();
    });
    if (this.process.stdout === null) throw new Error('standard output is piped');
    this.#log = createInterface(this.process.stdout).on('line', (text) => {
      this.#read(text);
    });
  }

  /** Resolves when it serves. Throws StartupError with what it said where it ends instead. */
  static async start(options: LocalServerOptions): Promise<LocalServer> {
    const server = new LocalServer(options);
    const listening = await Promise.race([
      server.#nextLine((line) => listeningSchema.safeParse(line).success),
      server.#exited,
      server.#tooLate(),
    ]);
    if (listening === null || typeof listening === 'number') {
      throw new StartupError(
        server.errors.trim() || 'the server did not come to serve',
        'start it by hand and see',
      );
    }
    Object.assign(server, listeningSchema.parse(listening));
    if (options.dropsLog === true) {
      server.#log.close();
      server.process.stdout?.resume();
    }
    return server;
  }

  /** Runs to the end; for starts that must fail. */
  static async run(
    options: LocalServerOptions,
  ): Promise<{ readonly exitCode: number | null; readonly errors: string }> {
    const server = new LocalServer(options);
    return { exitCode: await server.#exited, errors: server.errors };
  }

  get pid(): number {
    return this.process.pid ?? 0;
  }

  /** Resolves to the exit code once it has ended and all of its output is read; null: a signal ended it. */
  get exited(): Promise<number | null> {
    return this.#exited;
  }

  /** The first log line, from now or already there, that `matches`. Rejects where none comes for long. */
  line(matches: (line: LogLine) => boolean): Promise<LogLine> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        reject(new Error(`the awaited line was not logged within ${lineTimeoutMs} ms`));
      }, lineTimeoutMs);
      void this.#nextLine(matches).then((line) => {
        clearTimeout(timer);
        resolve(line);
      });
    });
  }

  #nextLine(matches: (line: LogLine) => boolean): Promise<LogLine> {
    const found = this.lines.find(matches);
    if (found !== undefined) return Promise.resolve(found);
    return new Promise((resolve) => {
      const listener = (line: LogLine) => {
        if (!matches(line)) return;
        this.#listeners.delete(listener);
        resolve(line);
      };
      this.#listeners.add(listener);
    });
  }

  /** Ends it at once; its workers see that it is gone and end too. */
  kill(): void {
    this.process.kill('SIGKILL');
  }

  /** Ends it in order; resolves to its exit code. */
  async stop(): Promise<number | null> {
    this.process.kill('SIGTERM');
    return this.#exited;
  }

  /** Ends it and resolves to null when it should long have served. */
  async #tooLate(): Promise<null> {
    await new Promise((resolve) => setTimeout(resolve, startTimeoutMs).unref());
    if (this.port === 0) this.kill();
    return null;
  }

  #read(text: string): void {
    const line = logLineSchema.safeParse(readJson(text));
    if (!line.success) return;
    this.lines.push(line.data);
    for (const listener of this.#listeners) listener(line.data);
  }
}

/** The environment without what would configure the server or its store. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  const isOurs = (name: string) => name === 'REDIS_URL' || name.toUpperCase().startsWith('PEAR_');
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !isOurs(name)));
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
