// A clock that all processes of a machine share and that nobody can set: `performance.now` starts anew in each process,
// and `Date.now` jumps.

/** Milliseconds since a moment that is the same for every process of this machine. */
export function monotonicMs(): number {
  const [seconds, nanoseconds] = process.hrtime();
  return seconds * 1_000 + nanoseconds / 1_000_000;
}
