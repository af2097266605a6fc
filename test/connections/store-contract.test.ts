// The contract of the stores, run on both.
import { after, before, describe } from 'node:test';
import { startRedisServer, type RedisServer } from '../support/redis-server.js';
import { storeContract } from './contract.js';
import { createEmbeddedView, redisViewFactory } from './views.js';

storeContract('embedded', createEmbeddedView);

describe('with a real Redis', () => {
  let server: RedisServer;
  before(async () => {
    server = await startRedisServer();
  });
  after(async () => {
    await server.dispose();
  });
  storeContract(
    'redis',
    redisViewFactory(() => server),
  );
});
