// The names of the keys in Redis. Users inspect them and write scripts on them: the schema is an interface,
// documented in docs/, and changed with care.

/** Keys under one prefix. */
export interface RedisKeys {
  /** ZSET workerId → time of the last heartbeat, ms by Redis's own clock. */
  readonly workers: string;
  /** STREAM: peers opened and closed, workers up and down. */
  readonly events: string;
  /** STREAM: peers that have closed, each as it was last, and why. */
  readonly closed: string;
  /**
   * HASH with a TTL: `since` when Redis has taken writes without a pause, and when it was `last` seen to, ms by its own
   * clock. For hosts with another lease something else is a pause.
   */
  steady(leaseMs: number): string;
  /** HASH with a TTL: the fields of WorkerRecord, and `epoch`, the number of the last write. */
  worker(workerId: string): string;
  /** HASH with a TTL: peerId → PeerRecord as JSON. */
  peers(workerId: string): string;
  /** HASH with a TTL: a resync being written; renamed to `peers` when complete. */
  resync(workerId: string): string;
  /** CHANNEL: what the primary of this host is asked to do (control-messages.ts). */
  control(host: string): string;
  /** LIST with a TTL: what the primaries answer to one request. */
  reply(requestId: string): string;
}

export function redisKeys(prefix: string): RedisKeys {
  return {
    workers: `${prefix}workers`,
    events: `${prefix}events`,
    closed: `${prefix}closed`,
    steady: (leaseMs) => `${prefix}steady:${leaseMs}`,
    worker: (workerId) => `${prefix}worker:${workerId}`,
    peers: (workerId) => `${prefix}peers:${workerId}`,
    resync: (workerId) => `${prefix}resync:${workerId}`,
    control: (host) => `${prefix}control:${host}`,
    reply: (requestId) => `${prefix}reply:${requestId}`,
  };
}
