// Lines about single connections: as many of a kind as anybody reads, for each network, and no more, since a stranger can
// open and close connections all day. What is left out is counted, and told in one line a kind.
import type { Logger } from '../log.js';

/** Of one kind about one network within the interval. */
export const linesPerNetworkMax = 100;
/** Of one kind about all: whoever has many networks comes from many. */
export const linesMax = 500;
export const intervalMs = 10_000;

export type LineLevel = 'debug' | 'info' | 'warn' | 'error';

interface Kind {
  lines: number;
  /** Those that have lines. */
  readonly networks: Map<string, number>;
  leftOut: number;
  lastAddress: string;
}

export class ConnectionLog {
  readonly #log: Logger;
  readonly #networkOf: (address: string) => string;
  /** Of this interval, by what the lines say. */
  readonly #kinds = new Map<string, Kind>();
  /** Runs while there is anything to forget. */
  #timer: NodeJS.Timeout | null = null;

  /** `networkOf`: whom an address stands for, since who has a whole network could come from a new address each time. */
  constructor(log: Logger, networkOf: (address: string) => string) {
    this.#log = log;
    this.#networkOf = networkOf;
  }

  /** A line that says `message`, about a connection from `address`. */
  write(level: LineLevel, address: string, fields: Readonly<Record<string, unknown>>, message: string): void {
    if (this.#log.isLevelEnabled(level) && this.#hasRoom(message, address)) this.#log[level](fields, message);
  }

  /** The same of one that may be known by a name: then each line is written, however many others there are. It may be all that tells of it. */
  writeOf(
    name: string | null,
    level: LineLevel,
    address: string,
    fields: Readonly<Record<string, unknown>>,
    message: string,
  ): void {
    if (name === null) this.write(level, address, fields, message);
    else this.#log[level](fields, message);
  }

  #hasRoom(message: string, address: string): boolean {
    const kind = this.#kindOf(message);
    const network = this.#networkOf(address);
    const lines = kind.networks.get(network) ?? 0;
    if (kind.lines < linesMax && lines < linesPerNetworkMax) {
      kind.lines += 1;
      kind.networks.set(network, lines + 1);
      return true;
    }
    kind.leftOut += 1;
    kind.lastAddress = address;
    return false;
  }

  #kindOf(message: string): Kind {
    const known = this.#kinds.get(message);
    if (known !== undefined) return known;
    const kind: Kind = { lines: 0, networks: new Map(), leftOut: 0, lastAddress: '' };
    this.#kinds.set(message, kind);
    this.#timer ??= setTimeout(() => {
      this.#endInterval();
    }, intervalMs).unref();
    return kind;
  }

  #endInterval(): void {
    this.#timer = null;
    const kinds = [...this.#kinds];
    this.#kinds.clear();
    for (const [line, { leftOut, lastAddress }] of kinds) {
      if (leftOut === 0) continue;
      this.#log.warn({ line, leftOut, address: lastAddress }, 'left out lines about connections');
    }
  }
}
