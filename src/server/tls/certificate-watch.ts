// Keeps a certificate as new as its files: looks at them every second, and reads them anew where they have changed,
// in whichever way (written over, renamed into place, a link that points elsewhere). What cannot be used is told, and the
// old one stays: the pair of certificate and key for itself, and the authorities of clients for themselves, so that one that
// was taken away is trusted no longer, however the pair is. Every process reads the files itself: the private key travels nowhere.
import { statSync, type Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { StartupError } from '../../errors.js';
import type { Logger } from '../../log.js';
import {
  readAuthoritiesLater,
  readCertificate,
  readPairLater,
  type Certificate,
  type CertificateFiles,
} from './certificate.js';
import { dateOf, expiryWarning } from './expiry.js';

export interface WatchOptions {
  readonly log: Logger;
  /** One process of a server tells of what all of them see; the others speak of it below `info` only. */
  readonly tells: boolean;
  readonly lookIntervalMs?: number;
}

/** Files are read once they have stayed the same from one look to the next: certificate and key come one after the other. */
const defaultLookIntervalMs = 1_000;
/** A look that takes longer is told of. There is no other until it has ended: each would take one thread more. */
const lookTimeoutMs = 5_000;

export class CertificateWatch {
  readonly #files: CertificateFiles;
  readonly #options: WatchOptions;
  readonly #paths: readonly string[];
  readonly #listeners: ((certificate: Certificate) => void)[] = [];
  readonly #timer: NodeJS.Timeout;
  #current: Certificate;
  /** The state of the files that were read. */
  #readState: string;
  /** At the last look, where it was another one. */
  #newState = '';
  /** Of files that cannot be used, what has been told. */
  #toldState = '';
  #toldExpiry: string | null = null;
  #isLooking = false;
  #isClosed = false;

  /** Throws StartupError. */
  constructor(files: CertificateFiles, options: WatchOptions) {
    this.#files = files;
    this.#options = options;
    const { certPath, keyPath, clientCaPath } = files;
    this.#paths = [certPath, keyPath, ...(clientCaPath === null ? [] : [clientCaPath])];
    // Before the files are read: what changes meanwhile is read again.
    this.#readState = this.#paths.map((path) => stateOf(statSync(path, { throwIfNoEntry: false }))).join(' ');
    this.#current = readCertificate(files);
    this.#tellOf(this.#current, 'clients are shown the certificate');
    if (options.tells) for (const warning of this.#current.caWarnings) options.log.warn(warning);
    this.#timer = setInterval(() => {
      void this.#look();
    }, options.lookIntervalMs ?? defaultLookIntervalMs).unref();
  }

  get current(): Certificate {
    return this.#current;
  }

  /** Calls `listener` with each new one. */
  onChange(listener: (certificate: Certificate) => void): void {
    this.#listeners.push(listener);
  }

  close(): void {
    this.#isClosed = true;
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    // Where the files lie on a share that hangs, one look that waits is enough.
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#tellOfExpiry();
    const timer = setTimeout(() => {
      this.#tellOfHanging();
    }, lookTimeoutMs).unref();
    try {
      await this.#lookAtFiles();
    } finally {
      clearTimeout(timer);
      this.#isLooking = false;
    }
  }

  async #lookAtFiles(): Promise<void> {
    // One after the other: a share that hangs takes one thread of the pool, which others need as well.
    const states: string[] = [];
    for (const path of this.#paths) states.push(stateOf(await stat(path).catch(() => undefined)));
    const state = states.join(' ');
    const isSettled = state === this.#newState;
    this.#newState = state;
    if (state !== this.#readState && isSettled) await this.#reload(state);
  }

  async #reload(state: string): Promise<void> {
    const authorities = await orError(readAuthoritiesLater(this.#files));
    const pair = await orError(readPairLater(this.#files));
    if (this.#isClosed) return;
    const certificate = {
      ...this.#current,
      ...(pair instanceof StartupError ? {} : pair),
      ...(authorities instanceof StartupError ? {} : authorities),
    };
    this.#take(certificate);
    const troubles = [pair, authorities].filter((each) => each instanceof StartupError);
    // What is in use may be of both: where the old files come back they are read again.
    this.#readState = troubles.length === 0 ? state : '';
    // It is tried again at each look: perhaps only this process could not read it now.
    if (troubles.length > 0 && this.#toldState !== state)
      for (const { message, cure } of troubles) this.#tellOfTrouble(message, cure);
    this.#toldState = troubles.length === 0 ? '' : state;
  }

  /** Makes it the one that counts, where it is another one. */
  #take(certificate: Certificate): void {
    const before = this.#current;
    const isOtherPair = certificate.cert !== before.cert || certificate.key !== before.key;
    const areOtherAuthorities = certificate.ca !== before.ca;
    this.#current = certificate;
    if (isOtherPair || areOtherAuthorities) for (const listener of this.#listeners) listener(certificate);
    if (isOtherPair)
      this.#tellOf(certificate, 'the files have changed; new connections are shown the certificate');
    if (areOtherAuthorities) this.#tellOfAuthorities(certificate);
  }

  #tellOfHanging(): void {
    this.#tellOfTrouble(
      `${this.#files.section}: reading the files takes longer than ${lookTimeoutMs / 1_000} s`,
      'look at the disk or share that they lie on',
    );
  }

  #tellOfTrouble(problem: string, cure: string): void {
    const { log, tells } = this.#options;
    log[tells ? 'error' : 'debug']({ cure }, `${problem}; what is in use of it stays: ${cure}`);
  }

  #tellOf(certificate: Certificate, what: string): void {
    const { log, tells } = this.#options;
    const { subject, validTo } = certificate;
    log[tells ? 'info' : 'debug'](
      { subject, expires: new Date(validTo).toISOString() },
      `${this.#files.section}: ${what} (${subject}), which is valid until ${dateOf(validTo)}`,
    );
    if (tells) for (const warning of certificate.warnings) log.warn(warning);
    this.#toldExpiry = null;
    this.#tellOfExpiry();
  }

  #tellOfAuthorities({ caWarnings }: Certificate): void {
    const { log, tells } = this.#options;
    log[tells ? 'info' : 'debug'](
      `${this.#files.section}: the authorities of clients have changed; they count for new connections`,
    );
    if (tells) for (const warning of caWarnings) log.warn(warning);
  }

  #tellOfExpiry(): void {
    if (!this.#options.tells) return;
    const words = expiryWarning(this.#current, Date.now());
    if (words !== null && words !== this.#toldExpiry)
      this.#options.log.warn(`${this.#files.section}: ${words}`);
    this.#toldExpiry = words;
  }
}

/** What changes with a file, even where its size and its time are set back. */
function stateOf(stats: Stats | undefined): string {
  return stats === undefined
    ? 'none'
    : [stats.dev, stats.ino, stats.size, stats.mtimeMs, stats.ctimeMs].join(':');
}

async function orError<Value>(reading: Promise<Value>): Promise<Value | StartupError> {
  try {
    return await reading;
  } catch (error) {
    if (error instanceof StartupError) return error;
    throw error;
  }
}
