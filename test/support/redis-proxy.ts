// A way to Redis on which single connections can be cut without anybody being told, as a firewall does that forgets
// them: both sides think that they are open, and nothing comes through.
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

export interface RedisProxy {
  /** For `connections.redis.url`. */
  readonly url: string;
  /** How many connections have sent `text`, such as the name that a client gives itself, so far. */
  count(text: string): number;
  /** From now on nothing comes through those that have sent `text`; later ones are not concerned. */
  forget(text: string): void;
  dispose(): void;
}

interface Pair {
  readonly client: Socket;
  readonly redis: Socket;
  sent: string;
}

/** `socketPath`: where Redis listens. */
export async function startRedisProxy(socketPath: string): Promise<RedisProxy> {
  const pairs = new Set<Pair>();
  /** Redis's side of those that are forgotten: it is not told either where the client hangs up. */
  const halfOpen = new Set<Socket>();
  let total: string[] = [];
  const server = createServer((client) => {
    const redis = connect(socketPath);
    const pair: Pair = { client, redis, sent: '' };
    pairs.add(pair);
    client.on('data', (chunk) => {
      pair.sent += chunk.toString('latin1');
    });
    client.pipe(redis);
    redis.pipe(client);
    for (const socket of [client, redis]) {
      socket.on('error', () => undefined);
      socket.on('close', () => {
        if (pairs.delete(pair)) total = [...total, pair.sent];
        client.destroy();
        if (!halfOpen.has(redis)) redis.destroy();
      });
    }
  });
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('it listens on a port');
  return {
    url: `redis://127.0.0.1:${address.port}/0`,
    count: (text) =>
      [...total, ...[...pairs].map(({ sent }) => sent)].filter((sent) => sent.includes(text)).length,
    forget: (text) => {
      for (const { client, redis, sent } of pairs) {
        if (!sent.includes(text)) continue;
        client.unpipe(redis);
        redis.unpipe(client);
        halfOpen.add(redis);
        // Taken, and thrown away.
        redis.resume();
        client.resume();
      }
    },
    dispose: () => {
      server.close();
      for (const { client, redis } of pairs) {
        client.destroy();
        redis.destroy();
      }
      for (const redis of halfOpen) redis.destroy();
    },
  };
}
