// A client for programs in JavaScript and for our own tools: requests may be sent without waiting, replies come
// back in their order. It knows the protocol and a socket, nothing of the server.
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { z } from 'zod';
import { ConnectionLostError, errorCodes, NotPermittedError, wireErrorOf } from '../errors.js';
import { FrameDecoder } from '../protocol/frame-decoder.js';
import { encodeJson, type JsonValue } from '../protocol/json.js';
import { classificationCommand } from '../protocol/request.js';
import { openSocket, type ClientTls } from './open-socket.js';

/** A name in the server's image folder, or an image to send along under a label. */
export type ClientImage = string | { readonly fileName: string; readonly bytes: Uint8Array };

const detectionSchema = z.object({
  label: z.string().nullable(),
  confidence: z.number(),
  bbox: z.tuple([z.number(), z.number(), z.number(), z.number()]).nullable(),
});

const classificationSchema = z.object({
  file_name: z.string(),
  /** Index of the verdict, -1 for no pear, null for a failed image. */
  result: z.int().nullable(),
  error_code: z.int(),
  label: z.string().nullable().optional(),
  confidence: z.number().nullable().optional(),
  bbox: z.tuple([z.number(), z.number(), z.number(), z.number()]).nullable().optional(),
  detections: z.array(detectionSchema).optional(),
  model: z.object({ name: z.string(), sha256: z.string() }).nullable().optional(),
  timing_ms: z
    .object({ queue: z.number(), decode: z.number(), inference: z.number(), total: z.number() })
    .nullable()
    .optional(),
});
export type ClassifiedImage = z.output<typeof classificationSchema>;

const replySchema = z.object({
  cmd: z.int().nullable(),
  response_data: z.array(z.record(z.string(), z.unknown())),
});
const refusalSchema = z.object({
  // A newer server may know more codes; to this client they are failures all the same.
  error_code: z.enum(errorCodes).catch(errorCodes.internalError),
  message: z.string(),
});

export type ReplyItem = Readonly<Record<string, unknown>>;

/** Longest reply that is taken: a list of 100,000 connections. */
const maxReplyBytes = 256 * 1024 * 1024;

export interface ConnectOptions {
  readonly host: string;
  readonly port: number;
  /** Left out: no TLS. */
  readonly tls?: ClientTls | undefined;
  /** Within so long the connection must be there; without it as long as the system tries. */
  readonly connectTimeoutMs?: number | undefined;
  /** A server that owes a reply and says nothing for so long counts as lost; without it it is waited for. */
  readonly answerTimeoutMs?: number | undefined;
  /** Shown before anything else, so that all that is asked has its role; a wrong one is an error of `connect`. */
  readonly token?: string | undefined;
  /** Ends the connection at once, in whatever state it is. */
  readonly signal?: AbortSignal | undefined;
}

const authenticateCommand = 0x10;
/** A server answers a wrong token up to 30 s late. */
const authenticationTimeoutMs = 45_000;

interface Waiting {
  readonly resolve: (items: readonly ReplyItem[]) => void;
  readonly reject: (error: Error) => void;
}

export class PearClient {
  readonly #socket: Socket;
  readonly #decoder = new FrameDecoder(maxReplyBytes);
  readonly #waiting: Waiting[] = [];
  #answerTimeoutMs: number | undefined;
  #silence: NodeJS.Timeout | undefined;
  #isClosing = false;
  #failure: Error | null = null;

  private constructor(socket: Socket, answerTimeoutMs: number | undefined) {
    this.#socket = socket;
    this.#answerTimeoutMs = answerTimeoutMs;
    socket.on('data', (chunk) => {
      this.#receive(chunk);
      this.#countSilence();
    });
    socket.on('error', (error) => {
      this.#fail(new ConnectionLostError(`the connection broke (${error.message})`, { cause: error }));
    });
    socket.on('close', () => {
      this.#fail(new ConnectionLostError(`the server closed the connection${hintOf(socket)}`));
    });
  }

  /** Rejects where nobody listens there, answers in time or proves who it is, or the token is none of the server's. */
  static async connect(options: ConnectOptions): Promise<PearClient> {
    const { connectTimeoutMs, answerTimeoutMs, token, ...place } = options;
    const late = () => noAnswer(connectTimeoutMs ?? 0);
    const socket = await openSocket({ ...place, timeoutMs: connectTimeoutMs }, late);
    const client = new PearClient(socket, answerTimeoutMs);
    if (token === undefined) return client;
    try {
      await client.authenticate(token);
      return client;
    } catch (error) {
      client.destroy();
      throw error;
    }
  }

  /** This end of the connection: what the server lists it by, where nothing in between changes it. */
  get localAddress(): string | undefined {
    return this.#socket.localAddress;
  }

  get localPort(): number | undefined {
    return this.#socket.localPort;
  }

