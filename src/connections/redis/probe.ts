// The look at Redis before the server starts, for `connections.store: redis`, which refuses to start
// without it.
import { StartupError, StoreUnavailableError } from '../../errors.js';
import { redisName, type RedisSettings } from '../choose-store.js';
import { RedisConnection } from './connection.js';
import { troubleOf } from './trouble.js';

/** Streams and lazy frees are older; 6.2 is the oldest that is tested. */
const versionMin = [6, 2] as const;

/** Writes a key of its own and takes it away again. */
const tryToWrite = `
redis.call('SET', KEYS[1], '1', 'PX', '1000')
redis.call('UNLINK', KEYS[1])
`;

/**
 * Rejects with StartupError where Redis does not answer in time, takes no writes, is older than 6.2, or is a Cluster or
 * a Sentinel.
 */
export async function probeRedis(settings: RedisSettings): Promise<{ readonly version: string }> {
  const name = redisName(settings);
  const connection = new RedisConnection({ ...settings, onTrouble: () => undefined });
  try {
    await connection.ready();
    const info = await connection.run((redis) => redis.info('server'));
    const version = /^redis_version:(\S+)/m.exec(info)?.[1] ?? 'unknown';
    if (isTooOld(version)) {
      throw new StartupError(
        `${name} has version ${version}; the view of connections needs ${versionMin.join('.')}`,
        'update Redis, or set connections.store: embedded',
      );
    }
    refuseMode(name, /^redis_mode:(\S+)/m.exec(info)?.[1] ?? 'standalone');
    await connection.run((redis) => redis.eval(tryToWrite, 1, `${settings.keyPrefix}probe`));
    return { version };
  } catch (error) {
    if (!(error instanceof StoreUnavailableError)) throw error;
    const trouble = error.cause instanceof Error ? troubleOf(error.cause) : null;
    throw new StartupError(
      trouble === null ? error.message : `${name} cannot keep the view of connections: ${trouble.words}`,
      'start Redis or correct connections.redis; connections.store: auto starts without it',
      { cause: error },
    );
  } finally {
    connection.close();
  }
}

function refuseMode(name: string, mode: string): void {
  if (mode === 'cluster') {
    throw new StartupError(
      `${name} is a Redis Cluster; the view of connections cannot lie in one, since its scripts use several keys at once`,
      'name a single Redis or connections.redis.sentinels, or set connections.store: embedded',
    );
  }
  if (mode === 'sentinel') {
    throw new StartupError(
      `${name} is a Sentinel, which keeps no data`,
      'name it in connections.redis.sentinels, with the name of its master in sentinel_name',
    );
  }
}

/** What cannot be read counts as too old. Exported for its table of tests. */
export function isTooOld(version: string): boolean {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(version) ?? [];
  if (major === undefined || minor === undefined) return true;
  return Number(major) < versionMin[0] || (Number(major) === versionMin[0] && Number(minor) < versionMin[1]);
}
