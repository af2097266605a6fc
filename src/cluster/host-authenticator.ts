// Who looks at tokens: one for the whole host.
import type { Config } from '../config/schema.js';
import type { Logger } from '../log.js';
import { Authenticator } from '../server/authenticator.js';
import { roleOptionsOf } from '../server/role-options.js';
import { networkOf } from './address-network.js';

/** The one that looks at all tokens of the host, whichever door they come by. */
export function createAuthenticator({ security }: Config, log: Logger): Authenticator {
  return new Authenticator({
    tokens: roleOptionsOf(security).tokens,
    delayMs: security.failed_authentication_delay_ms,
    networkOf,
    log,
  });
}
