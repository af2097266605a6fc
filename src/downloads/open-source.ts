// Asks a host for a model and follows its redirects, each through the gate. Connections lead to the addresses that the gate
// judged and nowhere else: no proxy of the environment, no connection that was opened for something else.
import { request as requestPlain, type ClientRequest, type IncomingMessage } from 'node:http';
import { request as requestSecure, type RequestOptions } from 'node:https';
import type { LookupFunction } from 'node:net';
import { NotPermittedError, ResourceNotFoundError } from '../errors.js';
import { version } from '../version.js';
import { orAborted, type DownloadClock } from './download-clock.js';
import type { Destination, DownloadGate } from './download-gate.js';

export interface Source {
  readonly gate: DownloadGate;
  /** PEM of the only authorities that are trusted; undefined: those that Node.js knows. */
  readonly ca: string | undefined;
  readonly clock: DownloadClock;
}

const redirectsMax = 5;
const redirects: readonly (number | undefined)[] = [301, 302, 303, 307, 308];
/** Node's own default, stated because its command line can raise it. */
const headerBytesMax = 16 * 1024;

/** The answer with whatever status, its body unread. Throws as the gate does, ResourceNotFoundError, or what broke the connection. */
export async function openSource(first: URL, source: Source): Promise<IncomingMessage> {
  let url = first;
  for (let followed = 0; ; followed++) {
    source.clock.connecting();
    const destination = await orAborted(source.gate.admit(url), source.clock.signal);
    const response = await ask(destination, source);
    if (!redirects.includes(response.statusCode)) return response;
    response.destroy();
    if (followed === redirectsMax) {
      throw new ResourceNotFoundError(`the host redirects more than ${redirectsMax} times`);
    }
    url = redirectedTo(response, url);
  }
}

function redirectedTo({ headers: { location } }: IncomingMessage, from: URL): URL {
  if (location === undefined || !URL.canParse(location, from.href)) {
    throw new ResourceNotFoundError('the host redirects to what is no URL');
  }
  const url = new URL(location, from);
  if (from.protocol === 'https:' && url.protocol !== 'https:') {
    throw new NotPermittedError('the host redirects from https to what is not', {
      cause: new Error(`the scheme is ${url.protocol}`),
    });
  }
  return url;
}

function ask(destination: Destination, { ca, clock }: Source): Promise<IncomingMessage> {
  const isSecure = destination.protocol === 'https:';
  const options: RequestOptions = {
    host: destination.host,
    port: destination.port,
    path: `${destination.url.pathname}${destination.url.search}`,
    // A new connection, closed behind the answer.
    agent: false,
    lookup: pinnedTo(destination),
    headers: {
      accept: '*/*',
      'accept-encoding': 'identity',
      'user-agent': `pear-server/${version}`,
    },
    maxHeaderSize: headerBytesMax,
    insecureHTTPParser: false,
    signal: clock.signal,
    // Stated, since variables and options of Node's can weaken its defaults.
    ...(isSecure ? { rejectUnauthorized: true, minVersion: 'TLSv1.2', ca } : {}),
  };
  return new Promise((resolve, reject) => {
    const request: ClientRequest = isSecure ? requestSecure(options) : requestPlain(options);
    let answer: IncomingMessage | undefined;
    request.once('socket', (socket) => {
      socket.once(isSecure ? 'secureConnect' : 'connect', () => {
        clock.waiting();
      });
    });
    request.once('response', (response) => {
      answer = response;
      resolve(response);
    });
    // Later ones are about what came behind the answer: more than its length said.
    request.on('error', (error) => {
      answer?.destroy(error);
      reject(error);
    });
    request.once('close', () => {
      reject(new Error('the connection was closed without an answer'));
    });
    request.end();
  });
}

/** Answers with what the gate has resolved, so that the name cannot mean something else a moment later. */
function pinnedTo({ addresses }: Destination): LookupFunction {
  return (_name, { all }, callback) => {
    const [first] = addresses;
    if (all === true) callback(null, [...addresses]);
    else if (first !== undefined) callback(null, first.address, first.family);
    else callback(new Error('no address'), '', 0);
  };
}
