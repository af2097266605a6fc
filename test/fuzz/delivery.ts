// How the bytes of a session reach the server: in which segments, how far, how it ends, and whether anybody reads.
import type { Random } from './random.js';

export interface Segment {
  readonly bytes: number;
  /** Time before the next one. */
  readonly pauseMs: number;
}

/**
 * `finish`: closes the sending side and reads to the end. `wait`: reads what is owed, then leaves; with an unfinished
 * request it waits until the server has had enough. `reset`, `leave`: goes without a look back.
 */
export type Ending = 'finish' | 'wait' | 'reset' | 'leave';

export interface Delivery {
  readonly segments: readonly Segment[];
  readonly ending: Ending;
  /** Before a reset or leave. */
  readonly endingDelayMs: number;
  /** How long nobody reads: 0 for who reads at once, `Infinity` for who never does. */
  readonly unreadMs: number;
  /** Stays, without reading, until the server drops the connection. */
  readonly untilDropped: boolean;
}

const segmentsMax = 120;
const pauseMaxMs = 20;
/** Pauses in all: far less than a request may take to come, so that only who stops for good is late. */
const pausesMaxMs = 1_000;
/** Who never reads stays for so long: the server drops it earlier, if there is much to read. */
export const deafMs = 6_000;

/** `isMuch`: there will be more replies than the buffers between here and there hold. */
export function planDelivery(bytes: number, isMuch: boolean, random: Random): Omit<Delivery, 'untilDropped'> {
  const sent = random.chance(0.12) ? random.between(0, bytes) : bytes;
  const unread = random.weighted([
    [isMuch ? 1 : 94, () => 0],
    [3, () => random.between(500, deafMs)],
    [2, () => Infinity],
  ]);
  return {
    segments: segmentsOf(sent, random),
    ending: random.weighted<Ending>([
      [60, 'finish'],
      [28, 'wait'],
      [8, 'reset'],
      [4, 'leave'],
    ]),
    endingDelayMs: random.chance(0.5) ? 0 : random.between(1, 200),
    unreadMs: unread(),
  };
}

function segmentsOf(bytes: number, random: Random): Segment[] {
  const sizeMax = random.weighted([
    [4, bytes],
    [2, 1],
    [2, 64],
    [2, 1_460],
    [2, Math.ceil(bytes / 3)],
  ]);
  const pauses = random.chance(0.4);
  const segments: Segment[] = [];
  let pausedMs = 0;
  for (let left = bytes; left > 0;) {
    const isLast = segments.length === segmentsMax;
    const size = isLast ? left : Math.min(left, random.between(1, sizeMax));
    const pauseMs = pauses && random.chance(0.3) ? random.between(1, pauseMaxMs) : 0;
    pausedMs += pauseMs;
    segments.push({ bytes: size, pauseMs: pausedMs > pausesMaxMs ? 0 : pauseMs });
    left -= size;
  }
  return segments;
}
