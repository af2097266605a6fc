// A worker's way to the primary's count of connections. What happens within a turn of the event loop, in a rush within
// a few milliseconds, travels in one message, so that a rush of connections is not a rush of messages.
import type { Admission, PeerAdmission, PlaceAnswer } from '../server/entrance/peer-admission.js';
import { networkOf } from './address-network.js';

export interface PlacesChannel {
  /**
   * Gives back the places of `left`, then asks for one for each of `arrived`. Resolves to the answers in that order, or
   * to null where the primary is gone.
   */
  places(left: readonly string[], arrived: readonly string[]): Promise<readonly PlaceAnswer[] | null>;
}

interface Arrival {
  readonly network: string;
  readonly resolve: (admission: Admission) => void;
}

/**
 * After a question the next one waits for so long, and so does the news of who has gone, unless an arrival takes it
 * along; who comes alone is asked for at once. The primary hands connections out one by one, so a turn of the event
 * loop would hardly ever bring two together.
 */
const restMs = 2;

export class PrimaryAdmission implements PeerAdmission {
  readonly #channel: PlacesChannel;
  #left: string[] = [];
  #arrived: Arrival[] = [];
  /** When the last question was sent. */
  #askedAt = -restMs;
  /** Whether it is sent at the end of this turn of the event loop. */
  #sendingSoon = false;
  #timer: NodeJS.Timeout | null = null;

  constructor(channel: PlacesChannel) {
    this.#channel = channel;
  }

  enter(address: string): Promise<Admission> {
    return new Promise((resolve) => {
      this.#arrived.push({ network: networkOf(address), resolve });
      if (performance.now() - this.#askedAt >= restMs) this.#sendSoon();
      else this.#sendLater();
    });
  }

  leave(address: string): void {
    this.#left.push(networkOf(address));
    this.#sendLater();
  }

  #sendSoon(): void {
    if (this.#sendingSoon) return;
    this.#sendingSoon = true;
    setImmediate(() => {
      this.#sendingSoon = false;
      this.#send();
    });
  }

  #sendLater(): void {
    this.#timer ??= setTimeout(() => {
      this.#send();
    }, restMs);
  }

  #send(): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = null;
    const left = this.#left;
    const arrived = this.#arrived;
    this.#left = [];
    this.#arrived = [];
    if (arrived.length > 0) this.#askedAt = performance.now();
    if (left.length + arrived.length > 0) void this.#ask(left, arrived);
  }

  async #ask(left: readonly string[], arrived: readonly Arrival[]): Promise<void> {
    const networks = arrived.map(({ network }) => network);
    const answers = await this.#channel.places(left, networks);
    for (const [index, { resolve }] of arrived.entries()) resolve(answers?.[index] ?? 'closing');
  }
}
