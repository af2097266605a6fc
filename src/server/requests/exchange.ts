// One request and the reply that it is owed. Exchanges of a peer stand in the order of its requests; each knows
// whether it waits, runs or is answered, and what has to happen when it is stopped.
import { DeadlineError, type WireError } from '../../errors.js';
import type { Attachment, Command, CommandContext, PreparedCommand } from '../../handlers/command.js';
import type { ResponseItem } from '../../protocol/reply.js';
import type { RequestId } from '../../protocol/request.js';

/** An image that comes behind its request. */
class PendingAttachment implements Attachment {
  readonly bytes: Promise<Uint8Array>;
  readonly #onRelease: (size: number) => void;
  #resolve: (bytes: Uint8Array) => void = () => undefined;
  #heldBytes = 0;

  constructor(onRelease: (size: number) => void) {
    this.#onRelease = onRelease;
    this.bytes = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  arrive(bytes: Uint8Array): void {
    this.#heldBytes = bytes.length;
    this.#resolve(bytes);
  }

  release(): void {
    this.#onRelease(this.#heldBytes);
    this.#heldBytes = 0;
  }
}

export interface ExchangeOptions {
  readonly requestId: RequestId | null;
  readonly detail: boolean;
  readonly command: Command;
  /** Images that it asks for. */
  readonly images: number;
  /** Gives what is to be run when its turn comes. Throws WireError where it may not be run after all. */
  readonly open: () => PreparedCommand;
  readonly attachmentCount: number;
  /** Size of the message, for what the peer may send ahead. */
  readonly messageBytes: number;
  readonly onRelease: (bytes: number) => void;
}

export class Exchange {
  readonly requestId: RequestId | null;
  readonly command: Command;
  readonly images: number;
  readonly messageBytes: number;
  readonly receivedAt = performance.now();
  readonly #detail: boolean;
  readonly #open: () => PreparedCommand;
  readonly #attachments: readonly PendingAttachment[];
  readonly #cancelled = new AbortController();
  /** Apart from the other one, since an image that is being judged when its request is cancelled still has its deadline. */
  readonly #late = new AbortController();
  #arrived = 0;
  #deadline: NodeJS.Timeout | null = null;
  #started = false;
  #ended = false;
  /** Why the request as a whole is refused after it was taken; null while it stands. */
  failure: WireError | null = null;

  constructor(options: ExchangeOptions) {
    this.requestId = options.requestId;
    this.#detail = options.detail;
    this.command = options.command;
    this.images = options.images;
    this.messageBytes = options.messageBytes;
    this.#open = options.open;
    this.#attachments = Array.from(
      { length: options.attachmentCount },
      () => new PendingAttachment(options.onRelease),
    );
  }

  get stopped(): boolean {
    return this.#cancelled.signal.aborted || this.#late.signal.aborted;
  }

  get started(): boolean {
    return this.#started;
  }

  /** Takes the next attached image; false where nobody wants it any more. */
  attach(bytes: Uint8Array): boolean {
    const attachment = this.#attachments[this.#arrived++];
    if (attachment === undefined || this.stopped || this.#ended) return false;
    attachment.arrive(bytes);
    return true;
  }

  /** Whether everything that belongs to it has come. */
  get complete(): boolean {
    return this.#arrived >= this.#attachments.length;
  }

  /** Starts the time within which every image is answered. One that waits then is answered at its turn, unjudged. */
  startDeadline(timeoutMs: number): void {
    if (this.#ended) return;
    this.#deadline = setTimeout(() => {
      this.stop(new DeadlineError('not done in time'));
    }, timeoutMs);
  }

  /** Throws WireError. */
  async run(
    context: Omit<CommandContext, 'detail' | 'signals' | 'attachments'>,
  ): Promise<readonly ResponseItem[]> {
    this.#started = true;
    return this.#open().run({
      ...context,
      detail: this.#detail,
      signals: [this.#cancelled.signal, this.#late.signal],
      attachments: this.#attachments,
    });
  }

  stop(reason: WireError): void {
    (reason instanceof DeadlineError ? this.#late : this.#cancelled).abort(reason);
  }

  /** Gives the request up because the rest of it will not come. */
  fail(error: WireError): void {
    this.failure = error;
    this.stop(error);
  }

  /** To be called once when it is answered or given up. */
  end(): void {
    this.#ended = true;
    if (this.#deadline !== null) clearTimeout(this.#deadline);
    for (const attachment of this.#attachments) attachment.release();
  }
}
