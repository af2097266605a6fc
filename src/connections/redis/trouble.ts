// What an error of Redis, or of the way to it, means for an operator: one line that says what happened and what to do.

/**
 * away: nothing can be asked. no writes: it is there and keeps nothing. refused: it will not do what it was told, for a
 * reason that passes only when somebody changes something.
 */
export type TroubleKind = 'away' | 'no writes' | 'refused';

export interface Trouble {
  readonly kind: TroubleKind;
  /** One line, without secrets. */
  readonly words: string;
}

interface Meaning {
  /** Begins the message, or is the code, of such an error. */
  readonly sign: RegExp;
  readonly kind: TroubleKind;
  readonly cure: string;
  /** Said in place of a message that is long or says nothing. */
  readonly instead?: string;
}

const passwordKeys = 'connections.redis.username and password_path (or password, or connections.redis.url)';
const clusterCure =
  'the view of connections needs a single Redis or Sentinels, since its scripts use several keys at once';

const meanings: readonly Meaning[] = [
  { sign: /^NOAUTH/, kind: 'away', cure: `it wants a password: set ${passwordKeys}` },
  { sign: /^WRONGPASS|^ERR invalid password/, kind: 'away', cure: `correct ${passwordKeys}` },
  {
    sign: /^NOPERM|^(ERR )?The user executing the script can't/,
    kind: 'refused',
    cure: 'its user lacks a right; docs/inspection.md has the ACL rule with all that it needs',
  },
  {
    sign: /^OOM/,
    kind: 'no writes',
    cure: 'its memory is full: raise its maxmemory or remove what fills it',
  },
  {
    sign: /^READONLY/,
    kind: 'no writes',
    cure: 'it is a replica, perhaps since a failover; if this stays, name the master, or connections.redis.sentinels',
  },
  {
    sign: /^MISCONF/,
    kind: 'no writes',
    instead: 'MISCONF',
    cure: 'it cannot save to its disk; its own log says why',
  },
  { sign: /^NOREPLICAS/, kind: 'no writes', cure: 'fewer replicas are connected than it demands' },
  { sign: /^LOADING/, kind: 'away', cure: 'it answers when it has read its data' },
  { sign: /^MASTERDOWN/, kind: 'away', cure: 'it is a replica without its master' },
  { sign: /^BUSY/, kind: 'away', instead: 'BUSY', cure: "somebody's script holds it up" },
  {
    sign: /^(CROSSSLOT|MOVED|ASK|CLUSTERDOWN|ERR SELECT is not allowed in cluster)/,
    kind: 'refused',
    instead: 'it is a Redis Cluster',
    cure: clusterCure,
  },
  {
    // Before Redis 7 what fails inside a script is told behind the script's name.
    sign: /^(ERR Error running script.*)?\bWRONGTYPE/,
    kind: 'refused',
    instead: 'WRONGTYPE',
    cure: "a key that begins with connections.redis.key_prefix holds somebody else's value, of another type (redis-cli TYPE shows it): DEL it, or set another key_prefix",
  },
  {
    sign: /^ERR unknown command/,
    kind: 'refused',
    cure: 'it hides a command that the view of connections needs (rename-command), or is a Sentinel or older than 6.2',
  },
  {
    sign: /^ERR (invalid DB index|DB index is out of range)/,
    kind: 'away',
    cure: 'correct the database in connections.redis.url',
  },
  // What ioredis says of calls that were under way, of options that nobody can set here.
  {
    sign: /^Reached the max retries per request/,
    kind: 'away',
    instead: 'the connection broke',
    cure: 'see whether it runs',
  },
  {
    sign: /^Command timed out/,
    kind: 'away',
    instead: 'it did not answer within connections.redis.command_timeout_ms',
    cure: 'see whether it hangs, or is too far away for that',
  },
  { sign: /^ERR max number of clients/, kind: 'away', cure: 'raise its maxclients' },
  {
    sign: /^DENIED/,
    kind: 'away',
    instead: 'it is in protected mode and answers its own host only',
    cure: 'give it a password',
  },
  {
    sign: /^(SELF_SIGNED_CERT|DEPTH_ZERO_SELF_SIGNED|UNABLE_TO_)/,
    kind: 'away',
    cure: 'nobody trusted here has issued its certificate: name the PEM file of its authority in connections.redis.tls.ca_path',
  },
  {
    sign: /^(CERT_HAS_EXPIRED|CERT_NOT_YET_VALID)/,
    kind: 'away',
    cure: 'renew its certificate, or set the clocks right',
  },
  {
    sign: /^ERR_TLS_CERT_ALTNAME_INVALID/,
    kind: 'away',
    cure: 'its certificate is for another name: use that in the URL, or set connections.redis.tls.server_name',
  },
  {
    sign: /^ERR_SSL_TLSV1?3?_ALERT_CERTIFICATE_REQUIRED|certificate required/i,
    kind: 'away',
    instead: 'it demands a certificate',
    cure: 'set connections.redis.tls.cert_path and key_path',
  },
  {
    sign: /^ERR_SSL_\w*ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE)|alert unknown ca/i,
    kind: 'away',
    instead: 'it does not accept our certificate',
    cure: 'have the one in connections.redis.tls.cert_path issued by an authority that it trusts',
  },
  {
    sign: /^ERR_SSL_WRONG_VERSION_NUMBER|wrong version number|packet length too long/i,
    kind: 'away',
    instead: 'it does not speak TLS at this port',
    cure: 'name its port for TLS, or write redis:// in connections.redis.url',
  },
];

