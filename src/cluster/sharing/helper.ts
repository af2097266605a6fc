// Judges images of other workers while this one has nothing to do. The primary says whose; the images come over a
// connection to that worker, one for each that is asked for, so that never more come than there is room for.
import type { ThreadAnswer } from '../../detector/inference/thread-answer.js';
import type { ImageSource } from '../../detector/inference/thread-messages.js';
import { giveMemoryBack } from '../../image-memory.js';
import type { Logger } from '../../log.js';
import { connectWithSharedReads } from '../../socket-reads.js';
import { ShareChannel } from './share-channel.js';
import { toHelperSchema, type SharingNews, type ToHelper, type ToLender } from './share-messages.js';

export interface HelperOptions {
  /** Fingerprint of the model that serves in this worker. */
  readonly model: () => string;
  /** How many images there is room for; none while own ones wait. */
  readonly spare: () => number;
  /** Judges by the model of the fingerprint; null where that serves no more. */
  readonly judge: (source: ImageSource, model: string) => Promise<ThreadAnswer | null>;
  readonly maxImageBytes: number;
  readonly tell: (news: SharingNews) => void;
  readonly log: Logger;
}

/** After so many images of one worker the primary is asked anew, since another may wait for help in vain. */
const imagesPerHelp = 64;

/** The second image, which is only decoded while the first one runs, is left so long to workers that could run it. */
const secondPullDelayMs = 1;

/** A worker answers within a millisecond unless its event loop is held; one that hangs must not keep its helper. */
const pullTimeoutMs = 2_000;

/** A worker that could not be reached is about to be taken off the primary's list. */
const retryDelayMs = 100;

/** Another worker that is helped. */
interface Lender {
  readonly id: string;
  readonly channel: ShareChannel<ToHelper, ToLender>;
}

type Dry = Extract<SharingNews, { news: 'helps nobody' }>['dry'];

export class Helper {
  readonly #options: HelperOptions;
  /** Connections stay, so that helping again costs no more than a message. */
  readonly #lenders = new Map<string, Lender>();
  /** Who is helped now. */
  #current: Lender | null = null;
  /** An image that is asked for and has not come: the model that is to judge it, and its time. */
  #pulling: { readonly model: string; readonly timer: NodeJS.Timeout } | null = null;
  /** Images under judgement. */
  readonly #judging = new Set<Promise<void>>();
  /** Images that came since the primary said whom to help. */
  #images = 0;
  /** Whether the primary knows that this worker could help. */
  #offered = false;
  #timer: NodeJS.Timeout | null = null;
  #stopped = false;
  #judged = 0;

  constructor(options: HelperOptions) {
    this.#options = options;
  }

  /** Images judged for other workers so far. */
  get judged(): number {
    return this.#judged;
  }

  /** There is room for images of others. */
  spare(): void {
    if (this.#current !== null) this.#pull(this.#current);
    else if (!this.#offered) this.#tellFree(null);
  }

  /** The primary says whom to help. */
  help(workerId: string, socketPath: string): void {
    this.#offered = false;
    if (this.#stopped || this.#current !== null) return;
    if (this.#options.spare() === 0) {
      this.#options.tell({ news: 'helps nobody', free: false, dry: null });
      return;
    }
    this.#images = 0;
    this.#current = this.#lenders.get(workerId) ?? this.#connect(workerId, socketPath);
    this.#pull(this.#current);
  }

  /** Takes no more images; resolves when those that are here are answered. */
  async stop(): Promise<void> {
    this.#stopped = true;
    if (this.#timer !== null) clearTimeout(this.#timer);
    await Promise.all(this.#judging);
  }

  close(): void {
    void this.stop();
    this.#pulled();
    for (const { channel } of this.#lenders.values()) channel.close();
  }

  #connect(id: string, socketPath: string): Lender {
    const channel = new ShareChannel<ToHelper, ToLender>({
      socket: connectWithSharedReads({ path: socketPath }),
      schema: toHelperSchema,
      maxImageBytes: this.#options.maxImageBytes,
      onMessage: (message, bytes) => {
        this.#receive(lender, message, bytes);
      },
      onClose: (error) => {
        this.#lost(lender, error);
      },
    });
    const lender = { id, channel };
    this.#lenders.set(id, lender);
    return lender;
  }

  #pull(lender: Lender): void {
    if (this.#pulling !== null || this.#stopped || this.#options.spare() === 0) return;
    if (this.#images >= imagesPerHelp) {
      this.#current = null;
      this.#tellFree(null);
      return;
    }
    const timer = setTimeout(() => {
      this.#options.log.warn(
        { timeoutMs: pullTimeoutMs },
        'another worker does not answer; helping it no more',
      );
      lender.channel.close();
    }, pullTimeoutMs);
    const model = this.#options.model();
    this.#pulling = { model, timer };
    lender.channel.send({ type: 'pull', model });
  }

  #receive(lender: Lender, message: ToHelper, bytes: Uint8Array): void {
    const model = this.#pulling?.model ?? '';
    if (message.type !== 'ping') this.#pulled();
    switch (message.type) {
      case 'ping':
        lender.channel.send({ type: 'pong' });
        return;
      case 'image':
        this.#images += 1;
        this.#track(this.#judge(lender, message, bytes, model));
        this.#pullLater();
        return;
      case 'none': {
        this.#current = null;
        const dry = { workerId: lender.id, announcement: message.announcement };
        if (this.#options.spare() > 0) this.#tellFree(dry);
        else this.#options.tell({ news: 'helps nobody', free: false, dry });
        return;
      }
      default:
        message satisfies never;
    }
  }

  async #judge(
    lender: Lender,
    { id, file }: Extract<ToHelper, { type: 'image' }>,
    bytes: Uint8Array,
    model: string,
  ): Promise<void> {
    const source: ImageSource = file === null ? { type: 'bytes', bytes } : { type: 'file', ...file };
    const answer = await this.#options.judge(source, model);
    if (answer !== null) this.#judged += 1;
    else giveMemoryBack(bytes);
    // One that is gone needs no answer.
    if (this.#lenders.get(lender.id) !== lender) return;
    // The model may have been changed while the image was on its way.
    lender.channel.send(answer === null ? { type: 'back', id } : { type: 'answer', id, answer });
  }

  #pulled(): void {
    if (this.#pulling !== null) clearTimeout(this.#pulling.timer);
    this.#pulling = null;
  }

  #track(judging: Promise<void>): void {
    this.#judging.add(judging);
    void judging.finally(() => this.#judging.delete(judging));
  }

  #pullLater(): void {
    this.#later(secondPullDelayMs, () => {
      if (this.#current !== null) this.#pull(this.#current);
    });
  }

  #lost(lender: Lender, error: Error | null): void {
    this.#lenders.delete(lender.id);
    if (error !== null) this.#options.log.debug({ reason: error.message }, 'another worker is out of reach');
    if (this.#current !== lender) return;
    this.#current = null;
    this.#pulled();
    this.#later(retryDelayMs, () => {
      if (this.#options.spare() > 0) this.spare();
    });
  }

  #tellFree(dry: Dry): void {
    if (this.#stopped) return;
    this.#offered = true;
    this.#options.tell({ news: 'helps nobody', free: true, dry });
  }

  #later(delayMs: number, then: () => void): void {
    if (this.#timer !== null) clearTimeout(this.#timer);
    this.#timer = this.#stopped ? null : setTimeout(then, delayMs);
  }
}
