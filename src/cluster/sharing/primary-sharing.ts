// The primary's part in the sharing of images: the folder for the workers' sockets, and who helps whom.
import type { Logger } from '../../log.js';
import { Matchmaker, type SendHelper } from './matchmaker.js';
import { makeShareFolder, removeShareFolder, removeSocket } from './share-folder.js';
import type { SharingNews } from './share-messages.js';

/** What a worker says of itself when it serves. */
export interface ServingWorker {
  /** What decides its verdicts (Model). */
  readonly fingerprint: string;
  readonly socketPath: string | null;
}

export class PrimarySharing {
  /** For the workers' sockets; null: nothing is shared. */
  readonly folder: string | null;
  readonly #matchmaker: Matchmaker;
  readonly #sockets = new Map<string, string>();
  /** What workers have told that are not added yet: they speak as soon as they could serve. */
  readonly #early = new Map<string, SharingNews[]>();

  /** `wanted`: false where the configuration forbids it, or there is one worker only. */
  constructor(wanted: boolean, send: SendHelper, log: Logger) {
    this.folder = wanted ? tryFolder(log) : null;
    this.#matchmaker = new Matchmaker(send);
  }

  add(workerId: string, { fingerprint, socketPath }: ServingWorker): void {
    if (socketPath === null) return;
    this.#sockets.set(workerId, socketPath);
    this.#matchmaker.add(workerId, { model: fingerprint, socketPath });
    for (const news of this.#early.get(workerId) ?? []) this.#matchmaker.tell(workerId, news);
    this.#early.delete(workerId);
  }

  remove(workerId: string): void {
    this.#matchmaker.remove(workerId);
    this.#early.delete(workerId);
    const socketPath = this.#sockets.get(workerId);
    this.#sockets.delete(workerId);
    if (socketPath !== undefined) removeSocket(socketPath);
  }

  /** Its model is another one from now on. */
  changeModel(workerId: string, fingerprint: string): void {
    this.#matchmaker.changeModel(workerId, fingerprint);
  }

  tell(workerId: string, news: SharingNews): void {
    if (this.#sockets.has(workerId)) this.#matchmaker.tell(workerId, news);
    else this.#early.set(workerId, [...(this.#early.get(workerId) ?? []), news]);
  }

  close(): void {
    if (this.folder !== null) removeShareFolder(this.folder);
  }
}

function tryFolder(log: Logger): string | null {
  try {
    return makeShareFolder();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.warn(
      { reason },
      'workers share no images, so one connection uses one core only; let TMPDIR name a folder that can be written ' +
        'and has a short path, or set cluster.share_images to false',
    );
    return null;
  }
}
