// Rounds of faults while clients come and go. After each the view has to be what the kernel says, in the time in which a
// lease ends and the next heartbeat comes.
import { performance } from 'node:perf_hooks';
import { setTimeout as wait } from 'node:timers/promises';
import type { Random } from '../fuzz/random.js';
import { eventually } from '../support/deadline.js';
import { Crowd } from './crowd.js';
import { compare, type Difference } from './truth.js';
import { removalMs, times, World, type Store } from './world.js';

export interface Round {
  readonly store: Store;
  readonly fault: string;
  /** Clients at the end of it. */
  readonly clients: number;
  /** From the end of the fault until the view was right; null: it was not in time. */
  readonly rightAfterMs: number | null;
  /** What was wrong last where it was not, or what was wrong a heartbeat later; null: nothing. */
  readonly wrong: string | null;
}

const clients = 60;
/** Clients come and go before, during and after a fault. */
const movingMs = 400;
const lookIntervalMs = 50;
/** Connections that ask each host: the kernel gives them to one worker or the other. */
const looksPerHost = 3;
/** After these Redis has all that it had before: whoever was there and is gone stands in the history. */
const keepTheHistory: ReadonlySet<string> = new Set(['worker killed', 'primary killed and restarted']);
export const limitMs = times.leaseMs + times.heartbeatMs;

/** `rounds` faults in a world of its own, each of those that may happen there as often as the others. */
export async function chaos(
  store: Store,
  rounds: number,
  random: Random,
  onRound: (round: Round) => void = () => undefined,
): Promise<readonly Round[]> {
  const world = await World.create(store);
  const crowd = new Crowd({ clients, ports: () => world.ports, random });
  const done: Round[] = [];
  try {
    let names: string[] = [];
    while (done.length < rounds) {
      const faults = world.faults(random);
      if (names.length === 0) names = random.shuffled([...faults.keys()]);
      const fault = names.pop() ?? '';
      crowd.move();
      await wait(movingMs);
      const before = await eventually('the view can be read', () => someIdsIn(world));
      await faults.get(fault)?.();
      const overAt = performance.now();
      await wait(movingMs);
      await crowd.rest();
      const end = await untilRight(world, overAt);
      const isRecorded = store === 'redis' && keepTheHistory.has(fault);
      const wrong = end.wrong ?? (isRecorded ? await untilRecorded(world, before) : null);
      const round = { store, fault, clients: crowd.size, ...end, wrong };
      done.push(round);
      onRound(round);
    }
  } finally {
    await crowd.close();
    await world.close();
  }
  return done;
}

async function untilRight(world: World, startMs: number): Promise<Pick<Round, 'rightAfterMs' | 'wrong'>> {
  for (;;) {
    const lookedAt = performance.now();
    const wrong = await lookAt(world);
    if (wrong === null) {
      // And stays so: what a heartbeat or a look of the primaries breaks is not right.
      await wait(times.heartbeatMs + lookIntervalMs);
      return { rightAfterMs: Math.round(lookedAt - startMs), wrong: await lookAt(world) };
    }
    if (lookedAt - startMs > limitMs) return { rightAfterMs: null, wrong };
    await wait(lookIntervalMs);
  }
}

/** Those that are connected; null where nobody is, or the view cannot be read now. */
async function someIdsIn(world: World): Promise<readonly string[] | null> {
  const [port] = world.ports;
  try {
    const ids = port === undefined ? [] : (await compare(world.places, port)).ids;
    return ids.length > 0 ? ids : null;
  } catch {
    return null;
  }
}

/** Who was there and is gone has closed, or is removed when its lease has ended; null: all have. */
async function untilRecorded(world: World, before: readonly string[]): Promise<string | null> {
  const endMs = performance.now() + limitMs + removalMs;
  for (;;) {
    const found = await eventually('the view can be read', () => someIdsIn(world));
    const [now, recorded] = [new Set(found), await world.recordedIds()];
    const lost = before.filter((id) => !now.has(id) && !recorded.has(id));
    if (lost.length === 0) return null;
    if (performance.now() > endMs)
      return `${lost.length} are gone and not in the history (${lost.slice(0, 3).join(', ')})`;
    await wait(lookIntervalMs);
  }
}

/** What is wrong with the view, asked of every host several times; null: nothing. */
async function lookAt(world: World): Promise<string | null> {
  try {
    for (const port of world.ports) {
      for (let look = 0; look < looksPerHost; look++) {
        const difference = await compare(world.places, port);
        if (difference.ids.length === 0) return 'nobody is connected: nothing can be told from that';
        const wrong = describe(difference) ?? describeClosed(difference, await world.closedIds());
        if (wrong !== null) return wrong;
      }
    }
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** Who lives has not closed, whatever happened to Redis. */
function describeClosed({ ids }: Difference, closed: ReadonlySet<string>): string | null {
  const wrong = ids.filter((id) => closed.has(id));
  return wrong.length === 0
    ? null
    : `${wrong.length} live and stand in the history as closed (${wrong.slice(0, 3).join(', ')})`;
}

function describe({ ghosts, missing }: Difference): string | null {
  if (ghosts.length === 0 && missing.length === 0) return null;
  return `${ghosts.length} in the view only (${ghosts.slice(0, 3).join(', ')}), ${missing.length} with the kernel only (${missing.slice(0, 3).join(', ')})`;
}
