// Connections that wait at the door for a worker, each network's in a line of its own. The lines have their turns one after
// the other, so that many from one network hold up nobody else; where no more may wait, the longest line gives way.
import type { Socket } from 'node:net';

/** Each with the number of the look before it came. */
type Line = Map<Socket, number>;

export class DoorQueue {
  readonly #maxWaiting: number;
  /** The one whose turn is next first. */
  readonly #lines = new Map<string, Line>();
  #size = 0;

  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
  }

  get size(): number {
    return this.#size;
  }

  /** Gives the one that has to go for it, which may be itself; null: there is room for all. */
  add(socket: Socket, network: string, look: number): Socket | null {
    const isFull = this.#size >= this.#maxWaiting;
    const goes = isFull ? this.#lastOfLongest(this.#lines.get(network)?.size ?? 0) : null;
    if (isFull && goes === null) return socket;
    const line = this.#lines.get(network) ?? new Map<Socket, number>();
    this.#lines.set(network, line);
    line.set(socket, look);
    this.#size += 1;
    return goes;
  }

  /** The next one, taken out; undefined where none waits. */
  take(): Socket | undefined {
    for (const [network, line] of this.#lines) {
      // Its next turn comes after those of all others.
      this.#lines.delete(network);
      this.#lines.set(network, line);
      for (const socket of line.keys()) {
        this.#remove(network, line, socket);
        return socket;
      }
    }
    return undefined;
  }

  /** Those that came before this look, taken out. */
  takeFrom(lookBeforeMax: number): Socket[] {
    const taken: Socket[] = [];
    for (const [network, line] of this.#lines) {
      for (const [socket, look] of line) {
        if (look > lookBeforeMax) break;
        this.#remove(network, line, socket);
        taken.push(socket);
      }
    }
    return taken;
  }

  #remove(network: string, line: Line, socket: Socket): void {
    line.delete(socket);
    this.#size -= 1;
    if (line.size === 0) this.#lines.delete(network);
  }

  /** The one that came last in the longest line, taken out; null where that of who comes would be as long then. */
  #lastOfLongest(lengthOfOwn: number): Socket | null {
    let longest: readonly [string, Line] | null = null;
    for (const entry of this.#lines) {
      if (entry[1].size > (longest?.[1].size ?? lengthOfOwn + 1)) longest = entry;
    }
    if (longest === null) return null;
    const [network, line] = longest;
    const last = [...line.keys()].at(-1);
    if (last === undefined) return null;
    this.#remove(network, line, last);
    return last;
  }
}
