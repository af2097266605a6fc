// Reads connections into one piece of memory that all of a process share, instead of a new piece of 64 KiB for each read:
// a photo comes in fewer and larger pieces, and none of them is left for the garbage collector.
import { Socket, type NetConnectOpts, connect } from 'node:net';

/** A piece of a photo; the kernel rarely has more of one connection at a time. */
const readBytes = 256 * 1024;

/** What a connection may send at a time whose bytes have to wait, and what each begins with. */
const littleBytes = 16 * 1024;

/** Filled anew by each read; it is looked at before the next one. */
const memory = Buffer.allocUnsafeSlow(readBytes);
const little = memory.subarray(0, littleBytes);

/** Those that are read a little at a time. */
const slowed = new WeakSet<Socket>();

/** The next read is one of this connection; null: of one that has not been read. */
let lastRead: Socket | null = null;

/** The same for all: Node calls it on the socket that has been read, and then asks where the next read of that one goes. */
const onread = {
  buffer: () => {
    const next = lastRead === null || slowed.has(lastRead) ? little : memory;
    lastRead = null;
    return next;
  },
  callback(this: Socket, length: number) {
    this.emit('data', memory.subarray(0, length));
    hasRead(this);
    return true;
  },
};

function hasRead(socket: Socket): void {
  lastRead = socket;
}

/**
 * Says whether the next reads of the connection are to be small ones: what is read of it waits, or it has no need to send
 * much, and many like it would take a lot of memory with a large piece each.
 */
export function readLittle(socket: Socket, isLittle: boolean): void {
  if (isLittle) slowed.add(socket);
  else slowed.delete(socket);
}

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
