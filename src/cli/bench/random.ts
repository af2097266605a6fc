// Random numbers that are the same in every run with the same seed, so that photos, networks and arrivals are.
// Mulberry32 by Tommy Ettinger (public domain): 32 bits of state, good enough for noise and weights.

/** Gives numbers from 0 (included) to 1 (excluded). */
export type Random = () => number;

export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Normally distributed with mean 0 and deviation 1, by the method of Box and Muller. */
export function gaussian(random: Random): number {
  return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
}

/** When the events of a Poisson process happen: ascending, in seconds from the start, all before `seconds`. */
export function poissonTimes(perSecond: number, seconds: number, random: Random): number[] {
  const times: number[] = [];
  // Times between events are exponentially distributed.
  for (let at = 0; ;) {
    at += -Math.log(1 - random()) / perSecond;
    if (at >= seconds) return times;
    times.push(at);
  }
}
