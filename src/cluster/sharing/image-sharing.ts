// A worker's part in the sharing of images: it lends what waits, and helps others where nothing does.
import { rmdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { PearDetector } from '../../detector/pear-detector.js';
import type { Logger } from '../../log.js';
import { Helper } from './helper.js';
import { Lender } from './lender.js';
import type { SharingNews } from './share-messages.js';

export interface ImageSharingOptions {
  readonly detector: PearDetector;
  /** In a folder that only this user can open. */
  readonly socketPath: string;
  readonly maxImageBytes: number;
  /** Takes news to the primary. */
  readonly tell: (news: SharingNews) => void;
  readonly log: Logger;
}

export class ImageSharing {
  readonly #options: ImageSharingOptions;
  readonly #lender: Lender;
  readonly #helper: Helper;

  private constructor(options: ImageSharingOptions) {
    this.#options = options;
    const { detector, socketPath, maxImageBytes, tell, log } = options;
    this.#lender = new Lender({
      socketPath,
      lend: (model) => detector.lend(model),
      maxImageBytes,
      announce: (announcement) => {
        tell({ news: 'images wait', announcement });
      },
      log,
    });
    this.#helper = new Helper({
      model: () => detector.model.fingerprint,
      spare: () => detector.spare,
      judge: (source, model) => detector.help(source, model),
      maxImageBytes,
      tell,
      log,
    });
  }

  /** Resolves to null, with a warning in the log, where a socket cannot be made: the worker serves all the same. */
  static async open(options: ImageSharingOptions): Promise<ImageSharing | null> {
    const sharing = new ImageSharing(options);
    try {
      await sharing.#lender.listen();
      return sharing;
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      options.log.warn({ reason }, 'images cannot be shared with other workers');
      return null;
    }
  }

  /** From now on images come and go; the primary must know this worker. */
  start(): void {
    this.#options.detector.share({
      onWaiting: () => {
        this.#lender.wait();
      },
      onSpare: () => {
        this.#helper.spare();
      },
    });
    this.#helper.spare();
  }

  get socketPath(): string {
    return this.#options.socketPath;
  }

  /** Images judged for other workers so far. */
  get judged(): number {
    return this.#helper.judged;
  }

  /** The primary says whom to help. */
  help(workerId: string, socketPath: string): void {
    this.#helper.help(workerId, socketPath);
  }

  /** Takes no more images of others, and resolves when those that are here are answered; its own are lent as before. */
  stopHelping(): Promise<void> {
    return this.#helper.stop();
  }

  close(): void {
    this.#helper.close();
    this.#lender.close();
    try {
      // The last one to go takes the folder with it, in case the primary is gone and cannot.
      rmdirSync(dirname(this.#options.socketPath));
    } catch {
      // Others are in it, or it is gone.
    }
  }
}
