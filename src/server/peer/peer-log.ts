// What the log says of one connection. What a peer has done a thousand times is worth one line.
import type { ConnectionLog, LineLevel } from '../connection-log.js';
import type { PeerStats } from './peer-stats.js';

type Fields = Readonly<Record<string, unknown>>;

export class PeerLog {
  readonly #log: ConnectionLog;
  readonly #stats: PeerStats;
  /** What has been told once and for all; null: nothing. */
  #told: Set<string> | null = null;

  constructor(log: ConnectionLog, stats: PeerStats) {
    this.#log = log;
    this.#stats = stats;
  }

  line(level: LineLevel, fields: Fields, message: string): void {
    const { id, address } = this.#stats.origin;
    this.#log.writeOf(this.#stats.who.name, level, address, { peer: id, ...fields }, message);
  }

  /** Who it is by a token that it has shown: once each, also where it shows two tokens in turn. */
  authenticated(): void {
    const { name, role } = this.#stats.who;
    if (this.#isNew(`authenticated: ${role} ${name ?? ''}`)) {
      this.line('info', { identity: name, role }, 'authenticated');
    }
  }

  warnOnce(reason: string, message: string): void {
    if (this.#isNew(reason)) this.line('warn', { reason }, message);
  }

  #isNew(what: string): boolean {
    this.#told ??= new Set();
    if (this.#told.has(what)) return false;
    this.#told.add(what);
    return true;
  }
}
