// Listens on the shared port and turns sockets into peers. What a peer does is Peer's business; who may come in,
// and how everybody leaves, is decided here.
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { once } from 'node:events';
import { BusyError } from '../errors.js';
import type { Logger } from '../log.js';
import { encodeReply, refusal } from '../protocol/reply.js';
import type { ConnectionManager } from './connection-manager.js';
import { listenError } from './listen-error.js';
import { plainAddress, roleOfAddress, type RoleOptions } from './gate.js';
import { Peer, type PeerLimits } from './peer.js';
import { PeerStats } from './peer-stats.js';
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
  readonly limits: PeerLimits;
  readonly processor: ProcessorOptions;
  readonly connections: ConnectionManager;
  readonly log: Logger;
}

/** After so long without traffic the kernel asks whether the other side is still there. */
const keepAliveDelayMs = 60_000;

export class TCPServer {
  readonly #options: TCPServerOptions;
  readonly #server: Server;
  readonly #peers = new Set<Peer>();
  #lastPeer = 0;
  #onEmpty: () => void = () => undefined;
  /** Counted over all peers, gone ones included. */
  #requestsOfGone = 0;
  #imagesOfGone = 0;

  constructor(options: TCPServerOptions) {
    this.#options = options;
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
   * Stops accepting, answers what was asked for, closes every connection; resolves when all are closed. What is
   * not done after `timeoutMs` is cut.
   */
  async drain(timeoutMs: number): Promise<void> {
    this.#server.close();
    if (this.#peers.size === 0) return;
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    const timer = setTimeout(() => {
      this.#options.log.warn(
        { peers: this.#peers.size, timeoutMs },
        'not drained in time; cutting connections',
      );
      for (const peer of this.#peers) peer.destroy('drain');
    }, timeoutMs);
    for (const peer of this.#peers) peer.drain();
    await empty;
    clearTimeout(timer);
  }

  #welcome(socket: Socket): void {
    const { remoteAddress, remotePort } = socket;
    // Gone before it was looked at.
    if (remoteAddress === undefined || remotePort === undefined) {
      socket.destroy();
      return;
    }
    const { log, maxPeers, connections } = this.#options;
    if (this.#peers.size >= maxPeers) {
      log.warn({ address: remoteAddress, maxPeers }, 'too many peers; turning one away');
      this.#turnAway(socket);
      return;
    }
    const peer = this.#createPeer(socket, plainAddress(remoteAddress), remotePort);
    this.#peers.add(peer);
    connections.opened(peer.stats);
  }

  #createPeer(socket: Socket, address: string, port: number): Peer {
    const { hostId, workerId, roles, limits, processor, connections } = this.#options;
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
    return new Peer(socket, new PeerStats(origin, roleOfAddress(address, roles)), {
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
