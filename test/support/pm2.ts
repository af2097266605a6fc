// A real PM2 of a test's own: its daemon lives in a temporary folder and ends with the test, whatever happens.
// What runs is read from /proc, so these tests need Linux.
import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { promisify } from 'node:util';
import { z } from 'zod';
import { signalTo } from './processes.js';

const execute = promisify(execFile);
const command = join('node_modules', '.bin', 'pm2');
/** Generous: a whole start or stop of a server on a busy machine. */
const commandTimeoutMs = 60_000;
const pollIntervalMs = 20;

const listSchema = z.array(
  z.object({
    name: z.string(),
    pid: z.int(),
    pm2_env: z.object({ status: z.string(), exit_code: z.int().optional(), restart_time: z.int() }),
  }),
);

/** A program as PM2 lists it. */
export interface Pm2App {
  /** 0 where it does not run. */
  readonly pid: number;
  readonly status: string;
  /** How it ended the last time. */
  readonly exitCode: number | undefined;
  readonly restarts: number;
}

export interface Pm2 {
  /** A folder for a test's own files. */
  readonly folder: string;
  /** Runs `pm2 ARGS`; resolves when the command has ended well. */
  run(...args: string[]): Promise<string>;
  app(name: string): Promise<Pm2App>;
  /** What the program has written to its standard output so far. */
  output(name: string): Promise<string>;
  /** Ends a process with the test, should nobody else have ended it. */
  guard(pid: number): void;
  /** Ends PM2 and all it runs. Rejects where its daemon survives that. */
  dispose(): Promise<void>;
}

/** `env`: what the programs are given on top of this process's environment, whose PEAR_* they do not see. */
export async function createPm2(env: Readonly<Record<string, string>>): Promise<Pm2> {
  const folder = await mkdtemp(join(tmpdir(), 'pear-pm2-'));
  const guarded: number[] = [];
  const environment = { ...withoutOurs(process.env), ...env, PM2_HOME: folder, PM2_DISCRETE_MODE: 'true' };
  const killAll = () => {
    // The daemon first, or it would start anew what dies.
    for (const pid of [...pidsIn(folder), ...guarded]) signal(pid, 'SIGKILL');
  };
  const abandon = () => {
    killAll();
    rmSync(folder, { recursive: true, force: true });
  };
  const killAndExit = () => process.exit(1);
  process.on('exit', abandon);
  process.once('SIGTERM', killAndExit);

  const run = async (...args: string[]) =>
    (
      await execute(command, args, {
        env: environment,
        timeout: commandTimeoutMs,
        maxBuffer: 64 * 1024 * 1024,
      })
    ).stdout;
  return {
    folder,
    run,
    app: async (name) => {
      const app = listSchema.parse(JSON.parse(await run('jlist'))).find((one) => one.name === name);
      if (app === undefined) throw new Error(`PM2 knows no ${name}`);
      const { status, exit_code, restart_time } = app.pm2_env;
      return { pid: app.pid, status, exitCode: exit_code, restarts: restart_time };
    },
    output: (name) => readFile(join(folder, 'logs', `${name}-out.log`), 'utf8'),
    guard: (pid) => {
      guarded.push(pid);
    },
    dispose: async () => {
      const [daemon] = pidsIn(folder);
      try {
        await run('kill');
        if (daemon !== undefined) await until('the daemon of PM2 has ended', () => !isRunning(daemon));
      } finally {
        killAll();
        process.off('exit', abandon);
        process.off('SIGTERM', killAndExit);
        await rm(folder, { recursive: true, force: true });
      }
    },
  };
}

/** Resolves once `holds` is true; fails with `what` at the deadline. */
export async function until(
  what: string,
  holds: () => Promise<boolean> | boolean,
  deadlineMs = 30_000,
): Promise<void> {
  const deadline = Date.now() + deadlineMs;
  while (!(await holds())) {
    if (Date.now() > deadline) throw new Error(`not within ${deadlineMs} ms: ${what}`);
    await wait(pollIntervalMs);
  }
}

/** Whether the process exists and has not ended; one that nobody has collected yet has ended. */
export function isRunning(pid: number): boolean {
  const [state] = statOf(pid);
  return state !== undefined && state !== 'Z' && state !== 'X';
}

/** 0 where there is no such process. */
export function parentOf(pid: number): number {
  return Number(statOf(pid)[1] ?? 0);
}

/** State, parent and so on, of /proc/PID/stat; empty where there is no such process. */
function statOf(pid: number): readonly string[] {
  try {
    // The name stands in brackets before them and may hold spaces and brackets itself.
    return readFileSync(`/proc/${pid}/stat`, 'latin1')
      .replace(/^.*\) /s, '')
      .split(' ');
  } catch {
    return [];
  }
}

/** The daemon, where it runs, and then every program that it has noted as running. */
function pidsIn(folder: string): number[] {
  try {
    const programs = readdirSync(join(folder, 'pids')).map((name) => join(folder, 'pids', name));
    return [join(folder, 'pm2.pid'), ...programs].map(pidIn).filter((pid) => pid > 0);
  } catch {
    return [];
  }
}

function pidIn(file: string): number {
  try {
    return Number(readFileSync(file, 'utf8'));
  } catch {
    return 0;
  }
}

/** Sends it where the process is still there. */
function signal(pid: number, name: NodeJS.Signals): void {
  if (isRunning(pid)) signalTo(pid, name);
}

function withoutOurs(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !/^(PEAR_|PM2_|REDIS_URL$)/.test(name)));
}
