// What a token that a peer shows does for it.
import type { TokenCheck } from '../authenticator.js';
import { withGrant } from '../gate.js';
import type { PeerStats } from '../peer/peer-stats.js';

export interface TokenShown {
  readonly authenticator: TokenCheck;
  readonly stats: PeerStats;
  /** Whoever is gone meanwhile is not told whether it was right. */
  readonly isGone: () => boolean;
  /** It is somebody else now, or may do something else. */
  readonly onAuthenticated: () => void;
}

/** A right one counts for what comes behind it; false for a wrong one, late. */
export async function showToken(
  token: string,
  { authenticator, stats, isGone, onAuthenticated }: TokenShown,
): Promise<boolean> {
  const grant = await authenticator.check(token, stats.origin.address, isGone);
  if (grant === null) return false;
  // Who it is may have changed while it waited.
  const before = stats.who;
  stats.who = withGrant(before, grant);
  if (stats.who.name !== before.name || stats.who.role !== before.role) onAuthenticated();
  return true;
}
