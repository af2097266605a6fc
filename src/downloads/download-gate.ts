// Where a model may be fetched from. Every URL passes here, that of the request and that of each redirect: its host must be
// listed, its name is resolved once, and the addresses that were judged are those that are connected to.
import type { LookupAddress } from 'node:dns';
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { hostOf, parseDownloadEntry, type DownloadHost } from '../config/download-hosts.js';
import { BusyError, NotPermittedError, ResourceNotFoundError } from '../errors.js';
import { isGlobalUnicast } from './global-unicast.js';
import { bytesOf, holds, networkOf, reachedBy, type Network } from './ip-address.js';

/** Where to connect to, and what to be there. */
export interface Destination extends DownloadHost {
  readonly url: URL;
  /** All that the name has, and all permitted; of a URL with an address that address. */
  readonly addresses: readonly LookupAddress[];
}

export type Resolve = (name: string) => Promise<readonly LookupAddress[]>;

/** A question to the system's resolver cannot be taken back and holds one of the four threads that files need, too. */
const questionsMax = 2;

export class DownloadGate {
  readonly #hosts: readonly DownloadHost[];
  readonly #networks: readonly Network[];
  readonly #resolve: Resolve;
  #questions = 0;

  /** `entries` are those of security.download_hosts, checked. */
  constructor(
    entries: readonly string[],
    resolve: Resolve = (name) => lookup(name, { all: true, verbatim: true }),
  ) {
    const meanings = entries.map(parseDownloadEntry).filter((meaning) => typeof meaning !== 'string');
    this.#hosts = meanings.flatMap(({ host }) => host ?? []);
    this.#networks = meanings.flatMap(({ network }) =>
      network === undefined ? [] : networkOf(`${network.address}/${network.prefixBits}`),
    );
    this.#resolve = resolve;
  }

  /** Throws NotPermittedError where no host is listed, so nothing may be downloaded. */
  assertOpen(): void {
    if (this.#hosts.length > 0) return;
    throw new NotPermittedError('downloads are off; list the host of the model in security.download_hosts');
  }

  /**
   * The way to `url`. Throws NotPermittedError where there is none that is permitted, ResourceNotFoundError where the
   * name is not known, BusyError where the resolver hangs.
   */
  async admit(url: URL): Promise<Destination> {
    this.assertOpen();
    if (url.protocol !== 'https:' && url.protocol !== 'http:') {
      throw refusal('only https URLs may be downloaded', `the scheme is ${url.protocol}`);
    }
    if (url.username !== '' || url.password !== '') {
      throw refusal('URLs with a user or password may not be downloaded', 'the URL holds user or password');
    }
    const wanted = hostOf(url);
    if (!this.#hosts.some((listed) => isSame(listed, wanted))) {
      const plain = wanted.protocol === 'http:' ? 'http://' : '';
      throw refusal(
        'models may not be downloaded from this host; security.download_hosts lists those that are allowed',
        `${plain}${wanted.host}:${wanted.port} is not listed`,
      );
    }
    const family = isIP(wanted.host);
    const addresses = family === 0 ? await this.#permitted(wanted.host) : [{ address: wanted.host, family }];
    return { ...wanted, url, addresses };
  }

  /** One that is not permitted bars the others: whoever answers so for the name is not to be trusted with it. */
  async #permitted(name: string): Promise<readonly LookupAddress[]> {
    const addresses = await this.#ask(name);
    if (addresses.length === 0) throw unknownName(name);
    const barred = addresses.find(({ address }) => !isGlobalUnicast(address) && !this.#isListed(address));
    if (barred === undefined) return addresses;
    throw refusal(
      'the host has an address that is not public; list the address in security.download_hosts, too, if it is meant',
      `${name} is ${barred.address}`,
    );
  }

  async #ask(name: string): Promise<readonly LookupAddress[]> {
    if (this.#questions >= questionsMax) {
      throw new BusyError('the resolver of names does not answer; try again later');
    }
    this.#questions++;
    try {
      return await this.#resolve(name);
    } catch (cause) {
      throw unknownName(name, cause);
    } finally {
      this.#questions--;
    }
  }

  #isListed(address: string): boolean {
    const bytes = bytesOf(address);
    if (bytes === null) return false;
    const forms = [bytes, reachedBy(bytes)];
    return this.#networks.some((network) => forms.some((form) => holds(network, form)));
  }
}

function isSame(a: DownloadHost, b: DownloadHost): boolean {
  return a.protocol === b.protocol && a.host === b.host && a.port === b.port;
}

/** `words` are for the client, `reason` is for the log: it may name what only the inside knows. */
function refusal(words: string, reason: string): NotPermittedError {
  return new NotPermittedError(words, { cause: new Error(reason) });
}

function unknownName(name: string, cause: unknown = new Error(`${name} has no address`)) {
  return new ResourceNotFoundError('the name of the host cannot be resolved', { cause });
}
