// Memory of attached images, used again and again. The engine counts an ordinary buffer with its heap, and looks through all of that
// several times a second where megabytes of images come and go; shared memory it does not count, and a thread that is given
// it leaves it where it is. So there is a limit on it here, and what is beyond that is ordinary memory.

/** All that is shared: in use, ready, and let go of but not collected yet. */
const sharedBytesMax = 48 * 1024 * 1024;

/** Smaller pieces cost little, and many of them would hide the large ones. */
const sharedPieceMin = 64 * 1024;

/** How much larger a piece may be than what is asked for: photos of one camera differ by so much. */
const slack = 1.25;

/** Not in use; the one that was used last comes last. */
const ready: SharedArrayBuffer[] = [];
let sharedBytes = 0;

/** What nobody has given back, as the image of a client that has gone, is gone when the engine finds it. */
const collected = new FinalizationRegistry((byteLength: number) => {
  sharedBytes -= byteLength;
});

/** Memory of `byteLength` bytes with anything in it: give it out only when it is full. */
export function takeMemory(byteLength: number): Uint8Array {
  if (byteLength < sharedPieceMin || byteLength > sharedBytesMax) return ordinary(byteLength);
  // The last one first: it may still be in the processor's cache.
  for (let at = ready.length - 1; at >= 0; at--) {
    const piece = ready[at];
    if (piece === undefined || piece.byteLength < byteLength || piece.byteLength > slack * byteLength)
      continue;
    ready.splice(at, 1);
    return new Uint8Array(piece, 0, byteLength);
  }
  if (sharedBytes + byteLength > sharedBytesMax) {
    // For the next ones of this size.
    for (let freed = 0; freed < byteLength && ready.length > 0;) freed += ready.shift()?.byteLength ?? 0;
    return ordinary(byteLength);
  }
  const piece = new SharedArrayBuffer(byteLength);
  sharedBytes += byteLength;
  collected.register(piece, byteLength);
  return new Uint8Array(piece);
}

/** Nobody will look at `bytes`, which came from `takeMemory`, again: neither here nor in a thread. */
export function giveMemoryBack({ buffer }: Uint8Array): void {
  if (buffer instanceof SharedArrayBuffer) ready.push(buffer);
}

/** What of `bytes` has to be transferred to a thread that is given them; nothing where it is shared. */
export function transferOf({ buffer }: Uint8Array): ArrayBuffer[] {
  return buffer instanceof ArrayBuffer ? [buffer] : [];
}

function ordinary(byteLength: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(byteLength).buffer);
}
