// Turns the sockets that the shared port gives this worker into peers. What a peer does is Peer's business, who may come
// in the entrance's; how everybody leaves is decided here.
import type { Socket } from 'node:net';
import type { Logger } from '../log.js';
import type { PeerAdmission } from './entrance/peer-admission.js';
import { ConnectionLog } from './connection-log.js';
import type { ConnectionManager } from './connection-manager.js';
import { Entrance, type Caller } from './entrance/entrance.js';
import type { Handshakes } from './entrance/handshakes.js';
import type { RoleOptions } from './gate.js';
import { Peer, type PeerOptions } from './peer/peer.js';
import type { CloseReason, WorkerRecord } from '../connections/record.js';
import type { PeerLimits } from './peer/peer-limits.js';
import { PeerStats } from './peer/peer-stats.js';
import { Turns } from './peer/turns.js';
import type { ProcessorOptions } from './requests/processor-options.js';
import type { Room } from './room.js';

export interface TCPServerOptions {
  /** Peers of all workers of this host, as `admission` counts them. */
  readonly maxPeers: number;
  readonly admission: PeerAdmission;
  readonly hostId: string;
  readonly workerId: string;
  readonly roles: RoleOptions;
  /** Addresses and networks whose connections begin with a PROXY header. */
  readonly balancers: readonly string[];
  /** Left out or null: the port speaks no TLS. */
  readonly handshakes?: Handshakes | null;
  readonly limits: PeerLimits;
  readonly processor: ProcessorOptions;
  readonly room: Room;
  readonly connections: ConnectionManager;
  /** Whom an address stands for: who has a whole network could come from a new address each time. */
  readonly networkOf: (address: string) => string;
  readonly log: Logger;
}

/** So long before connections are cut at a stop, what is left is answered with a code: at most a quarter of the time. */
const lastWordsMaxMs = 1_000;

/** Of all connections since the start, also those that have gone. */
export type ServerTotals = Pick<WorkerRecord, 'requests' | 'images' | 'errors' | 'bytes_in' | 'bytes_out'>;

export class TCPServer {
  readonly #options: TCPServerOptions;
  readonly #log: ConnectionLog;
  readonly #entrance: Entrance;
  readonly #peerOptions: PeerOptions;
  readonly #peers = new Map<string, Peer>();
  #lastPeer = 0;
  #draining = false;
  #onEmpty: () => void = () => undefined;
  /** Counted over all peers, gone ones included. */
  #totalsOfGone: ServerTotals = { requests: 0, images: 0, errors: 0, bytes_in: 0, bytes_out: 0 };

