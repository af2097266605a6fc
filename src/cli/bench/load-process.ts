// The clients, in a process of their own: what they compute shall not hold up the clock of a probe, nor be counted as
// the server's.
import type { Socket } from 'node:net';
import { burst } from './load-burst.js';
import { connects, churn, hold } from './load-connects.js';
import type { LoadConnection } from './load-connection.js';
import { loadOrderSchema } from './load-messages.js';
import { PhotoRequests } from './load-requests.js';
import { arrivals, work } from './load-work.js';
import { serveOrders } from './helper.js';

let photos: PhotoRequests | null = null;
let held: readonly LoadConnection[] = [];
let rushed: readonly Socket[] = [];

serveOrders(loadOrderSchema, async (order) => {
  switch (order.type) {
    case 'photos':
      photos = await PhotoRequests.read(order.folder, order.names);
      return {};
    case 'work':
      return work(order, thePhotos());
    case 'arrivals':
      return arrivals(order, thePhotos());
    case 'connects':
      return connects(order);
    case 'churn':
      return churn(order);
    case 'hold':
      held = await hold(order.port, order.count);
      return {};
    case 'burst': {
      const { result, held: served } = await burst(order);
      rushed = served;
      return result;
    }
    case 'release':
      for (const socket of rushed) socket.destroy();
      rushed = [];
      await Promise.all(held.map((connection) => connection.close()));
      held = [];
      return {};
    default:
      return order satisfies never;
  }
});

function thePhotos(): PhotoRequests {
  if (photos === null) throw new Error('the photos were not named yet');
  return photos;
}
