// Reads connections into one piece of memory that all of a process share, instead of a new piece of 64 KiB for each read:
// a photo comes in fewer and larger pieces, and none of them is left for the garbage collector.
import { Socket, type NetConnectOpts, connect } from 'node:net';

/** A piece of a photo; the kernel rarely has more of one connection at a time. */
const readBytes = 256 * 1024;

/** Filled anew by each read; it is looked at before the next one. */
const memory = Buffer.allocUnsafeSlow(readBytes);

/** The same for all: Node calls it on the socket that has been read. */
const onread = {
  buffer: memory,
  callback(this: Socket, length: number) {
    this.emit('data', memory.subarray(0, length));
    return true;
  },
};

/** Opens a connection whose `data` is valid until the listener returns: what it wants to keep it copies. */
export function connectWithSharedReads(options: NetConnectOpts): Socket {
  return connect({ ...options, onread });
}

/**
 * The same connection, which nobody has read from, as a new paused socket whose `data` is valid until the listener returns.
 * The one that is given is closed, without closing the connection, so that it costs nothing from then on. Where Node does
 * not let go of the connection, it comes back as it is.
 */
export function withSharedReads(given: Socket): Socket {
  // Node has no documented way to say how a socket is read that comes from another process.
  const handle: unknown = Reflect.get(given, '_handle');
  if (typeof handle !== 'object' || handle === null) return given;
  const options = { handle, allowHalfOpen: given.allowHalfOpen, pauseOnCreate: true, onread };
  const socket = new Socket(options);
  Reflect.set(given, '_handle', null);
  given.destroy();
  return socket;
}
