// Between the port and the peers: finds out whose connection it is, asks for a place for it, and turns away who gets
// none. Meanwhile nobody reads the connection, so that nothing of it is lost: it is the peer that reads.
import type { Socket } from 'node:net';
import type { Logger } from '../../log.js';
import type { PeerAdmission } from './peer-admission.js';
import { identify, plainAddress, type Identity, type RoleOptions } from '../gate.js';
import { Balancers, readForwarded } from './proxied.js';
import { TurnAway } from './turn-away.js';

/** Who comes in. */
export interface Caller {
  readonly address: string;
  readonly port: number;
  readonly identity: Identity;
  /** What it has sent already. */
  readonly received: Buffer;
}

export interface EntranceOptions {
  /** Addresses and networks whose connections begin with a PROXY header. */
  readonly balancers: readonly string[];
  /** Forwarded connections whose header is still to come: nobody can say yet whose they are. */
  readonly maxUnknown: number;
  readonly roles: RoleOptions;
  readonly admission: PeerAdmission;
  readonly replyTerminator: string;
  /** The connection has a place, which is to be given back when it closes. */
  readonly onCaller: (socket: Socket, caller: Caller) => void;
  /** Nobody waits for a place any more. */
  readonly onEmpty: () => void;
  readonly log: Logger;
}

const noBytes = Buffer.alloc(0);
const ignore = () => undefined;

export class Entrance {
  readonly #options: EntranceOptions;
  readonly #balancers: Balancers;
  readonly #turnAway: TurnAway;
  /** Forwarded connections whose header is still to come. */
  readonly #unknown = new Set<Socket>();
  /** Connections that have asked for a place. */
  readonly #asking = new Set<Socket>();

  constructor(options: EntranceOptions) {
    this.#options = options;
    this.#balancers = new Balancers(options.balancers);
    this.#turnAway = new TurnAway(options.log, options.replyTerminator);
  }

  /** True where nobody waits for a place. */
  get empty(): boolean {
    return this.#asking.size === 0;
  }

  /** Takes a connection that is not being read. */
  async welcome(socket: Socket): Promise<void> {
    const { remoteAddress, remotePort } = socket;
    // Gone before it was looked at.
    if (remoteAddress === undefined || remotePort === undefined) {
      socket.destroy();
      return;
    }
    // Until it is a peer nobody else listens for what may happen to it.
    socket.on('error', ignore);
    const address = plainAddress(remoteAddress);
    if (this.#balancers.includes(address)) {
      const caller = await this.#forwardedBy(socket, address, remotePort);
      if (caller !== null) await this.#ask(socket, caller);
    } else {
      const origin = { address, isForwarded: false, certificate: null };
      const identity = identify(origin, this.#options.roles);
      await this.#ask(socket, { address, port: remotePort, identity, received: noBytes });
    }
  }

  /** Closes the connections that have not even said whose they are. */
  closeUnknown(): void {
    for (const socket of this.#unknown) socket.destroy();
  }

  /** Closes those too that wait for a place. */
  cut(): void {
    for (const socket of this.#asking) socket.destroy();
    this.#asking.clear();
    this.#options.onEmpty();
  }

  /** Resolves to null where the connection is closed, or is being closed. */
  async #forwardedBy(socket: Socket, balancer: string, balancerPort: number): Promise<Caller | null> {
    const { log, maxUnknown, roles } = this.#options;
    if (this.#unknown.size >= maxUnknown) {
      this.#turnAway.turnAway(socket, balancer, 'full');
      return null;
    }
    this.#unknown.add(socket);
    const forwarded = await readForwarded(socket);
    this.#unknown.delete(socket);
    if (socket.destroyed) return null;
    if (forwarded === null) {
      log.warn({ address: balancer }, 'a balancer sent no PROXY header; closing the connection');
      socket.destroy();
      return null;
    }
    const source = forwarded.source ?? { address: balancer, port: balancerPort };
    const address = plainAddress(source.address);
    const identity = identify({ address, isForwarded: true, certificate: null }, roles);
    return { address, port: source.port, identity, received: forwarded.rest };
  }

  async #ask(socket: Socket, caller: Caller): Promise<void> {
    const { admission, onCaller, onEmpty } = this.#options;
    this.#asking.add(socket);
    const answer = await admission.enter(caller.address);
    this.#asking.delete(socket);
    if (answer !== 'ok') {
      if (!socket.destroyed) this.#turnAway.turnAway(socket, caller.address, answer);
    } else if (socket.destroyed) admission.leave(caller.address);
    else {
      onCaller(socket, caller);
      socket.off('error', ignore);
    }
    if (this.empty) onEmpty();
  }
}
