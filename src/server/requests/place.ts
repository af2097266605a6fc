// A request's place in the order of replies.
import type { CommandOrder } from '../../handlers/command.js';
import type { Exchange } from './exchange.js';

export interface Place {
  readonly order: CommandOrder | 'refusal';
  readonly exchange: Exchange | null;
  reply: Buffer | null;
  /** What it counts towards the bytes that its peer may send ahead; 0 once it is started within the limits. */
  aheadBytes: number;
  /** What its reply counts while it waits for those before it. */
  replyBytes: number;
}

/** What a request or refusal costs at least while it waits, however short its message was: some objects and timers. */
export const placeBytesMin = 2048;
