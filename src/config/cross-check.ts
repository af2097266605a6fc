// What one check of several values together is; the checks are in cross-checks.ts and redis-checks.ts.
import type { Config } from './schema.js';

export interface CrossCheck {
  /** The keys that it is about, the one to blame first. */
  readonly keys: readonly [string, ...string[]];
  /** What is wrong, said after the first key's name; `undefined`: nothing. */
  readonly problem: (config: Config) => string | undefined;
}
