// Who may ask over HTTP. The role is the one that TCP gives; beyond that, web pages of others are kept out, which a
// browser on the machine itself would otherwise let in: by Host (DNS rebinding) and by Origin.
import { isIP } from 'node:net';
import type { IncomingMessage } from 'node:http';
import type { Role } from '../config/schema.js';
import { assertPermitted, identify, type ClientCertificate, type RoleOptions } from '../server/gate.js';
import { HttpError } from './answer.js';

export interface GateOptions {
  /** Where the server listens: the name that is ours beside localhost. */
  readonly host: string;
  readonly roles: RoleOptions;
}

/** Throws HttpError where the request may come from a foreign web page. */
export function assertOwn({ headers }: IncomingMessage, { host }: GateOptions): void {
  const name = headers.host ?? '';
  if (!isOwnHost(name, host)) {
    throw new HttpError(
      403,
      `the Host ${name} is not served here; ask by address or as localhost, or set admin.host to that name`,
    );
  }
  const { origin } = headers;
  if (origin !== undefined && !isSamePlace(origin, name)) {
    throw new HttpError(403, `web pages of ${origin} may not ask here; leave out the header Origin`);
  }
  // What a page loads without a script, such as an image, has no Origin. A link that somebody follows is fine.
  if (headers['sec-fetch-site'] === 'cross-site' && headers['sec-fetch-mode'] !== 'navigate') {
    throw new HttpError(403, 'web pages of others may not ask here; open the address itself');
  }
}

/** Throws NotPermittedError. */
export function assertRole(
  address: string,
  certificate: ClientCertificate | null,
  needed: Role,
  path: string,
  { roles }: GateOptions,
): void {
  const { role } = identify({ address, isForwarded: false, certificate }, roles);
  assertPermitted(role, needed, path);
}

/** Addresses cannot be rebound; of names only this machine's own are known to be ours. */
function isOwnHost(host: string, ownName: string): boolean {
  const name = host
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
  return isIP(name) !== 0 || name === 'localhost' || name === ownName.toLowerCase();
}

function isSamePlace(origin: string, host: string): boolean {
  if (!URL.canParse(origin) || !URL.canParse(`http://${host}`)) return false;
  return new URL(origin).host === new URL(`http://${host}`).host;
}
