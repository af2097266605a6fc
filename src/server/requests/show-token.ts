// What a token that a peer shows does for it.
import type { Authenticator } from '../authenticator.js';
import { withGrant, type Grant } from '../gate.js';
import type { PeerStats } from '../peer/peer-stats.js';

export interface TokenShown {
  readonly authenticator: Authenticator;
  readonly stats: PeerStats;
  /** Whoever is gone meanwhile is not told whether it was right. */
  readonly isGone: () => boolean;
  readonly onAuthenticated: (grant: Grant) => void;
}

/** A right one counts for what comes behind it; false for a wrong one, late. */
export async function showToken(
  token: string,
  { authenticator, stats, isGone, onAuthenticated }: TokenShown,
): Promise<boolean> {
  const grant = await authenticator.check(token, stats.origin.address, isGone);
  if (grant === null) return false;
  // Who it is may have changed while it waited.
  stats.who = withGrant(stats.who, grant);
  onAuthenticated(grant);
  return true;
}
