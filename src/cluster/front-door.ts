// The shared port. The primary accepts connections and hands each to a worker, which has it only when it says so: what a
// worker has not taken when it dies goes to another one, so that nobody who has connected waits in vain. (node:cluster's
// own round robin loses what is on its way to a dying worker: the client is never answered and never closed.)
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import type { Logger } from '../log.js';
import { plainAddress } from '../server/gate.js';
import { listenError } from '../server/listen-error.js';
import { TurnAway, type Refusal } from '../server/entrance/turn-away.js';
import { networkOf } from './address-network.js';
import { DoorQueue } from './door-queue.js';

export interface FrontDoorOptions {
  readonly host: string;
  readonly port: number;
  /** Connections that may wait in the kernel for being accepted. */
  readonly backlog: number;
  /** Connections that may wait here for a worker. */
  readonly maxWaiting: number;
  readonly replyTerminator: string;
  /** The port speaks TLS; unless given it does not. */
  readonly isTls?: boolean;
  readonly log: Logger;
}

/** How the door reaches a worker. */
export interface DoorWorker {
  /**
   * Sends it a connection, or null where only its answer is wanted, under a number by which the worker says that it has
   * come. What is sent comes in order, or never.
   */
  readonly hand: (connection: number, socket: Socket | null) => void;
  /** Ends it: it does not even say what has come. */
  readonly kill: () => void;
}

interface Post {
  readonly worker: DoorWorker;
  /** On their way to it, in the order in which they were sent. */
  readonly onTheWay: Map<number, Socket | null>;
  /** What the last look found to be the oldest on its way, and how often in a row. */
  oldest: number;
  looks: number;
  /** Looks in a row at which it had said nothing at all. */
  silentLooks: number;
  isHeard: boolean;
}

/** After so long without traffic the kernel asks whether the other side is still there. */
const keepAliveDelayMs = 60_000;

/** On their way to one worker; more would stand before the other messages for it. */
const onTheWayMax = 32;

/** Posts and those who wait are looked at so often, while there are any. */
const lookIntervalMs = 1_000;
/**
 * A worker that dies is replaced within seconds: where none has taken a connection at so many looks, who has waited as
 * long is told that there is none. In a rush everybody has his turn, however long that takes.
 */
const patienceLooks = 10;
/**
 * A worker that has not taken the same connection at so many looks, and has said nothing else either, holds its event loop
 * for good. One that says anything is busy: others are given what it would have been given.
 */
const looksMax = 10;

export class FrontDoor {
  readonly #options: FrontDoorOptions;
  readonly #server: Server;
  readonly #turnAway: TurnAway;
  /** Of the workers that serve, the one whose turn comes last at the end. */
  readonly #posts = new Map<string, Post>();
  /** Connections that no worker can be given now. */
  readonly #waiting: DoorQueue;
  #looks = 0;
  /** The last look before which a worker had taken a connection. */
  #lookWithTaken = 0;
  #hasTaken = false;
  #lastConnection = 0;
  #closed = false;
  #look: NodeJS.Timeout | null = null;

  constructor(options: FrontDoorOptions) {
    this.#options = options;
    this.#waiting = new DoorQueue(options.maxWaiting);
    this.#turnAway = new TurnAway(options.log, options.replyTerminator, options.isTls);
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

  /** Connections that no worker can be given now. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** From now on the worker is given connections. */
  add(workerId: string, worker: DoorWorker): void {
    if (this.#posts.has(workerId)) return;
    this.#posts.set(workerId, {
      worker,
      onTheWay: new Map(),
      oldest: 0,
      looks: 0,
      silentLooks: 0,
      isHeard: false,
    });
    this.#welcomeWaiting();
  }

  /** The worker has said something: it is there, however busy. */
  heard(workerId: string): void {
    const post = this.#posts.get(workerId);
    if (post !== undefined) post.isHeard = true;
  }

  /** What was sent under this number has come: the connection lives and dies with that worker from now on. */
  taken(workerId: string, connection: number): void {
    const onTheWay = this.#posts.get(workerId)?.onTheWay;
    if (onTheWay === undefined) return;
    for (const [number, socket] of onTheWay) {
      if (number > connection) break;
      onTheWay.delete(number);
      if (socket === null) continue;
      if (number === connection) {
        this.#hasTaken = true;
        socket.destroy();
      }
      // What was sent before it and has not come never will: the worker had no file descriptor left for it.
      else this.#refuse(socket, 'full');
    }
    this.#welcomeWaiting();
  }