/** A reply that whoever made the call expects and deals with. */
const expected = /^ERR the resync is incomplete/;

/** What to tell of `error`; null: nothing, whoever made the call knows what it means. */
export function troubleOf(error: Error): Trouble | null {
  const cause = plainCause(error);
  if (cause.name === 'ReplyError' && expected.test(cause.message)) return null;
  const code = codeOf(error);
  const meaning = meanings.find(({ sign }) => sign.test(cause.message) || sign.test(code));
  if (meaning === undefined) {
    return { kind: cause.name === 'ReplyError' ? 'refused' : 'away', words: shortened(cause.message) };
  }
  return { kind: meaning.kind, words: `${meaning.instead ?? shortened(cause.message)}; ${meaning.cure}` };
}

/** What an error means that has no caller who would know it. */
export function troubleWords(error: Error): string {
  return troubleOf(error)?.words ?? shortened(plainCause(error).message);
}

/** Whether an error is all that is seen of somebody who closes the connection or never speaks. */
export function isSilence(error: Error): boolean {
  return ['ECONNRESET', 'EPIPE', 'ETIMEDOUT'].includes(codeOf(error));
}

/** What it may mean that a connection is made, and closed, or left silent, before Redis has said anything. */
export function silenceWords(isTls: boolean, hasCertificate: boolean): string {
  const what = 'it hangs up or is silent before it says anything';
  if (!isTls) return `${what}; if it speaks TLS at this port, write rediss:// in connections.redis.url`;
  const certificate = hasCertificate
    ? 'it may not accept the certificate in connections.redis.tls.cert_path'
    : 'if it demands a certificate, set connections.redis.tls.cert_path and key_path';
  return `${what}; if it does not speak TLS at this port, write redis:// in connections.redis.url; ${certificate}`;
}

/** What ioredis says of one Sentinel, in words that lead on. */
export function sentinelTrouble({ message }: Error, masterName: string): string {
  if (/invalid reply: null$/.test(message)) {
    return `they know no master ${masterName}; correct connections.redis.sentinel_name`;
  }
  const words = shortened(message.replace(/^failed to connect to sentinel (\S+) because /, '$1: '));
  if (!/NOAUTH|WRONGPASS|NOPERM/.test(message)) {
    return `${words}; see connections.redis.sentinels, and sentinel_tls where they speak TLS`;
  }
  return `${words}; correct connections.redis.sentinel_username and sentinel_password_path (or sentinel_password)`;
}

/** The error without what ioredis hangs onto it: a password at AUTH, hundreds of records at HSET. */
export function plainCause(error: unknown): Error {
  if (!(error instanceof Error)) return new Error(String(error));
  // Where a name resolves to several addresses Node gives an AggregateError with an empty message.
  const cause = new Error(error.message === '' ? codeOf(error) || error.name : error.message);
  cause.name = error.name;
  return cause;
}

function codeOf(error: Error): string {
  return 'code' in error && typeof error.code === 'string' ? error.code : '';
}

/** The first line, without the place in a script. */
function shortened(message: string): string {
  const line = message.split('\n', 1)[0] ?? '';
  return line
    .replace(/ script: .*$/, '')
    .replace(/\.$/, '')
    .slice(0, 200);
}