  /**
   * Sends one command; resolves to the items of its reply. Rejects with a WireError where the request as a whole
   * was refused, with a ConnectionLostError where no reply will come. `attachments`: the bytes of elements with
   * `bytes`, in order.
   */
  request(
    cmd: number,
    args: readonly JsonValue[] = [],
    options: { readonly detail?: boolean; readonly attachments?: readonly Uint8Array[] } = {},
  ): Promise<readonly ReplyItem[]> {
    if (this.#failure !== null) return Promise.reject(this.#failure);
    const message = encodeJson({ cmd, request_data: args, detail: options.detail });
    return new Promise((resolve, reject) => {
      this.#waiting.push({ resolve, reject });
      this.#socket.cork();
      this.#socket.write(message);
      for (const bytes of options.attachments ?? []) this.#socket.write(bytes);
      this.#socket.uncork();
      this.#countSilence();
    });
  }

  /**
   * Shows a token: what is asked from now on has its role. Rejects with a NotPermittedError where the server does not know
   * it, which it is slow to tell.
   */
  async authenticate(token: string): Promise<void> {
    const usual = this.#answerTimeoutMs;
    if (usual !== undefined) this.#answerTimeoutMs = Math.max(usual, authenticationTimeoutMs);
    try {
      const [answer] = await this.request(authenticateCommand, [token]);
      if (answer?.['error_code'] === errorCodes.noError) return;
    } finally {
      this.#answerTimeoutMs = usual;
    }
    throw new NotPermittedError('the server does not know this token');
  }

  /** Judges images; one item an image, in order, in the long form where `detail` is set. */
  async classify(
    images: readonly ClientImage[],
    { detail = false }: { readonly detail?: boolean } = {},
  ): Promise<readonly ClassifiedImage[]> {
    const args = images.map((image) => {
      if (typeof image === 'string') return image;
      const { fileName, bytes } = image;
      // The protocol attaches nothing empty; inside the message it can stand, to be answered like any bad image.
      return bytes.length === 0
        ? { file_name: fileName, data: '' }
        : { file_name: fileName, bytes: bytes.length };
    });
    const attachments = images.flatMap((image) => (typeof image === 'string' ? [] : [image.bytes]));
    const items = await this.request(classificationCommand, args, { detail, attachments });
    return z.array(classificationSchema).parse(items);
  }

  /** Closes after the replies that are owed; a server that hangs is not waited for beyond `answerTimeoutMs`. */
  async close(): Promise<void> {
    if (this.#socket.destroyed) return;
    const closed = new Promise((resolve) => this.#socket.once('close', resolve));
    this.#socket.end();
    this.#isClosing = true;
    this.#countSilence();
    await closed;
  }

  /** Closes at once: what is owed will not come. */
  destroy(): void {
    this.#socket.destroy();
  }

  /** Anew with each sign of life, so that a long reply over a slow link may take its time. */
  #countSilence(): void {
    clearTimeout(this.#silence);
    const limit = this.#answerTimeoutMs;
    if (limit === undefined || (this.#waiting.length === 0 && !this.#isClosing)) return;
    this.#silence = setTimeout(() => {
      this.#fail(noAnswer(limit));
      this.#socket.destroy();
    }, limit);
  }

  #receive(chunk: Buffer): void {
    this.#decoder.push(chunk);
    for (let frame = this.#decoder.next(); frame !== null; frame = this.#decoder.next()) {
      try {
        if (frame.type !== 'message') throw new Error('it does not start with {');
        this.#settle(frame.bytes.toString('latin1'));
      } catch (cause) {
        this.#fail(new ConnectionLostError('the server sent something that is no reply', { cause }));
        this.#socket.destroy();
        return;
      }
    }
  }

  #settle(text: string): void {
    const { cmd, response_data } = replySchema.parse(JSON.parse(text));
    const refusal = cmd === null ? refusalSchema.parse(response_data[0]) : null;
    const error = refusal === null ? null : wireErrorOf(refusal.error_code, refusal.message);
    const waiting = this.#waiting.shift();
    // A server that is full says so unasked, and then closes: that is why the next request fails.
    if (waiting === undefined) this.#failure = error;
    else if (error !== null) waiting.reject(error);
    else waiting.resolve(response_data);
  }

  #fail(error: Error): void {
    this.#failure ??= error;
    clearTimeout(this.#silence);
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure);
  }
}

/** One that speaks TLS closes at once who does not. */
function hintOf(socket: Socket): string {
  return socket instanceof TLSSocket || socket.bytesRead > 0 ? '' : ' without a word; perhaps it speaks TLS';
}

function noAnswer(limitMs: number): ConnectionLostError {
  return new ConnectionLostError(`the server does not answer within ${limitMs / 1000} s`);
}
