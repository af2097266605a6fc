// What one connection may do before it is slowed down or closed.

export interface PeerLimits {
  readonly maxMessageBytes: number;
  readonly messageTimeoutMs: number;
  readonly writeTimeoutMs: number;
  /** A connection that rests for so long is closed; null: never. */
  readonly idleTimeoutMs: number | null;
  /** Bytes of images and requests held for the peer. */
  readonly maxInFlightBytes: number;
  /** Bytes taken beyond the limits, so that a 0x03 behind them is seen. */
  readonly readAheadBytes: number;
}
