// Clients that come, ask, rest and go, at random, whatever happens to the servers.
import { connect, type Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { Random } from '../fuzz/random.js';
import { askFolder, request } from '../support/replies.js';

export interface CrowdOptions {
  /** At most so many clients at a time. */
  readonly clients: number;
  /** Where servers listen at the moment. */
  readonly ports: () => readonly number[];
  readonly random: Random;
}

const stepMs = 5;

export class Crowd {
  readonly #options: CrowdOptions;
  readonly #sockets = new Set<Socket>();
  #isMoving = true;
  #moving: Promise<void> = Promise.resolve();

  constructor(options: CrowdOptions) {
    this.#options = options;
  }

  get size(): number {
    return this.#sockets.size;
  }

  /** From now on clients come and go, until `rest`. */
  move(): void {
    this.#isMoving = true;
    this.#moving = this.#move();
  }

  /** Resolves when nobody comes or goes any more; those who are there stay. */
  async rest(): Promise<void> {
    this.#isMoving = false;
    await this.#moving;
  }

  async close(): Promise<void> {
    await this.rest();
    for (const socket of this.#sockets) socket.destroy();
  }

  async #move(): Promise<void> {
    const { clients, random } = this.#options;
    while (this.#isMoving) {
      if (this.#sockets.size < clients && random.chance(0.4)) this.#come();
      else if (random.chance(0.7)) this.#ask();
      else this.#go(random.chance(0.5));
      await wait(stepMs);
    }
  }

  #come(): void {
    const { ports, random } = this.#options;
    const open = ports();
    if (open.length === 0) return;
    const localAddress = `127.0.0.${random.between(1, 200)}`;
    const socket = connect({ port: random.pick(open), host: '127.0.0.1', localAddress });
    this.#sockets.add(socket);
    // Servers die at any moment; that is what this is for.
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#sockets.delete(socket));
    socket.resume();
  }

  #ask(): void {
    this.#any()?.write(this.#options.random.chance(0.3) ? request(1, ['normal-01.jpg']) : askFolder);
  }

  #go(isReset: boolean): void {
    const socket = this.#any();
    if (socket === undefined) return;
    if (isReset) socket.resetAndDestroy();
    else socket.end();
  }

  #any(): Socket | undefined {
    return this.#sockets.size === 0 ? undefined : this.#options.random.pick([...this.#sockets]);
  }
}
