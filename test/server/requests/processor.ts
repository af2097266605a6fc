// A processor whose requests end when a test says so, and what it answers in a form that is easy to compare.
import { afterEach } from 'node:test';
import { z } from 'zod';
import { WireError } from '#src/errors.js';
import { BaseHandler, CommandRegistry } from '#src/handlers/base-handler.js';
import { defineCommand, type CommandContext } from '#src/handlers/command.js';
import { identityOf } from '#src/server/gate.js';
import { PeerStats } from '#src/server/peer/peer-stats.js';
import { RequestProcessor } from '#src/server/requests/request-processor.js';
import { Room } from '#src/server/room.js';
import { textDecoder } from '#src/text-encoding.js';
import { authenticatorOf } from '../../support/tokens.js';

/** Classifications that end when the test says so. */
class ManualHandler extends BaseHandler {
  readonly running = new Map<string, (error?: Error) => void>();
  readonly contexts = new Map<string, CommandContext>();
  /** Barriers that run, ended by the test. */
  readonly barriers: (() => void)[] = [];
  readonly commands = [
    defineCommand({
      code: 0x10,
      name: 'authenticate',
      role: 'none',
      order: 'barrier',
      args: z.tuple([z.string()]),
      maxArguments: 1,
      expected: 'a token',
      run: ([name]) =>
        new Promise((resolve) => {
          this.barriers.push(() => {
            resolve([{ file_name: name, result: 2, error_code: 0 }]);
          });
        }),
    }),
    defineCommand({
      code: 0x01,
      name: 'classification',
      role: 'operator',
      order: 'classification',
      args: z.array(z.unknown()).min(1),
      maxArguments: 100,
      expected: 'names',
      images: (names) => names.length,
      run: (names, context) =>
        new Promise((resolve, reject) => {
          const name = String(names[0]);
          this.contexts.set(name, context);
          const end = (error?: Error) => {
            this.running.delete(name);
            if (error === undefined) resolve([{ file_name: name, result: 1, error_code: 0 }]);
            else reject(error);
          };
          this.running.set(name, end);
          for (const signal of context.signals) {
            const stop = () => {
              const reason: unknown = signal.reason;
              this.running.delete(name);
              resolve([{ file_name: name, error_code: reason instanceof WireError ? reason.code : -1 }]);
            };
            if (signal.aborted) stop();
            else signal.addEventListener('abort', stop);
          }
        }),
    }),
    defineCommand({
      code: 0x03,
      name: 'stop classification',
      role: 'operator',
      order: 'stop',
      args: z.tuple([]),
      expected: 'empty or null',
      run: (_none, context) => {
        context.stopClassifications();
        return Promise.resolve([{ result: 2, error_code: 0 }]);
      },
    }),
    defineCommand({
      code: 0x22,
      name: 'current model',
      role: 'viewer',
      order: 'read',
      args: z.tuple([]),
      expected: 'empty or null',
      run: () => Promise.resolve([{ file_name: 'm.onnx', result: 2, error_code: 0 }]),
    }),
    defineCommand({
      code: 0x40,
      name: 'list connections',
      role: 'admin',
      order: 'read',
      args: z.tuple([z.string()]),
      maxArguments: 1,
      expected: 'a name',
      run: async ([name]) => {
        await settled();
        return [{ file_name: name, error_code: 0 }];
      },
    }),
    defineCommand({
      code: 0x26,
      name: 'change model',
      role: 'admin',
      order: 'read',
      args: z.tuple([z.string()]),
      maxArguments: 1,
      expected: 'one name',
      run: () => Promise.reject(new Error('a path such as /etc/passwd')),
    }),
  ];
}

/** Processors of the test that runs; what still runs in them ends with it. */
const opened: RequestProcessor[] = [];
afterEach(() => {
  for (const processor of opened.splice(0)) processor.abandon();
});

export function setUp(
  options: {
    requestTimeoutMs?: number;
    room?: number;
    maxInFlightBytes?: number;
    maxPendingRequests?: number;
  } = {},
) {
  const handler = new ManualHandler();
  const room = new Room({ maxImages: options.room ?? 100, maxBytes: 1_000_000 });
  const stats = new PeerStats(
    { id: 'h/1', host: 'h', worker: 'h:1:x', address: '::1', port: 1, tls: false },
    identityOf('operator'),
  );
  const state = { backedUp: false, mayGoOn: true };
  const replies: string[] = [];
  const faults: string[] = [];
  const processor = new RequestProcessor(
    {
      registry: new CommandRegistry([handler]),
      authenticator: authenticatorOf(),
      decode: textDecoder('utf-8'),
      replyTerminator: '',
      maxImageBytes: 1000,
      requestTimeoutMs: options.requestTimeoutMs ?? 60_000,
      maxQueuedImages: 4,
      maxInFlightBytes: options.maxInFlightBytes ?? 1_000_000,
      maxPendingRequests: options.maxPendingRequests ?? 100,
      maxTokens: 1000,
    },
    room.share(),
    stats,
    {
      onReply: (bytes) => replies.push(short(bytes.toString())),
      onProgress: () => undefined,
      onFault: (command, reason) => faults.push(`${command}: ${reason}`),
      onNotPermitted: (reason) => faults.push(reason),
      onAuthenticated: () => undefined,
      get isBackedUp() {
        return state.backedUp;
      },
      get mayGoOn() {
        return state.mayGoOn;
      },
    },
  );
  opened.push(processor);
  const send = (cmd: number, args: readonly unknown[] = []) =>
    processor.accept(message(JSON.stringify({ cmd, request_data: args })));
  return { state, room, handler, stats, replies, faults, processor, send };
}

export const message = (text: string) => ({
  bytes: Buffer.from(text),
  depth: 2,
  tokens: 1,
  hasHexIntegers: true,
});

/** `cmd: name code …` of each item. */
function short(reply: string): string {
  const { cmd, response_data } = z
    .object({ cmd: z.number().nullable(), response_data: z.array(z.looseObject({ error_code: z.number() })) })
    .parse(JSON.parse(reply));
  const items = response_data.map(
    ({ file_name, error_code }) => `${typeof file_name === 'string' ? file_name : '-'} ${error_code}`,
  );
  return `${cmd ?? 'null'}: ${items.join(', ')}`;
}

/** Lets everything that is already decided happen. */
export const settled = () => new Promise((resolve) => setImmediate(resolve));
