// One connection between two workers, on either side: checked messages in, messages and image bytes out. What is not of
// the agreed form, which only a fault of ours can send, ends the connection.
import type { Socket } from 'node:net';
import type { z } from 'zod';
import { FrameReader, frameStart } from './frame-reader.js';

/** Names have at most some kilobytes, and no image shows as many pears as would fill this. */
const maxTextBytes = 1024 * 1024;

export interface ChannelOptions<In> {
  readonly socket: Socket;
  readonly schema: z.ZodType<In>;
  readonly maxImageBytes: number;
  readonly onMessage: (message: In, bytes: Uint8Array) => void;
  /** Called once, when nothing more comes or goes. `error`: why, where it was no ordinary end. */
  readonly onClose: (error: Error | null) => void;
}

export class ShareChannel<In, Out> {
  readonly #socket: Socket;

  constructor({ socket, schema, maxImageBytes, onMessage, onClose }: ChannelOptions<In>) {
    this.#socket = socket;
    const reader = new FrameReader({ maxTextBytes, maxBytes: maxImageBytes }, (text, bytes) => {
      onMessage(schema.parse(JSON.parse(text)), bytes);
    });
    let failure: Error | null = null;
    socket.on('data', (chunk: Buffer) => {
      try {
        reader.push(chunk);
      } catch (error) {
        socket.destroy(error instanceof Error ? error : new Error(String(error)));
      }
    });
    socket.on('error', (error) => {
      failure = error;
    });
    socket.on('close', () => {
      onClose(failure);
    });
  }

  /** `bytes` must not change before `onSent`: they have left, or never will. */
  send(message: Out, bytes: Uint8Array | null = null, onSent?: () => void): void {
    const start = frameStart(JSON.stringify(message), bytes?.length ?? 0);
    // Together, so that they leave in one call of the system and none is copied.
    this.#socket.cork();
    this.#socket.write(start);
    if (bytes !== null) this.#socket.write(bytes, onSent);
    this.#socket.uncork();
  }

  close(): void {
    this.#socket.destroy();
  }
}
