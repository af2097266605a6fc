// A client that sends much and minds nothing.
import type { Wire } from './wire.js';

/** Offers `chunk` again and again until `bytesMax` are sent or the server closes; resolves to the bytes it took. */
export async function offer(wire: Wire, chunk: Buffer, bytesMax: number): Promise<number> {
  const { socket } = wire;
  let offered = 0;
  while (offered < bytesMax && !socket.destroyed && socket.writable) {
    offered += chunk.length;
    if (socket.write(chunk)) continue;
    await new Promise<void>((resolve) => {
      const done = () => {
        socket.off('drain', done).off('close', done).off('error', done);
        resolve();
      };
      socket.on('drain', done).on('close', done).on('error', done);
    });
  }
  return socket.bytesWritten - socket.writableLength;
}
