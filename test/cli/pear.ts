// The `pear` command as a process, against a server of a test.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { createServer } from 'node:net';
import { once } from 'node:events';
import { promisify } from 'node:util';
import { z } from 'zod';
import { cleanEnvironment, type LocalServer } from '#src/cli/local-server.js';
import { eventually } from '../support/deadline.js';

const run = promisify(execFile);

export interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs it to its end. */
export function pear(...args: string[]): Promise<Ended> {
  return pearWith({}, ...args);
}

/** The same, with `env` added to its environment. */
export async function pearWith(env: NodeJS.ProcessEnv, ...args: string[]): Promise<Ended> {
  try {
    const options = { env: { ...cleanEnvironment(), ...env }, maxBuffer: 64 * 1024 * 1024 };
    return { code: 0, ...(await run(process.execPath, ['dist/cli/pear.js', ...args], options)) };
  } catch (error) {
    return z.object({ code: z.number(), stdout: z.string(), stderr: z.string() }).parse(error);
  }
}

/** Where the server is, for tools that talk TCP, and the admin HTTP. */
export async function placesOf(server: LocalServer) {
  const { msg } = await server.line((line) => line.msg.startsWith('health and metrics'));
  return {
    connect: ['--connect', `127.0.0.1:${server.port}`],
    admin: ['--admin', `127.0.0.1:${/:(\d+)$/.exec(msg)?.[1] ?? ''}`],
  };
}

/** One that goes on until it is ended. */
export class LivePear {
  readonly process: ChildProcess;
  stdout = '';
  stderr = '';
  readonly exited: Promise<number | null>;

  /** `command`: what runs, with all its arguments. */
  constructor(command: string, args: readonly string[]) {
    this.process = spawn(command, args, { env: cleanEnvironment(), stdio: 'pipe' });
    this.process.stdout?.on('data', (piece: Buffer) => (this.stdout += piece.toString()));
    this.process.stderr?.on('data', (piece: Buffer) => (this.stderr += piece.toString()));
    this.exited = once(this.process, 'close').then(() => this.process.exitCode);
  }

  static start(ending: { after(end: () => void): void }, ...args: string[]): LivePear {
    const live = new LivePear(process.execPath, ['dist/cli/pear.js', ...args]);
    ending.after(() => live.process.kill('SIGKILL'));
    return live;
  }

  async has(what: string | RegExp): Promise<void> {
    await eventually(`it prints ${String(what)}`, () => {
      const found = typeof what === 'string' ? this.stdout.includes(what) : what.test(this.stdout);
      return found ? true : null;
    });
  }

  press(keys: string): void {
    this.process.stdin?.write(keys);
  }

  stop(signal: NodeJS.Signals): Promise<number | null> {
    this.process.kill(signal);
    return this.exited;
  }
}

/** A port that nothing listens on, for a server that must come back to the same one. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('a TCP server has a port');
  server.close();
  await once(server, 'close');
  return address.port;
}
