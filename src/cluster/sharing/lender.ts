// Hands out the images that wait in this worker to workers that ask for them, and takes their verdicts. What a worker
// had when its connection ended, or when it was heard of no more, is judged here.
import { createServer, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import type { Loan } from '../../detector/pear-detector.js';
import type { Logger } from '../../log.js';
import { giveMemoryBack } from '../../image-memory.js';
import { Pulse } from './pulse.js';
import { ShareChannel } from './share-channel.js';
import { toLenderSchema, type ToHelper, type ToLender } from './share-messages.js';

export interface LenderOptions {
  readonly socketPath: string;
  /** The image whose turn it is, if the model of this fingerprint is to judge it. */
  readonly lend: (model: string) => Loan | null;
  readonly maxImageBytes: number;
  /** Says that images wait here. */
  readonly announce: (announcement: number) => void;
  readonly log: Logger;
}

export class Lender {
  readonly #options: LenderOptions;
  readonly #server: Server;
  readonly #channels = new Set<ShareChannel<ToLender, ToHelper>>();
  #announcement = 0;
  /** Whether somebody has been told of the images that wait, and nobody has found that there are none left. */
  #announced = false;
  #lastId = 0;

  constructor(options: LenderOptions) {
    this.#options = options;
    this.#server = createServer((socket) => {
      this.#serve(socket);
    });
  }

  /** Rejects where a socket cannot be made at that path. */
  async listen(): Promise<void> {
    this.#server.listen(this.#options.socketPath);
    await once(this.#server, 'listening');
    this.#server.on('error', (error) => {
      this.#options.log.error({ reason: error.message }, 'accepting another worker failed');
    });
  }

  /** Images wait. */
  wait(): void {
    if (this.#announced) return;
    this.#announced = true;
    this.#options.announce(++this.#announcement);
  }

  /** Hands out nothing more; what is lent comes back. */
  close(): void {
    this.#server.close();
    for (const channel of this.#channels) channel.close();
  }

  #serve(socket: Socket): void {
    const loans = new Map<number, Loan>();
    const pulse = new Pulse({
      ask: () => {
        channel.send({ type: 'ping' });
      },
      onSilence: () => {
        // It may be stopped and go on later: nobody listens to it then.
        channel.close();
      },
    });
    const channel = new ShareChannel<ToLender, ToHelper>({
      socket,
      schema: toLenderSchema,
      maxImageBytes: this.#options.maxImageBytes,
      onMessage: (message) => {
        pulse.heard();
        switch (message.type) {
          case 'pull':
            this.#lend(channel, loans, message.model);
            if (loans.size > 0) pulse.watch();
            return;
          case 'answer':
          case 'back': {
            const loan = loans.get(message.id);
            loans.delete(message.id);
            if (loans.size === 0) pulse.rest();
            if (message.type === 'back') loan?.giveBack();
            else loan?.settle(message.answer);
            return;
          }
          case 'pong':
            return;
          default:
            message satisfies never;
        }
      },
      onClose: (error) => {
        this.#channels.delete(channel);
        pulse.rest();
        if (loans.size > 0 || error !== null) {
          const fields = { images: loans.size, reason: error?.message ?? null };
          this.#options.log.warn(fields, 'a worker that helped is gone; its images are judged here');
        }
        for (const loan of loans.values()) loan.giveBack();
      },
    });
    this.#channels.add(channel);
  }

  #lend(channel: ShareChannel<ToLender, ToHelper>, loans: Map<number, Loan>, model: string): void {
    const loan = this.#options.lend(model);
    if (loan === null) {
      this.#announced = false;
      channel.send({ type: 'none', announcement: this.#announcement });
      return;
    }
    const id = ++this.#lastId;
    const { source } = loan;
    if (source.type === 'file') {
      loans.set(id, loan);
      channel.send({ type: 'image', id, file: { folder: source.folder, name: source.name } });
      return;
    }
    // Its memory is free when the bytes have left and the verdict has come, whichever is later.
    let waitsFor = 2;
    const ends = () => {
      waitsFor -= 1;
      if (waitsFor === 0) giveMemoryBack(source.bytes);
    };
    loans.set(id, {
      ...loan,
      settle: (answer) => {
        loan.settle(answer);
        ends();
      },
    });
    channel.send({ type: 'image', id, file: null }, source.bytes, ends);
  }
}
