// The look at Redis before the server starts, for `connections.store: redis`, which refuses to start
// without it.
import { StartupError, StoreUnavailableError } from '../../errors.js';
import { maskUrl } from '../mask-url.js';
import { RedisConnection } from './connection.js';

/** Streams and lazy frees are older; 6.2 is the oldest that is tested. */
const versionMin = [6, 2] as const;

/** Rejects with StartupError where Redis does not answer in time or is older than 6.2. */
export async function probeRedis(url: string, timeoutMs: number): Promise<{ readonly version: string }> {
  const connection = new RedisConnection({ url, commandTimeoutMs: timeoutMs, onTrouble: () => undefined });
  try {
    await connection.ready();
    const info = await connection.run((redis) => redis.info('server'));
    const version = /^redis_version:(\S+)/m.exec(info)?.[1] ?? 'unknown';
    if (isTooOld(version)) {
      throw new StartupError(
        `Redis at ${maskUrl(url)} has version ${version}; the view of connections needs ${versionMin.join('.')}`,
        'update Redis, or set connections.store: embedded',
      );
    }
    return { version };
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    throw new StartupError(
      error.message,
      'start Redis or correct connections.redis.url; connections.store: auto starts without it',
      { cause: error },
    );
  } finally {
    connection.close();
  }
}

/** What cannot be read counts as too old. Exported for its table of tests. */
export function isTooOld(version: string): boolean {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === undefined || minor === undefined) return true;
  return Number(major) < versionMin[0] || (Number(major) === versionMin[0] && Number(minor) < versionMin[1]);
}
