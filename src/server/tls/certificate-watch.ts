// Keeps a certificate as new as its files: looks at them every second. What cannot be used is told, and the old one stays: the
// pair of certificate and key for itself, and the authorities of clients for themselves, so that one that was taken away is
// trusted no longer, however the pair is. Every process reads the files itself; one that begins while they cannot be used begins with
// what the primary still has of them.
import { StartupError } from '../../errors.js';
import type { Logger } from '../../log.js';
import {
  certificateOf,
  readAuthoritiesLater,
  readCertificate,
  readPairLater,
  type Certificate,
  type CertificateFiles,
  type CertificateTexts,
} from './certificate.js';
import { dateOf, expiryWarning } from './expiry.js';
import { lookTimeoutMs, WatchedFiles } from './watched-files.js';

export interface WatchOptions {
  readonly log: Logger;
  /** One process of a server tells of what all of them see; the others speak of it below `info` only. */
  readonly tells: boolean;
  readonly lookIntervalMs?: number;
  /** What counts where the files cannot be used at the start: what another process of the server had of them before. */
  readonly kept?: CertificateTexts | null;
}

const defaultLookIntervalMs = 1_000;

export class CertificateWatch {
  readonly #files: CertificateFiles;
  readonly #options: WatchOptions;
  readonly #watched: readonly WatchedFiles[];
  readonly #listeners: ((certificate: Certificate) => void)[] = [];
  readonly #timer: NodeJS.Timeout;
  #current: Certificate;
  #toldExpiry: string | null = null;
  #isClosed = false;

  /** Throws StartupError. */
  constructor(files: CertificateFiles, options: WatchOptions) {
    this.#files = files;
    this.#options = options;
    const { certPath, keyPath, clientCaPath } = files;
    const pair = this.#watch([certPath, keyPath], () => readPairLater(files));
    const authorities =
      clientCaPath === null ? [] : [this.#watch([clientCaPath], () => readAuthoritiesLater(files))];
    this.#watched = [pair, ...authorities];
    this.#current = this.#read();
    this.#tellOf(this.#current, 'clients are shown the certificate');
    if (options.tells) for (const warning of this.#current.caWarnings) options.log.warn(warning);
    this.#timer = setInterval(() => {
      this.#tellOfExpiry();
      for (const files of this.#watched) void files.look();
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

  #read(): Certificate {
    const { kept = null } = this.#options;
    try {
      return readCertificate(this.#files);
    } catch (error) {
      if (!(error instanceof StartupError) || kept === null) throw error;
      this.#tellOfTrouble(error.message, error.cure);
      // Either part may have changed since the other process read it.
      for (const files of this.#watched) files.distrust();
      return certificateOf(this.#files, kept);
    }
  }

  #watch(paths: readonly string[], read: () => Promise<Partial<Certificate>>): WatchedFiles {
    return new WatchedFiles({
      paths,
      read: async () => {
        const part = await read();
        if (!this.#isClosed) this.#take({ ...this.#current, ...part });
      },
      onTrouble: ({ message, cure }) => {
        this.#tellOfTrouble(message, cure);
      },
      onHanging: () => {
        this.#tellOfHanging();
      },
    });
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
