// Counts the connections of all workers against the limits of the host. Pure: what workers ask and tell goes in,
// answers come out; who carries them is somebody else's business.
import type { PlaceAnswer } from '../server/entrance/peer-admission.js';

export interface PeerCounterLimits {
  /** Connections of all workers. */
  readonly maxPeers: number;
  /** Of those, connections of one network (address-network.ts). */
  readonly maxPeersPerNetwork: number;
}

/** Connections by network; who has none stands nowhere. */
type Counts = Map<string, number>;

export class PeerCounter {
  readonly #limits: PeerCounterLimits;
  #total = 0;
  readonly #networks: Counts = new Map();
  /** What each living worker holds: this is what its death frees. */
  readonly #workers = new Map<string, Counts>();

  constructor(limits: PeerCounterLimits) {
    this.#limits = limits;
  }

  /** Connections that have a place. */
  get total(): number {
    return this.#total;
  }

  /** Networks that have a place. */
  get networks(): number {
    return this.#networks.size;
  }

  /** From now on the worker may ask. */
  addWorker(workerId: string): void {
    if (!this.#workers.has(workerId)) this.#workers.set(workerId, new Map());
  }

  /** Frees all places of a worker that has ended; what it still says counts no more. */
  removeWorker(workerId: string): void {
    for (const [network, count] of this.#workers.get(workerId) ?? []) {
      this.#total -= count;
      add(this.#networks, network, -count);
    }
    this.#workers.delete(workerId);
  }

  /** Gives back the places of `left`, then answers each of `arrived`; all of them are networks. */
  update(workerId: string, left: readonly string[], arrived: readonly string[]): PlaceAnswer[] {
    const held = this.#workers.get(workerId);
    if (held === undefined) return arrived.map(() => 'full');
    for (const network of left) this.#leave(held, network);
    return arrived.map((network) => this.#enter(held, network));
  }

  #enter(held: Counts, network: string): PlaceAnswer {
    const { maxPeers, maxPeersPerNetwork } = this.#limits;
    if (this.#total >= maxPeers) return 'full';
    if ((this.#networks.get(network) ?? 0) >= maxPeersPerNetwork) return 'address full';
    this.#total += 1;
    add(this.#networks, network, 1);
    add(held, network, 1);
    return 'ok';
  }

  #leave(held: Counts, network: string): void {
    // Only what the worker has can be given back, or one that is wrong would make room that is not there.
    if (!held.has(network)) return;
    this.#total -= 1;
    add(this.#networks, network, -1);
    add(held, network, -1);
  }
}

function add(counts: Counts, network: string, change: number): void {
  const count = (counts.get(network) ?? 0) + change;
  if (count === 0) counts.delete(network);
  else counts.set(network, count);
}
