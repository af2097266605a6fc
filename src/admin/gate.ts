// Who may ask over HTTP. The role is the one that TCP gives, by address, client certificate and token; beyond that, web pages of others are
// kept out, which a browser on the machine itself would otherwise let in: by Host (DNS rebinding) and by Origin.
import { isIP } from 'node:net';
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import type { Role } from '../config/schema.js';
import { NotPermittedError } from '../errors.js';
import type { Authenticator } from '../server/authenticator.js';
import { assertPermitted, identify, withGrant, type Identity, type RoleOptions } from '../server/gate.js';
import type { CertificateWatch } from '../server/tls/certificate-watch.js';
import { clientCertificateOf } from '../server/tls/client-certificate.js';
import { shownText } from '../shown-text.js';
import { HttpError } from './answer.js';

export interface GateOptions {
  /** Where the server listens: the name that is ours beside localhost. */
  readonly host: string;
  readonly roles: RoleOptions;
  readonly authenticator: Authenticator;
  readonly networkOf: (address: string) => string;
  /** Those that are shown here, whose names are ours, too; left out or null: no TLS. */
  readonly certificates?: Pick<CertificateWatch, 'current'> | null;
}

/** A browser lets no page of others send it, unless the server has said that it may. */
const deliberateHeader = 'x-pear-request';

/** What proxies add, of which each has its own; beside all that begin with x-forwarded-. */
const proxyHeaders = new Set(['forwarded', 'via', 'x-real-ip', 'x-client-ip', 'x-original-host']);

/** Says what to show, as RFC 6750 wants it. */
const challenge = { 'www-authenticate': 'Bearer realm="pear"' };

/** Throws HttpError where the request may come from a foreign web page. */
export function assertOwn({ headers }: IncomingMessage, options: GateOptions): void {
  const name = headers.host ?? '';
  if (!isOwnHost(name, options)) {
    throw new HttpError(
      403,
      `the Host ${shownText(name)} is not served here; ask by address or as localhost, ` +
        'or give admin.tls a certificate for that name',
    );
  }
  const { origin } = headers;
  if (origin !== undefined && !isSamePlace(origin, name)) {
    throw new HttpError(
      403,
      `web pages of ${shownText(origin)} may not ask here; leave out the header Origin`,
    );
  }
  // What a page loads without a script, such as an image, has no Origin. A link that somebody follows is fine.
  if (headers['sec-fetch-site'] === 'cross-site' && headers['sec-fetch-mode'] !== 'navigate') {
    throw new HttpError(403, 'web pages of others may not ask here; open the address itself');
  }
}

/** Throws HttpError where one of several could be looked at here, and another one by a proxy. */
export function assertOneHost({ headersDistinct }: IncomingMessage): void {
  if ((headersDistinct['host']?.length ?? 0) > 1)
    throw new HttpError(400, 'there are several headers Host; send one');
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
  { roles, authenticator, networkOf }: GateOptions,
): Promise<Identity> {
  const isForwarded = isFromProxy(headers);
  const stranger = identify({ address, isForwarded, certificate: clientCertificateOf(socket) }, roles);
  const { authorization } = headers;
  if (authorization === undefined) return stranger;
  const token = /^Bearer +([^\s]+) *$/i.exec(authorization)?.[1];
  if (token === undefined) {
    throw new HttpError(401, 'only tokens are taken here: authorization: Bearer TOKEN', challenge);
  }
  // Who guesses through a proxy of this machine, or only says so, holds up nobody who asks without one.
  const guesser = isForwarded ? `forwarded by ${networkOf(address)}` : address;
  const grant = await authenticator.check(token, guesser, () => socket.destroyed);
  if (grant !== null) return withGrant(stranger, grant);
  throw new HttpError(401, 'this token is none of ours; pear token makes one, security.tokens knows it', {
    'www-authenticate': `${challenge['www-authenticate']}, error="invalid_token"`,
  });
}

/** A proxy on this machine makes nobody a program of this machine, whatever it says of them. */
function isFromProxy(headers: IncomingHttpHeaders): boolean {
  return Object.keys(headers).some((name) => proxyHeaders.has(name) || name.startsWith('x-forwarded-'));
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
    if (!(error instanceof NotPermittedError) || caller.name !== null || !authenticator.knowsTokens)
      throw error;
    throw new HttpError(401, `${error.message}; show a token: authorization: Bearer TOKEN`, challenge);
  }
}

/**
 * Addresses cannot be rebound; of names only this machine's own are known to be ours, and those of the certificate: a page
 * of that name has shown the same one, or the browser would not have opened it.
 */
function isOwnHost(host: string, { host: ownName, certificates }: GateOptions): boolean {
  const name = host
    .replace(/:\d+$/, '')
    .replace(/^\[(.*)\]$/, '$1')
    .toLowerCase();
  if (isIP(name) !== 0 || name === 'localhost' || name === ownName.toLowerCase()) return true;
  return certificates?.current.bears(name) ?? false;
}

function isSamePlace(origin: string, host: string): boolean {
  if (!URL.canParse(origin) || !URL.canParse(`http://${host}`)) return false;
  return new URL(origin).host === new URL(`http://${host}`).host;
}
