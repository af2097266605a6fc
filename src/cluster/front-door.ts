// The shared port. The primary accepts connections and hands each to a worker, which has it only when it says so: what a
// worker has not taken when it dies goes to another one, so that nobody who has connected waits in vain. (node:cluster's
// own round robin loses what is on its way to a dying worker: the client is never answered and never closed.)
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Logger } from '../log.js';
import { plainAddress } from '../server/gate.js';
import { listenError } from '../server/listen-error.js';
import { TurnAway, type Refusal } from '../server/entrance/turn-away.js';

export interface FrontDoorOptions {
  readonly host: string;
  readonly port: number;
  /** Connections that may wait in the kernel for being accepted. */
  readonly backlog: number;
  /** Connections that may wait here for a worker. */
  readonly maxWaiting: number;
  readonly replyTerminator: string;
  readonly log: Logger;
}

/** Gives a connection to a worker, under a number by which the worker says that it has it. */
export type Hand = (connection: number, socket: Socket) => void;

interface DoorWorker {
  readonly hand: Hand;
  /** On their way to it, in the order in which they came. */
  readonly onTheWay: Map<number, Socket>;
}

/** After so long without traffic the kernel asks whether the other side is still there. */
const keepAliveDelayMs = 60_000;

/** A worker that dies is replaced within seconds; who has waited so long is told that there is none. */
const waitMs = 10_000;

export class FrontDoor {
  readonly #options: FrontDoorOptions;
  readonly #server: Server;
  readonly #turnAway: TurnAway;
  /** Those that serve, the one whose turn comes last at the end. */
  readonly #workers = new Map<string, DoorWorker>();
  /** Connections for which there is no worker, each with the end of its patience. */
  readonly #waiting = new Map<Socket, NodeJS.Timeout>();
  #lastConnection = 0;
  #closed = false;

  constructor(options: FrontDoorOptions) {
    this.#options = options;
    this.#turnAway = new TurnAway(options.log, options.replyTerminator);
    this.#server = createServer(
      {
        allowHalfOpen: true,
        noDelay: true,
        keepAlive: true,
        keepAliveInitialDelay: keepAliveDelayMs,
        // All that a connection sends stays in the kernel: it is the worker that reads.
        pauseOnConnect: true,
      },
      (socket) => {
        socket.on('error', () => socket.destroy());
        this.#welcome(socket);
      },
    );
  }

  /** Resolves to the address it listens on. Throws StartupError. */
  async listen(): Promise<AddressInfo> {
    const { host, port, backlog, log } = this.#options;
    this.#server.listen({ host, port, backlog });
    try {
      await once(this.#server, 'listening');
    } catch (cause) {
      throw listenError(cause, host, port, 'server');
    }
    // Told to close meanwhile.
    if (this.#closed) this.#server.close();
    this.#server.on('error', (error) => {
      log.error({ reason: error.message }, 'accepting a connection failed');
    });
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('a TCP server without an address');
    return address;
  }

  /** Connections for which there is no worker. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** From now on the worker is given connections. */
  add(workerId: string, hand: Hand): void {
    if (this.#workers.has(workerId)) return;
    this.#workers.set(workerId, { hand, onTheWay: new Map() });
    this.#welcomeWaiting();
  }

  /** The worker has a connection: it lives and dies with that worker from now on. */
  taken(workerId: string, connection: number): void {
    const onTheWay = this.#workers.get(workerId)?.onTheWay;
    onTheWay?.get(connection)?.destroy();
    onTheWay?.delete(connection);
  }

  /** The worker has ended, and all that it has ever said is known. What it has not taken goes to others. */
  remove(workerId: string): void {
    const worker = this.#workers.get(workerId);
    this.#workers.delete(workerId);
    for (const socket of worker?.onTheWay.values() ?? []) this.#welcome(socket);
  }

  /** Accepts no more connections. Those that no worker has are turned away. */
  close(): void {
    this.#closed = true;
    this.#server.close();
    this.#welcomeWaiting();
  }

  #welcomeWaiting(): void {
    const waiting = [...this.#waiting];
    this.#waiting.clear();
    for (const [socket, timer] of waiting) {
      clearTimeout(timer);
      this.#welcome(socket);
    }
  }

  #welcome(socket: Socket): void {
    // Gone before anybody looked at it.
    if (socket.destroyed || socket.remoteAddress === undefined) {
      socket.destroy();
      return;
    }
    const next = this.#next();
    if (next !== null) this.#hand(socket, ...next);
    else if (this.#closed) this.#refuse(socket, 'closing');
    else if (this.#waiting.size < this.#options.maxWaiting) this.#wait(socket);
    else this.#refuse(socket, 'full');
  }

  #wait(socket: Socket): void {
    const timer = setTimeout(() => {
      this.#waiting.delete(socket);
      this.#refuse(socket, 'no worker');
    }, waitMs);
    this.#waiting.set(socket, timer);
  }

  #refuse(socket: Socket, why: Refusal): void {
    this.#turnAway.turnAway(socket, plainAddress(socket.remoteAddress ?? ''), why);
  }

  /** Of the workers with the fewest on their way, the one that has waited longest; null where none serves. */
  #next(): readonly [workerId: string, worker: DoorWorker] | null {
    let next: readonly [string, DoorWorker] | null = null;
    for (const entry of this.#workers) {
      if (next === null || entry[1].onTheWay.size < next[1].onTheWay.size) next = entry;
    }
    return next;
  }

  #hand(socket: Socket, workerId: string, worker: DoorWorker): void {
    // Its next turn comes after those of all others.
    this.#workers.delete(workerId);
    this.#workers.set(workerId, worker);
    const connection = ++this.#lastConnection;
    worker.onTheWay.set(connection, socket);
    worker.hand(connection, socket);
  }
}
