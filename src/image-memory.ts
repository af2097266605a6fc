// Memory of encoded images, attached or read from files, used again and again; each thread has its own. The engine counts an
// ordinary buffer with its heap, and looks through all of that several times a second where megabytes of images come and go;
// shared memory it does not count, and a thread that is given it leaves it where it is. So there is a limit on it here, and
// what is beyond that is ordinary memory.

/** All that is shared: in use, ready, and let go of but not collected yet. */
const sharedBytesMax = 48 * 1024 * 1024;

/** Smaller pieces cost little, and many of them would hide the large ones. */
const sharedPieceMin = 64 * 1024;

/** Pieces come in sizes that are so many times larger than the one below, so that photos of any sizes soon find one. */
const step = 1.25;

/** How much larger a piece may be than what is wanted, where none of that size lies ready. */
const slack = 4;

/** Dropped so that other sizes find room, and not collected yet: as long as it is so much no more is dropped. */
const droppedBytesMax = 8 * 1024 * 1024;

/** Not in use, by their size; the one that was used last comes last. */
const ready = new Map<number, SharedArrayBuffer[]>();
const fates = new WeakMap<SharedArrayBuffer, Fate>();
let sharedBytes = 0;
let droppedBytes = 0;

/** What becomes of a piece; it outlives it. */
interface Fate {
  readonly byteLength: number;
  isDropped: boolean;
}

/** What nobody has given back, as the image of a client that has gone, is gone when the engine finds it. */
const collected = new FinalizationRegistry((fate: Fate) => {
  sharedBytes -= fate.byteLength;
  if (fate.isDropped) droppedBytes -= fate.byteLength;
});

/** Memory of `byteLength` bytes with anything in it: give it out only when it is full. */
export function takeMemory(byteLength: number): Uint8Array {
  if (byteLength < sharedPieceMin || byteLength > sharedBytesMax) return ordinary(byteLength);
  const size = sizeFor(byteLength);
  const piece = readyPiece(size) ?? makePiece(size);
  return piece === null ? ordinary(byteLength) : new Uint8Array(piece, 0, byteLength);
}

/** The last one first: it may still be in the processor's cache. */
function readyPiece(size: number): SharedArrayBuffer | undefined {
  for (let larger = size; larger <= slack * size; larger = Math.ceil(larger * step)) {
    const piece = ready.get(larger)?.pop();
    if (piece !== undefined) return piece;
  }
  return undefined;
}

function makePiece(size: number): SharedArrayBuffer | null {
  if (sharedBytes + size > sharedBytesMax) {
    makeRoom();
    return null;
  }
  const piece = new SharedArrayBuffer(size);
  const fate: Fate = { byteLength: size, isDropped: false };
  sharedBytes += size;
  fates.set(piece, fate);
  collected.register(piece, fate);
  return piece;
}

/** For the next ones, once it is collected: drops one of the size of which most lie ready. */
function makeRoom(): void {
  if (droppedBytes >= droppedBytesMax) return;
  const [most] = [...ready].sort(([a, { length: ofA }], [b, { length: ofB }]) => b * ofB - a * ofA);
  const piece = most?.[1].shift();
  const fate = piece === undefined ? undefined : fates.get(piece);
  if (fate === undefined) return;
  fate.isDropped = true;
  droppedBytes += fate.byteLength;
}

/** The smallest size of pieces with room for so much, at most all that may be shared. */
function sizeFor(byteLength: number): number {
  let size = sharedPieceMin;
  while (size < byteLength) size = Math.ceil(size * step);
  return Math.min(size, sharedBytesMax);
}

/** Nobody will look at `bytes`, which came from `takeMemory`, again: neither here nor in a thread. */
export function giveMemoryBack({ buffer }: Uint8Array): void {
  if (!(buffer instanceof SharedArrayBuffer)) return;
  const pieces = ready.get(buffer.byteLength);
  if (pieces === undefined) ready.set(buffer.byteLength, [buffer]);
  else pieces.push(buffer);
}

/** What of `bytes` has to be transferred to a thread that is given them; nothing where it is shared. */
export function transferOf({ buffer }: Uint8Array): ArrayBuffer[] {
  return buffer instanceof ArrayBuffer ? [buffer] : [];
}

function ordinary(byteLength: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(byteLength).buffer);
}