  constructor(options: TCPServerOptions) {
    this.#options = options;
    this.#log = new ConnectionLog(options.log, options.networkOf);
    this.#entrance = new Entrance({
      balancers: options.balancers,
      // More of them could not become peers anyway.
      maxUnknown: options.maxPeers,
      roles: options.roles,
      admission: options.admission,
      handshakes: options.handshakes ?? null,
      replyTerminator: options.processor.replyTerminator,
      onCaller: (socket, caller) => {
        this.#enter(socket, caller);
      },
      onEmpty: () => {
        this.#checkEmpty();
      },
      log: options.log,
    });
    const { limits, processor, room, connections } = options;
    this.#peerOptions = {
      limits,
      processor,
      room,
      turns: new Turns(),
      log: this.#log,
      onChange: ({ stats }) => {
        connections.changed(stats);
      },
      onClose: (peer, reason) => {
        this.#leave(peer, reason);
      },
    };
  }

  /** Takes a new connection, which nobody else reads. */
  welcome(socket: Socket): void {
    // What is owed to a client that has closed its sending side still goes out.
    socket.allowHalfOpen = true;
    void this.#entrance.welcome(socket);
  }

  get totals(): ServerTotals {
    let totals = this.#totalsOfGone;
    for (const { stats } of this.#peers.values()) totals = plus(totals, stats);
    return totals;
  }

  /**
   * Disconnects those of the peers with these ids that it has, at once, whatever they are owed; gives their ids. `by`: who
   * wants it.
   */
  kick(ids: readonly string[], by: string): readonly string[] {
    return ids.filter((id) => {
      const peer = this.#peers.get(id);
      // One that is being closed for another reason is as good as gone.
      if (!peer?.destroy(`kicked by ${by}`)) return false;
      this.#options.log.info({ peer: id, by }, 'kicked');
      this.#options.connections.kicked(peer.stats, by);
      return true;
    });
  }

  /**
   * Answers what was asked for, closes every connection; resolves when all are closed, after `timeoutMs` at the latest.
   * What is not done shortly before that is answered with code 4.
   */
  async drain(timeoutMs: number): Promise<void> {
    this.#draining = true;
    this.#entrance.closeUnknown();
    if (this.#empty) return;
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    const lastWordsMs = Math.min(lastWordsMaxMs, timeoutMs / 4);
    const lastWords = setTimeout(() => {
      this.#options.log.warn(
        { peers: this.#peers.size, timeoutMs },
        'not drained in time; giving up what is left',
      );
      for (const peer of this.#peers.values()) peer.giveUp();
    }, timeoutMs - lastWordsMs);
    const cut = setTimeout(() => {
      this.#options.log.warn({ peers: this.#peers.size, timeoutMs }, 'cutting the connections that are left');
      for (const peer of this.#peers.values()) peer.destroy('drain');
      this.#entrance.cut();
    }, timeoutMs);
    for (const peer of this.#peers.values()) peer.drain();
    await empty;
    clearTimeout(lastWords);
    clearTimeout(cut);
  }

  get #empty(): boolean {
    return this.#peers.size === 0 && this.#entrance.empty;
  }

  #checkEmpty(): void {
    if (this.#empty) this.#onEmpty();
  }

  #enter(socket: Socket, caller: Caller): void {
    const peer = this.#createPeer(socket, caller);
    this.#peers.set(peer.stats.origin.id, peer);
    this.#options.connections.opened(peer.stats);
    peer.receive(caller.received);
    // It came before the stop: what it has asked for so far is answered, as for everybody else.
    if (this.#draining) peer.drain();
  }

  #createPeer(socket: Socket, { address, port, isTls, identity }: Caller): Peer {
    const { hostId, workerId } = this.#options;
    const origin = {
      // The part behind the host's name is the worker's slot and boot, so no two peers ever share an id.
      id: `${hostId}/${workerId.slice(hostId.length + 1).replace(':', '.')}.${++this.#lastPeer}`,
      host: hostId,
      worker: workerId,
      address,
      port,
      tls: isTls,
    };
    const { name, role } = identity;
    const who = name === null ? {} : { identity: name, role };
    this.#log.writeOf(name, 'info', address, { peer: origin.id, address, port, ...who }, 'connected');
    return new Peer(socket, new PeerStats(origin, identity), this.#peerOptions);
  }

  #leave(peer: Peer, reason: CloseReason): void {
    const { connections, admission } = this.#options;
    const { origin, requests, images, errors } = peer.stats;
    const { name } = peer.stats.who;
    const who = name === null ? {} : { identity: name };
    const fields = { peer: origin.id, ...who, reason, requests, images, errors };
    this.#log.writeOf(name, 'info', origin.address, fields, 'disconnected');
    this.#totalsOfGone = plus(this.#totalsOfGone, peer.stats);
    this.#peers.delete(origin.id);
    connections.gone(peer.stats, reason);
    admission.leave(origin.address);
    this.#checkEmpty();
  }
}

function plus(totals: ServerTotals, stats: PeerStats): ServerTotals {
  return {
    requests: totals.requests + stats.requests,
    images: totals.images + stats.images,
    errors: totals.errors + stats.errors,
    bytes_in: totals.bytes_in + stats.bytesIn,
    bytes_out: totals.bytes_out + stats.bytesOut,
  };
}
