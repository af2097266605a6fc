// Memory of images on their way, used again: the engine counts it with its heap and looks through all of that for what is
// let lie, so a worker that lends each second image would spend a twentieth of its time on looking.

/** What lies ready at most. More images than this holds are seldom with other workers at once. */
const readyBytesMax = 8 * 1024 * 1024;

/** Smaller pieces cost little, and many of them would hide the large ones. */
const usedAgainBytesMin = 64 * 1024;

/** How much larger a piece may be than what is asked for: photos of one camera differ by so much. */
const slack = 1.25;

/** Oldest first. */
const ready: ArrayBuffer[] = [];
let readyBytes = 0;

/** Memory of `byteLength` bytes with anything in it: give it out only when it is full. */
export function takeMemory(byteLength: number): Uint8Array<ArrayBuffer> {
  const at = ready.findIndex(
    (piece) => piece.byteLength >= byteLength && piece.byteLength <= slack * byteLength,
  );
  const [found] = at === -1 ? [] : ready.splice(at, 1);
  if (found === undefined) return new Uint8Array(Buffer.allocUnsafeSlow(byteLength).buffer);
  readyBytes -= found.byteLength;
  return new Uint8Array(found, 0, byteLength);
}

/** Nobody will look at `bytes` again, which came from `takeMemory`. What a thread has been given is not used again here. */
export function giveMemoryBack({ buffer }: Uint8Array<ArrayBuffer>): void {
  if (buffer.byteLength < usedAgainBytesMin || buffer.byteLength > readyBytesMax) return;
  ready.push(buffer);
  readyBytes += buffer.byteLength;
  while (readyBytes > readyBytesMax) readyBytes -= ready.shift()?.byteLength ?? 0;
}
