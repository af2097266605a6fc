// Hosts with networks of their own that share one Redis. It needs the right to make network namespaces, which root has.
import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import type { LocalServer } from '#src/cli/local-server.js';
import { PearClient } from '#src/client/index.js';
import { peerRecordSchema, type PeerRecord } from '#src/connections/record.js';
import { until } from '../connections/until.js';
import { readStream } from '../connections/views.js';
import { makeNamespace, mayMakeNamespaces, type Namespace } from '../support/namespaces.js';
import { startRedisServer, type RedisServer } from '../support/redis-server.js';
import { startServerThrough } from '../support/server.js';

const listCommand = 0x40;
const rowSchema = z.object({ result: peerRecordSchema });
const redisPort = 16_379;

interface Host {
  readonly id: string;
  readonly place: Namespace;
  readonly server: LocalServer;
}

describe(
  'hosts with networks of their own that share one Redis',
  { skip: mayMakeNamespaces() ? false : 'network namespaces cannot be made here' },
  () => {
    let redis: RedisServer;
    let north: Host;
    let south: Host;
    const servers: LocalServer[] = [];
    const places: Namespace[] = [];
    const clients: PearClient[] = [];

    before(async () => {
      for (const number of [1, 2]) places.push(makeNamespace(number));
      const gateways = places.map(({ gateway }) => gateway);
      const port = ['--port', String(redisPort), '--protected-mode', 'no'];
      redis = await startRedisServer(...port, '--bind', ...gateways);
      const [first, second] = places;
      assert.ok(first !== undefined && second !== undefined);
      north = await startHost('north', first);
      south = await startHost('south', second);
    });

    after(async () => {
      for (const client of clients) void client.close();
      for (const server of servers) server.kill();
      for (const place of places) place.remove();
      await redis.dispose();
    });

    async function startHost(id: string, place: Namespace): Promise<Host> {
      const server = await startServerThrough(
        null,
        place.through,
        ...['--server.host', '0.0.0.0', '--cluster.host_id', id, '--cluster.workers', '2'],
        ...['--connections.redis.url', `redis://${place.gateway}:${redisPort}`],
        ...['--connections.redis.command_timeout_ms', '500', '--security.default_role', 'admin'],
        ...['--connections.heartbeat_interval_ms', '500', '--connections.lease_ms', '2000'],
        ...['--cluster.orphan_timeout_ms', '1000'],
      );
      servers.push(server);
      return { id, place, server };
    }

    async function enter({ place, server }: Host): Promise<PearClient> {
      const client = await PearClient.connect({ host: place.address, port: server.port });
      clients.push(client);
      return client;
    }

    const list = async (client: PearClient): Promise<PeerRecord[]> =>
      (await client.request(listCommand)).flatMap((item) => rowSchema.safeParse(item).data?.result ?? []);

    const hostsOf = (peers: readonly PeerRecord[]) =>
      peers.map(({ host, address }) => `${host} ${address}`).sort();

    test('show each the connections of all, with the addresses that they come from', async () => {
      const [one, other] = [await enter(north), await enter(south)];
      const both = [`north ${north.place.gateway}`, `south ${south.place.gateway}`];
      for (const client of [one, other]) {
        await until('both are listed', async () => {
          const seen = hostsOf(await list(client));
          return seen.length === both.length && seen.every((each, index) => each === both[index]);
        });
      }
    });

    test('lose one whose cable is pulled within the lease, and have it again when it is back', async () => {
      const client = await enter(north);
      const isListed = async (host: string) => (await list(client)).some((peer) => peer.host === host);
      assert.ok(await isListed('south'));
      south.place.unplug();
      await until('the lost host is gone', async () => !(await isListed('south')));
      await until('it is told of the host as a whole', async () => {
        // Whoever looks removes its workers, once the last of their leases has ended.
        await list(client);
        const events = await readStream(redis, 'pear:events');
        return events.some(({ type, host }) => type === 'host lost' && host === 'south');
      });
      const closed = await readStream(redis, 'pear:closed');
      assert.ok(closed.some(({ reason, id }) => reason === 'host lost' && id?.startsWith('south/')));
      south.place.plug();
      // Its connections have outlived the outage, as TCP does.
      await until('it is back, its connections with it', () => isListed('south'));
    });
  },
);
