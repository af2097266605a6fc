// Keeps a certificate as new as its files: looks at them every second, and reads them anew where they have changed,
// in whichever way (written over, renamed into place, a link that points elsewhere). What cannot be used is told, and the
// old one stays. Every process reads the files itself: the private key travels nowhere.
import { statSync, type Stats } from 'node:fs';
import { stat } from 'node:fs/promises';
import { StartupError } from '../../errors.js';
import type { Logger } from '../../log.js';
import { readCertificate, type Certificate, type CertificateFiles } from './certificate.js';
import { dateOf, expiryWarning } from './expiry.js';

export interface WatchOptions {
  readonly log: Logger;
  /** One process of a server tells of what all of them see; the others speak of it below `info` only. */
  readonly tells: boolean;
  readonly lookIntervalMs?: number;
}

/** Files are read once they have stayed the same from one look to the next: certificate and key come one after the other. */
const defaultLookIntervalMs = 1_000;

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
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    // Where the files lie on a share that hangs, one look that waits is enough.
    if (this.#isLooking) return;
    this.#isLooking = true;
    this.#tellOfExpiry();
    const states = await Promise.all(
      this.#paths.map(async (path) => stateOf(await stat(path).catch(() => undefined))),
    );
    this.#isLooking = false;
    const state = states.join(' ');
    const isSettled = state === this.#newState;
    this.#newState = state;
    if (state !== this.#readState && isSettled) this.#reload(state);
  }

  #reload(state: string): void {
    try {
      const certificate = readCertificate(this.#files);
      for (const listener of this.#listeners) listener(certificate);
      this.#current = certificate;
      this.#readState = state;
      this.#toldState = '';
      this.#tellOf(certificate, 'the files have changed; new connections are shown the certificate');
    } catch (error) {
      if (!(error instanceof StartupError)) throw error;
      // It is tried again at each look: perhaps only this process could not read it now.
      if (this.#toldState === state) return;
      this.#toldState = state;
      const { log, tells } = this.#options;
      log[tells ? 'error' : 'debug'](
        { cure: error.cure },
        `${error.message}; the certificate that is in use stays: ${error.cure}`,
      );
    }
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
