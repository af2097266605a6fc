// What a decoder makes of a stream, in a form that is easy to compare.
import { FrameDecoder, type Frame } from '#src/protocol/frame-decoder.js';

export const maxMessageBytes = 1_000;

/** What is attached behind a message. */
export interface Attached {
  readonly sizes: readonly number[];
  /** So many of them are taken before the others are skipped. */
  readonly wanted: number;
}

/** Every frame of `chunks`, each of which is overwritten before the next one; `attached`: what is said of each message, where anything is. */
export function frames(chunks: readonly Buffer[], attached: readonly Attached[] = []): string[] {
  const decoder = new FrameDecoder(maxMessageBytes);
  const seen: string[] = [];
  let messages = 0;
  let wanted = 0;
  for (const chunk of chunks) {
    const memory = Buffer.from(chunk);
    decoder.push(memory);
    for (let frame = decoder.next(); frame !== null; frame = decoder.next()) {
      seen.push(describeFrame(frame));
      if (frame.type === 'message') {
        const behind = attached[messages++] ?? { sizes: [], wanted: 0 };
        decoder.expectAttachments(behind.sizes);
        wanted = behind.wanted;
      } else if (frame.type === 'attachment') wanted--;
      else continue;
      if (wanted === 0) decoder.skipAttachments();
    }
    decoder.keep();
    memory.fill('?');
  }
  return seen;
}

function describeFrame(frame: Frame): string {
  switch (frame.type) {
    case 'message':
      return `message ${frame.bytes.toString()}`;
    case 'attachment':
      return `attachment ${Buffer.from(frame.bytes).toString('latin1')}`;
    case 'garbage':
    case 'too long':
    case 'skipped':
      return frame.type;
    default:
      return frame satisfies never;
  }
}

export const bytes = (text: string): Buffer => Buffer.from(text);

/** `stream` cut at the given places, whatever numbers these are. */
export function cutAt(stream: Buffer, places: readonly number[]): Buffer[] {
  const cuts = [
    0,
    ...places.map((place) => place % (stream.length + 1)).sort((a, b) => a - b),
    stream.length,
  ];
  return cuts.slice(1).map((end, index) => stream.subarray(cuts[index], end));
}
