// What a URL of Redis says. Read here and not by the client library, which would take any of its own options from
// the query.

export interface RedisUrl {
  readonly isTls: boolean;
  /** Empty where the URL names none. */
  readonly host: string;
  readonly port: number | null;
  /** A Unix socket, from `?path=`; it counts more than host and port. */
  readonly socketPath: string | null;
  /** 4 or 6 to have names looked up as such addresses alone, from `?family=`. */
  readonly family: number | null;
  readonly database: number;
  readonly username: string | null;
  readonly password: string | null;
}

/** What may stand behind the `?`. */
const queryKeys = ['path', 'family', 'db', 'username', 'password'];

/** Null for what is no URL of Redis. */
export function parseRedisUrl(text: string): RedisUrl | null {
  if (!/^rediss?:\/\/\S+$/.test(text) || !URL.canParse(text)) return null;
  const url = new URL(text);
  const query = (name: string) => url.searchParams.get(name) ?? '';
  const username = decoded(url.username);
  const password = decoded(url.password);
  const database = url.pathname.slice(1) || query('db') || '0';
  if (username === null || password === null || !/^\d{1,5}$/.test(database)) return null;
  if (!/^[46]?$/.test(query('family'))) return null;
  if ([...url.searchParams.keys()].some((name) => !queryKeys.includes(name))) return null;
  return {
    isTls: url.protocol === 'rediss:',
    // An IPv6 address stands in brackets, which no resolver wants.
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: url.port === '' ? null : Number(url.port),
    socketPath: query('path') || null,
    family: Number(query('family')) || null,
    database: Number(database),
    username: username || query('username') || null,
    password: password || query('password') || null,
  };
}

/** Null where a percent sign begins no character. */
function decoded(text: string): string | null {
  try {
    return decodeURIComponent(text);
  } catch {
    return null;
  }
}
