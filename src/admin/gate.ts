// Who may ask over HTTP. The role is the one that TCP gives, by address, client certificate and token; beyond that, web pages of others are
// kept out, which a browser on the machine itself would otherwise let in: by Host (DNS rebinding) and by Origin.
import { isIP } from 'node:net';
import type { IncomingMessage } from 'node:http';
import type { Role } from '../config/schema.js';
import { NotPermittedError } from '../errors.js';
import type { Authenticator } from '../server/authenticator.js';
import { assertPermitted, identify, withGrant, type Identity, type RoleOptions } from '../server/gate.js';
import { clientCertificateOf } from '../server/tls/client-certificate.js';
import { HttpError } from './answer.js';

export interface GateOptions {
  /** Where the server listens: the name that is ours beside localhost. */
  readonly host: string;
  readonly roles: RoleOptions;
  readonly authenticator: Authenticator;
}

/** A browser lets no page of others send it, unless the server has said that it may. */
const deliberateHeader = 'x-pear-request';

/** Says what to show, as RFC 6750 wants it. */
const challenge = { 'www-authenticate': 'Bearer realm="pear"' };

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

/** Throws HttpError where a change may not be meant: a form of a web page, or a link, sends no such header. */
export function assertDeliberate({ headers }: IncomingMessage): void {
  if (headers[deliberateHeader] !== undefined) return;
  throw new HttpError(403, `what changes something needs the header ${deliberateHeader}: 1`);
}

/** Who asks, by address, by client certificate and by token. Throws HttpError where the token is none of ours, late; throws BusyError. */
export async function identifyCaller(
  { headers, socket }: IncomingMessage,
  address: string,
  { roles, authenticator }: GateOptions,
): Promise<Identity> {
  // A proxy on this machine makes nobody a program of this machine.
  const isForwarded = headers.forwarded !== undefined || headers['x-forwarded-for'] !== undefined;
  const stranger = identify({ address, isForwarded, certificate: clientCertificateOf(socket) }, roles);
  const { authorization } = headers;
  if (authorization === undefined) return stranger;
  const token = /^Bearer +([^\s]+) *$/i.exec(authorization)?.[1];
  if (token === undefined) {
    throw new HttpError(401, 'only tokens are taken here: authorization: Bearer TOKEN', challenge);
  }
  const grant = await authenticator.check(token, address, () => socket.destroyed);
  if (grant !== null) return withGrant(stranger, grant);
  throw new HttpError(401, 'this token is none of ours; pear token makes one, security.tokens knows it', {
    'www-authenticate': `${challenge['www-authenticate']}, error="invalid_token"`,
  });
}

/** Throws NotPermittedError, or HttpError where a token would help. */
export function assertRole(
  caller: Identity,
  needed: Role,
  path: string,
  { authenticator }: GateOptions,
): void {
  try {
    assertPermitted(caller.role, needed, path);
  } catch (error) {
    if (!(error instanceof NotPermittedError) || caller.proved !== null || !authenticator.knowsTokens)
      throw error;
    throw new HttpError(401, `${error.message}; show a token: authorization: Bearer TOKEN`, challenge);
  }
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
