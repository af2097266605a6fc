// Images sent by the load process: all at once in a closed loop, to see how many a server can judge, or one by one at
// random times in an open loop, to see how long each takes.
import { performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import { LoadConnection, type ReplyItem } from './load-connection.js';
import type { ArrivalsResult, Order, WorkResult } from './load-messages.js';
import type { PhotoRequests } from './load-requests.js';
import { poissonTimes, seededRandom } from './random.js';

/** The clock runs from the first request to the last reply. */
export async function work(order: Order<'work'>, photos: PhotoRequests): Promise<WorkResult> {
  const { way, requestsPerConnection, imagesPerRequest, requestsUnderWay } = order;
  const connections = await openAll(order.port, order.connections);
  try {
    const queues = connections.map(() =>
      Array.from({ length: requestsPerConnection }, () => photos.make(imagesPerRequest, way)),
    );
    const verdicts: Record<string, number> = {};
    let images = 0;
    const cpuBefore = process.cpuUsage();
    const start = performance.now();
    const sender = async (connection: LoadConnection, index: number) => {
      for (let next = queues[index]?.shift(); next !== undefined; next = queues[index]?.shift()) {
        const items = await connection.send(next);
        images += note(items, next.images, verdicts);
      }
    };
    await Promise.all(
      connections.flatMap((connection, index) =>
        Array.from({ length: requestsUnderWay }, () => sender(connection, index)),
      ),
    );
    const seconds = (performance.now() - start) / 1000;
    const { user, system } = process.cpuUsage(cpuBefore);
    return { images, seconds, cpuMs: (user + system) / 1000, verdicts };
  } finally {
    for (const connection of connections) connection.destroy();
  }
}

/**
 * Latency counts from when an image was to be sent, not from when it was: a sender that is held up would otherwise hide
 * what its clients wait.
 */
export async function arrivals(order: Order<'arrivals'>, photos: PhotoRequests): Promise<ArrivalsResult> {
  const times = poissonTimes(order.perSecond, order.seconds, seededRandom(order.seed));
  const requests = times.map(() => photos.make(1, order.way));
  const connections = await openAll(order.port, order.connections);
  try {
    const verdicts: Record<string, number> = {};
    const start = performance.now();
    const replies: Promise<number>[] = [];
    for (const [index, time] of times.entries()) {
      const due = start + time * 1000;
      // Timers count in whole milliseconds; the rest is latency, as for a client.
      if (due > performance.now()) await wait(due - performance.now());
      const connection = connections[index % connections.length];
      const request = requests[index];
      if (connection === undefined || request === undefined) continue;
      const reply = connection.send(request).then((items) => {
        note(items, 1, verdicts);
        return performance.now() - due;
      });
      // Awaited at the end; a failure until then is not unhandled.
      reply.catch(() => undefined);
      replies.push(reply);
    }
    const latenciesMs = await Promise.all(replies);
    return { latenciesMs, seconds: (performance.now() - start) / 1000 };
  } finally {
    for (const connection of connections) connection.destroy();
  }
}

/** Counts the images of a reply, and keeps their verdicts. */
function note(items: readonly ReplyItem[], expected: number, verdicts: Record<string, number>): number {
  if (items.length !== expected)
    throw new Error(`${expected} images were asked for, ${items.length} answered`);
  for (const { file_name, result } of items) {
    if (file_name !== null && typeof result === 'number') verdicts[file_name] = result;
  }
  return items.length;
}

/** One after the other, so that a server that hands connections out in turn gives each worker its part. */
async function openAll(port: number, count: number): Promise<readonly LoadConnection[]> {
  const connections: LoadConnection[] = [];
  for (let index = 0; index < count; index++) connections.push(await LoadConnection.open(port));
  return connections;
}
