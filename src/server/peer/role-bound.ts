// How much of a request a peer may send whose role does not let it classify. None of its commands needs more, and bytes
// are held before a role can be asked: without a bound, those who may only look could take the room of those who send
// images.
import { isPermitted } from '../gate.js';
import type { PeerStats } from './peer-stats.js';

/** The longest token, with every character escaped, takes 12 KiB. As many as all peers may be cannot fill a worker with it. */
export const lookingBytesMax = 16 * 1024;

export class RoleBound {
  readonly #stats: PeerStats;

  constructor(stats: PeerStats) {
    this.#stats = stats;
  }

  /** Whether so much must wait for a token that is being looked at: what it gives decides. */
  mustWait(heldBytes: number, mayRise: boolean): boolean {
    return mayRise && heldBytes >= lookingBytesMax && !this.mayClassify;
  }

  /** What is wrong with an unfinished message of so many bytes; null: nothing. */
  problem(messageBytes: number): string | null {
    if (messageBytes <= lookingBytesMax || this.mayClassify) return null;
    return (
      `the request is longer than ${lookingBytesMax} bytes, which needs the role operator; ` +
      `this connection has the role ${this.#stats.role}`
    );
  }

  get mayClassify(): boolean {
    return isPermitted(this.#stats.role, 'operator');
  }
}
