// Listens on the shared port and turns sockets into peers. What a peer does is Peer's business; who may come in,
// and how everybody leaves, is decided here.
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import type { Role } from '../config/schema.js';
import { BusyError } from '../errors.js';
import type { Logger } from '../log.js';
import { encodeReply, refusal } from '../protocol/reply.js';
import type { ConnectionManager } from './connection-manager.js';
import { listenError } from './listen-error.js';
import { plainAddress, roleOfAddress, type RoleOptions } from './gate.js';
import { Peer, type PeerLimits } from './peer.js';
import { PeerStats } from './peer-stats.js';
import { Balancers, readForwarded } from './proxied.js';
import type { ProcessorOptions } from './request-processor.js';

export interface TCPServerOptions {
  readonly host: string;
  readonly port: number;
  /** Connections that may wait in the kernel for being accepted. */
  readonly backlog: number;
  /** Peers of this worker. */
  readonly maxPeers: number;
  readonly hostId: string;
  readonly workerId: string;
  readonly roles: RoleOptions;
  /** Addresses and networks whose connections begin with a PROXY header. */
  readonly balancers: readonly string[];
  readonly limits: PeerLimits;
  readonly processor: ProcessorOptions;
  readonly connections: ConnectionManager;
  readonly log: Logger;
}

/** So long before connections are cut at a stop, what is left is answered with a code: at most a quarter of the time. */
const lastWordsMaxMs = 1_000;

/** After so long without traffic the kernel asks whether the other side is still there. */
const keepAliveDelayMs = 60_000;

export class TCPServer {
  readonly #options: TCPServerOptions;
  readonly #server: Server;
  readonly #balancers: Balancers;
  readonly #peers = new Set<Peer>();
  /** Forwarded connections whose header is still to come. */
  readonly #unknown = new Set<Socket>();
  #lastPeer = 0;
  #onEmpty: () => void = () => undefined;
  /** Counted over all peers, gone ones included. */
  #requestsOfGone = 0;
  #imagesOfGone = 0;

  constructor(options: TCPServerOptions) {
    this.#options = options;
    this.#balancers = new Balancers(options.balancers);
    this.#server = createServer(
      { allowHalfOpen: true, noDelay: true, keepAlive: true, keepAliveInitialDelay: keepAliveDelayMs },
      (socket) => {
        this.#welcome(socket);
      },
    );
  }

  /** Resolves to the address it listens on. Throws StartupError. */
  async listen(): Promise<AddressInfo> {
    const { host, port, backlog } = this.#options;
    this.#server.listen({ host, port, backlog });
    try {
      await once(this.#server, 'listening');
    } catch (cause) {
      throw listenError(cause, host, port, 'server');
    }
    this.#server.on('error', (error) => {
      this.#options.log.error({ reason: error.message }, 'accepting a connection failed');
    });
    const address = this.#server.address();
    if (address === null || typeof address === 'string') throw new Error('a TCP server without an address');
    return address;
  }

  get totals(): { readonly requests: number; readonly images: number } {
    let requests = this.#requestsOfGone;
    let images = this.#imagesOfGone;
    for (const { stats } of this.#peers) {
      requests += stats.requests;
      images += stats.images;
    }
    return { requests, images };
  }

  /**
   * Stops accepting, answers what was asked for, closes every connection; resolves when all are closed, after
   * `timeoutMs` at the latest. What is not done shortly before that is answered with code 4.
   */
  async drain(timeoutMs: number): Promise<void> {
    this.#server.close();
    for (const socket of this.#unknown) socket.destroy();
    if (this.#peers.size === 0) return;
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    const lastWordsMs = Math.min(lastWordsMaxMs, timeoutMs / 4);
    const lastWords = setTimeout(() => {
      this.#options.log.warn(
        { peers: this.#peers.size, timeoutMs },
        'not drained in time; giving up what is left',
      );
      for (const peer of this.#peers) peer.giveUp();
    }, timeoutMs - lastWordsMs);
    const cut = setTimeout(() => {
      this.#options.log.warn({ peers: this.#peers.size, timeoutMs }, 'cutting the connections that are left');
      for (const peer of this.#peers) peer.destroy('drain');
    }, timeoutMs);
    for (const peer of this.#peers) peer.drain();
    await empty;
    clearTimeout(lastWords);
    clearTimeout(cut);
  }

  #welcome(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    // Gone before it was looked at.
    if (remoteAddress === undefined || remotePort === undefined) {
      socket.destroy();
      return;
    }
    const { log, maxPeers, roles } = this.#options;
    if (this.#peers.size + this.#unknown.size >= maxPeers) {
      log.warn({ address: remoteAddress, maxPeers }, 'too many peers; turning one away');
      this.#turnAway(socket);
      return;
    }
    const address = plainAddress(remoteAddress);
    if (this.#balancers.includes(address)) void this.#welcomeForwarded(socket, address, remotePort);
    else this.#enter(this.#createPeer(socket, address, remotePort, roleOfAddress(address, roles)));
  }

  async #welcomeForwarded(socket: Socket, balancer: string, balancerPort: number): Promise<void> {
    this.#unknown.add(socket);
    // Until it is a peer nobody else listens for what may happen to it.
    socket.on('error', () => undefined);
    const forwarded = await readForwarded(socket);
    this.#unknown.delete(socket);
    if (socket.destroyed) return;
    if (forwarded === null) {
      this.#options.log.warn(
        { address: balancer },
        'a balancer sent no PROXY header; closing the connection',
      );
      socket.destroy();
      return;
    }
    const { address, port } = forwarded.source ?? { address: balancer, port: balancerPort };
    // Behind a balancer nobody is a program of this machine, whatever the header says.
    const peer = this.#createPeer(socket, plainAddress(address), port, this.#options.roles.defaultRole);
    this.#enter(peer);
    peer.receive(forwarded.rest);
  }

  #enter(peer: Peer): void {
    this.#peers.add(peer);
    this.#options.connections.opened(peer.stats);
  }

  #createPeer(socket: Socket, address: string, port: number, role: Role): Peer {
    const { hostId, workerId, limits, processor, connections } = this.#options;
    const origin = {
      // The part behind the host's name is the worker's slot and boot, so no two peers ever share an id.
      id: `${hostId}/${workerId.slice(hostId.length + 1).replace(':', '.')}.${++this.#lastPeer}`,
      host: hostId,
      worker: workerId,
      address,
      port,
    };
    const log = this.#options.log.child({ peer: origin.id });
    log.info({ address, port }, 'connected');
    return new Peer(socket, new PeerStats(origin, role), {
      limits,
      processor,
      log,
      onChange: (peer) => {
        connections.changed(peer.stats);
      },
      onClose: (peer, reason) => {
        const { requests, images, errors } = peer.stats;
        log.info({ reason, requests, images, errors }, 'disconnected');
        this.#requestsOfGone += requests;
        this.#imagesOfGone += images;
        this.#peers.delete(peer);
        connections.closed(peer.stats, reason);
        if (this.#peers.size === 0) this.#onEmpty();
      },
    });
  }

  /** One answer, so that the client knows why, and the end. */
  #turnAway(socket: Socket): void {
    const { code, message } = new BusyError('too many connections; try again later');
    socket.on('error', () => socket.destroy());
    socket.end(encodeReply(refusal(code, message, null), this.#options.processor.replyTerminator));
    socket.resume();
    setTimeout(() => socket.destroy(), 1_000).unref();
  }
}
