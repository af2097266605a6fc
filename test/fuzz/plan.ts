// A session, wholly known from the seed and its number: what is sent, how, and what is owed for it.
import type { Expected } from './conversation.js';
import { planDelivery, type Delivery } from './delivery.js';
import type { Completeness } from './checks.js';
import { damaged } from './mutations.js';
import { owedTo, type Owed } from './owed.js';
import type { Playground } from './playground.js';
import { Random } from './random.js';
import { makeSession, toBytes } from './sessions.js';

export interface Plan {
  readonly bytes: Buffer;
  readonly delivery: Delivery;
  readonly owed: Owed;
  readonly expected: Expected;
  readonly completeness: Completeness;
  /** Undamaged, sent to its end and read to its end. */
  readonly isWhole: boolean;
}

const undamagedShare = 0.5;
/** So much fits into the buffers of the machine while nobody reads. */
const buffered = { replies: 200, requestBytes: 64 * 1024 };
/** So many do not, however large the buffers of a socket are made. */
const unbuffered = { replies: 90_000 };

export function planSession(seed: number, number: number, playground: Playground): Plan {
  const random = new Random(seed, number);
  const session = makeSession(random, playground.pictures);
  const isUndamaged = random.chance(undamagedShare);
  const all = isUndamaged
    ? toBytes(session)
    : damaged(session, makeSession(random, playground.pictures), random);
  const isMuch = session.length > 1_000;
  const planned = planDelivery(all.length, isMuch, random);
  const { segments, unreadMs } = planned;
  const bytes = all.subarray(
    0,
    segments.reduce((sum, segment) => sum + segment.bytes, 0),
  );
  const owed = owedTo(bytes, playground);
  // Waiting until the server has had enough of half a request takes seconds in which nothing else happens.
  const isImpatient = planned.ending === 'wait' && owed.end === 'unfinished' && random.chance(0.8);
  const ending = isImpatient ? 'finish' : planned.ending;
  const untilDropped = unreadMs === Infinity && owed.replies.length > unbuffered.replies;
  const isLittle = owed.replies.length <= buffered.replies && bytes.length <= buffered.requestBytes;
  const isRead = unreadMs === 0 || (unreadMs < Infinity && isLittle);
  const completeness = isRead && (ending === 'finish' || ending === 'wait') ? 'all' : 'beginning';
  return {
    bytes,
    delivery: { ...planned, ending, untilDropped },
    owed,
    expected: { replies: owed.replies.length, isClosed: owed.end !== 'open' },
    completeness,
    isWhole: isUndamaged && bytes.length === all.length && completeness === 'all',
  };
}
