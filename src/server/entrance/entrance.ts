// Between the port and the peers: finds out whose connection it is, asks for a place for it, and turns away who gets
// none; where the port speaks TLS, who gets one shakes hands first. Until then nobody reads the connection, so that nothing
// of it is lost: it is the peer that reads.
import type { Socket } from 'node:net';
import type { Logger } from '../../log.js';
import { identify, plainAddress, type Identity, type RoleOptions } from '../gate.js';
import { clientCertificateOf } from '../tls/client-certificate.js';
import type { Handshakes } from './handshakes.js';
import type { PeerAdmission } from './peer-admission.js';
import { CountedLog } from '../counted-log.js';
import { Balancers, readForwarded } from './proxied.js';
import { TurnAway } from './turn-away.js';

/** Who comes in. */
export interface Caller {
  readonly address: string;
  readonly port: number;
  readonly isTls: boolean;
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
  /** null: the port speaks no TLS. */
  readonly handshakes: Handshakes | null;
  readonly replyTerminator: string;
  /** The connection has a place, which is to be given back when it closes. */
  readonly onCaller: (socket: Socket, caller: Caller) => void;
  /** Nobody waits for a place any more. */
  readonly onEmpty: () => void;
  readonly log: Logger;
}

/** Whose connection asks for a place. */
interface Newcomer {
  readonly address: string;
  readonly port: number;
  readonly isForwarded: boolean;
  /** What has come behind the PROXY header. */
  readonly received: Buffer;
}

const noBytes = Buffer.alloc(0);
const ignore = () => undefined;

export class Entrance {
  readonly #options: EntranceOptions;
  readonly #balancers: Balancers;
  readonly #turnAway: TurnAway;
  readonly #headerless: CountedLog;
  /** Forwarded connections whose header is still to come. */
  readonly #unknown = new Set<Socket>();
  /** Connections that have asked for a place. */
  readonly #asking = new Set<Socket>();

  constructor(options: EntranceOptions) {
    this.#options = options;
    this.#balancers = new Balancers(options.balancers);
    this.#headerless = new CountedLog(
      options.log,
      'a balancer sent no PROXY header; closing the connection',
      'times',
    );
    this.#turnAway = new TurnAway(options.log, options.replyTerminator, options.handshakes !== null);
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
      const newcomer = await this.#forwardedBy(socket, address, remotePort);
      if (newcomer !== null) await this.#ask(socket, newcomer);
    } else await this.#ask(socket, { address, port: remotePort, isForwarded: false, received: noBytes });
  }

  /** Closes the connections that have not even said whose they are, or have not shaken hands yet. */
  closeUnknown(): void {
    for (const socket of this.#unknown) socket.destroy();
    this.#options.handshakes?.close();
  }

  /** Closes those too that wait for a place. */
  cut(): void {
    for (const socket of this.#asking) socket.destroy();
    this.#asking.clear();
    this.#options.onEmpty();
  }

  /** Resolves to null where the connection is closed, or is being closed. */
  async #forwardedBy(socket: Socket, balancer: string, balancerPort: number): Promise<Newcomer | null> {
    const { maxUnknown } = this.#options;
    if (this.#unknown.size >= maxUnknown) {
      this.#turnAway.turnAway(socket, balancer, 'full');
      return null;
    }
    this.#unknown.add(socket);
    const forwarded = await readForwarded(socket);
    this.#unknown.delete(socket);
    if (socket.destroyed) return null;
    if (forwarded === null) {
      this.#headerless.warn({ address: balancer });
      socket.destroy();
      return null;
    }
    const source = forwarded.source ?? { address: balancer, port: balancerPort };
    const address = plainAddress(source.address);
    return { address, port: source.port, isForwarded: true, received: forwarded.rest };
  }

  async #ask(socket: Socket, newcomer: Newcomer): Promise<void> {
    const { address } = newcomer;
    const { admission, onEmpty } = this.#options;
    this.#asking.add(socket);
    const answer = await admission.enter(address);
    if (answer !== 'ok') {
      if (!socket.destroyed) this.#turnAway.turnAway(socket, address, answer);
    } else {
      const { handshakes } = this.#options;
      // Only now: a handshake costs more than all that was before it.
      const secured = handshakes === null ? socket : await shakeHands(handshakes, socket, newcomer);
      if (secured === null || secured.destroyed) admission.leave(address);
      else this.#letIn(secured, newcomer);
    }
    this.#asking.delete(socket);
    if (this.empty) onEmpty();
  }

  #letIn(socket: Socket, { address, port, isForwarded, received }: Newcomer): void {
    const { handshakes, roles, onCaller } = this.#options;
    const isTls = handshakes !== null;
    const identity = identify({ address, isForwarded, certificate: clientCertificateOf(socket) }, roles);
    onCaller(socket, { address, port, isTls, identity, received: isTls ? noBytes : received });
    socket.off('error', ignore);
  }
}

/** What has come already is where the handshake begins. */
function shakeHands(
  handshakes: Handshakes,
  socket: Socket,
  { address, received }: Newcomer,
): Promise<Socket | null> {
  if (received.length > 0) socket.unshift(received);
  return handshakes.secure(socket, address);
}