  /** The worker has ended, and all that it has ever said is known. What it has not taken goes to others. */
  remove(workerId: string): void {
    const post = this.#posts.get(workerId);
    this.#posts.delete(workerId);
    for (const socket of post?.onTheWay.values() ?? []) if (socket !== null) this.#welcome(socket);
  }

  /**
   * Accepts no more connections once those that have come to this machine are with the workers, and resolves then. Those
   * that no worker has are turned away.
   */
  async close(): Promise<void> {
    for (let turn = 0; turn < turnsToAccept; turn++) await new Promise((resolve) => setImmediate(resolve));
    this.#closed = true;
    this.#server.close();
    this.#welcomeWaiting();
  }

  #welcomeWaiting(): void {
    while (this.#closed || this.#next() !== null) {
      const socket = this.#waiting.take();
      if (socket === undefined) return;
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
    else this.#wait(socket, socket.remoteAddress);
  }

  #wait(socket: Socket, address: string): void {
    const network = networkOf(plainAddress(address));
    const tooMany = this.#waiting.add(socket, network, this.#looks);
    if (tooMany !== null) this.#refuse(tooMany, 'full');
    this.#keepLooking();
  }

  #refuse(socket: Socket, why: Refusal): void {
    this.#turnAway.turnAway(socket, plainAddress(socket.remoteAddress ?? ''), why);
  }

  /**
   * Of the workers with the fewest on their way, the one that has waited longest; null where none can be given one. One
   * that was late at the last look has its turn only where all were.
   */
  #next(): readonly [workerId: string, post: Post] | null {
    let next: readonly [string, Post] | null = null;
    const load = ({ onTheWay, looks }: Post) => onTheWay.size + (looks > 1 ? onTheWayMax : 0);
    for (const entry of this.#posts) {
      if (entry[1].onTheWay.size >= onTheWayMax) continue;
      if (next === null || load(entry[1]) < load(next[1])) next = entry;
    }
    return next;
  }

  #hand(socket: Socket, workerId: string, post: Post): void {
    // Its next turn comes after those of all others.
    this.#posts.delete(workerId);
    this.#posts.set(workerId, post);
    this.#send(post, socket);
    this.#keepLooking();
  }

  #keepLooking(): void {
    this.#look ??= setInterval(() => {
      this.#looks += 1;
      this.#lookAtWaiting();
      const isOnTheWay = this.#lookAtPosts();
      if (isOnTheWay || this.#waiting.size > 0 || this.#look === null) return;
      clearInterval(this.#look);
      this.#look = null;
    }, lookIntervalMs).unref();
  }

  #send(post: Post, socket: Socket | null): void {
    const connection = ++this.#lastConnection;
    post.onTheWay.set(connection, socket);
    post.worker.hand(connection, socket);
  }

  /** Turns those away who wait in vain. */
  #lookAtWaiting(): void {
    if (this.#hasTaken) this.#lookWithTaken = this.#looks;
    this.#hasTaken = false;
    if (this.#looks - this.#lookWithTaken < patienceLooks) return;
    for (const socket of this.#waiting.takeFrom(this.#looks - patienceLooks)) {
      this.#refuse(socket, 'no worker');
    }
  }

  /** Finds out what was lost, and which worker takes nothing any more; whether anything is on its way. */
  #lookAtPosts(): boolean {
    let isOnTheWay = false;
    for (const post of this.#posts.values()) {
      const [oldest = 0] = post.onTheWay.keys();
      post.silentLooks = post.isHeard || oldest === 0 ? 0 : post.silentLooks + 1;
      post.isHeard = false;
      if (oldest === 0) {
        post.looks = 0;
        continue;
      }
      isOnTheWay = true;
      post.looks = oldest === post.oldest ? post.looks + 1 : 1;
      post.oldest = oldest;
      // Its answer tells that everything sent before has come or never will.
      if (post.looks === 2) this.#send(post, null);
      if (post.looks >= looksMax && post.silentLooks >= looksMax) {
        this.#options.log.error('a worker takes no connections any more; ending it');
        post.silentLooks = 0;
        post.worker.kill();
      }
    }
    return isOnTheWay;
  }
}

/** Turns of the event loop in which those are accepted that have already come. */
const turnsToAccept = 2;
