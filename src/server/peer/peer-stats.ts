// What is counted of one connection while it lives; the view of connections shows it as a PeerRecord.
import type { Role } from '../../config/schema.js';
import type { PeerRecord } from '../../connections/record.js';
import type { Identity } from '../gate.js';

/** Who and where a peer is; fixed for its life. */
export interface PeerOrigin {
  readonly id: string;
  readonly host: string;
  readonly worker: string;
  readonly address: string;
  readonly port: number;
  readonly tls: boolean;
}

export class PeerStats {
  readonly origin: PeerOrigin;
  readonly connectedAt = Date.now();
  /** Who it is; it may come to be known better. */
  who: Identity;
  /** Its worker is stopping. */
  draining = false;
  lastActivityAt = this.connectedAt;
  requests = 0;
  images = 0;
  errors = 0;
  /** Images asked for and not answered. */
  inFlight = 0;
  bytesIn = 0;
  bytesOut = 0;
  lastLatencyMs: number | null = null;
  lastResult: number | null = null;

  constructor(origin: PeerOrigin, who: Identity) {
    this.origin = origin;
    this.who = who;
  }

  get role(): Role {
    return this.who.role;
  }

  /** Who it is, to others. */
  get name(): string {
    return this.who.name ?? this.origin.address;
  }

  get state(): PeerRecord['state'] {
    if (this.draining) return 'draining';
    return this.requests > 0 ? 'active' : 'opened';
  }

  /** null: it got no verdict. */
  countImage(result: number | null): void {
    this.images++;
    if (result === null) this.errors++;
    else this.lastResult = result;
  }

  record(): PeerRecord {
    return {
      ...this.origin,
      identity: this.who.name,
      role: this.role,
      state: this.state,
      connected_at: this.connectedAt,
      last_activity_at: this.lastActivityAt,
      requests: this.requests,
      images: this.images,
      errors: this.errors,
      in_flight: this.inFlight,
      bytes_in: this.bytesIn,
      bytes_out: this.bytesOut,
      last_latency_ms: this.lastLatencyMs === null ? null : Number(this.lastLatencyMs.toFixed(2)),
      last_result: this.lastResult,
    };
  }
}
