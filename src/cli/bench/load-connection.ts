// A client's connection that costs little: requests are buffers made beforehand, replies are read by their newline. Every
// answer is looked at all the same: an error code other than 0 is an error of the whole measurement.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { z } from 'zod';

/** One request: its message, and the photos right behind it. */
export interface LoadRequest {
  readonly parts: readonly Uint8Array[];
  readonly images: number;
}

const replySchema = z.object({
  cmd: z.int().nullable(),
  response_data: z.array(
    z.object({
      file_name: z.string().nullable(),
      result: z.unknown(),
      error_code: z.int(),
      message: z.string().optional(),
    }),
  ),
});
export type ReplyItem = z.output<typeof replySchema>['response_data'][number];

/** The first error code in a reply, or 0. */
export function codeOf(reply: string): number {
  const { response_data } = replySchema.parse(JSON.parse(reply));
  return response_data.find(({ error_code }) => error_code !== 0)?.error_code ?? 0;
}

const newline = 0x0a;

interface Waiting {
  readonly resolve: (items: readonly ReplyItem[]) => void;
  readonly reject: (error: Error) => void;
}

export class LoadConnection {
  readonly #socket: Socket;
  readonly #waiting: Waiting[] = [];
  /** Of a reply that is not whole yet. */
  #pieces: Buffer[] = [];
  #failure: Error | null = null;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('data', (chunk: Buffer) => {
      this.#receive(chunk);
    });
    socket.on('error', (error) => {
      this.#fail(error);
    });
    socket.on('close', () => {
      this.#fail(new Error('the server closed the connection'));
    });
  }

  /** `localAddress`: one of 127.0.0.0/8, each of which has its own ports. */
  static async open(port: number, localAddress = '127.0.0.1'): Promise<LoadConnection> {
    const socket = connect({ host: '127.0.0.1', port, localAddress, noDelay: true });
    await once(socket, 'connect');
    return new LoadConnection(socket);
  }

  /** Rejects where anything in the reply is an error. */
  send({ parts }: LoadRequest): Promise<readonly ReplyItem[]> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#socket.cork();
      for (const part of parts) this.#socket.write(part);
      this.#socket.uncork();
    });
  }

  async close(): Promise<void> {
    if (this.#socket.destroyed) return;
    const closed = once(this.#socket, 'close');
    this.#socket.end();
    await closed;
  }

  /** At once: what the server still works on for it is dropped. */
  destroy(): void {
    this.#socket.destroy();
  }

  #receive(chunk: Buffer): void {
    let from = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, from)) {
      this.#pieces.push(chunk.subarray(from, end));
      this.#settle(Buffer.concat(this.#pieces).toString('latin1'));
      this.#pieces = [];
      from = end + 1;
    }
    if (from < chunk.length) this.#pieces.push(chunk.subarray(from));
  }

  #settle(text: string): void {
    const { response_data } = replySchema.parse(JSON.parse(text));
    const refused = response_data.find(({ error_code }) => error_code !== 0);
    if (refused !== undefined) {
      this.#fail(
        new Error(
          `the server answered with error code ${refused.error_code} (${refused.message ?? refused.file_name})`,
        ),
      );
      return;
    }
    this.#waiting.shift()?.resolve(response_data);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }
}
