// Who has the connections of the admin HTTP. They are few, and probes must always come through. So where there are too many,
// in all or of one network, one that only waits gives way to the newest: for a request, or for the late answer to a wrong
// token. Some places are kept for networks that have none; and where nobody gives way, there are a few for health alone.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { isLoopbackHost } from '../config/loopback-host.js';
import { plainAddress } from '../server/gate.js';
import { connectionKey } from '../server/connection-key.js';

/** Scripts, streams of events, and probes as long as there is room. */
export const connectionsMax = 256;
/** Of one IPv4 address or IPv6 network. */
export const connectionsPerNetworkMax = 64;
/** Of these, for the first connection of a network. */
export const firstConnectionsMax = 32;
/** Beyond these, to ask for health and nothing else. */
export const probesMax = 32;

interface Place {
  readonly socket: Socket;
  readonly network: string;
  readonly isLoopback: boolean;
  readonly isForHealth: boolean;
  /** Requests that have come and are not answered in full: it is not closed meanwhile. */
  asked: number;
  /** The one under way waits until somebody may be told that a token is wrong. */
  isHeldUp: boolean;
}

export class Places {
  readonly #networkOf: (address: string) => string;
  /** By both ends of the connection, since over TLS requests come by another socket than the one below; oldest first. */
  readonly #places = new Map<string, Place>();

  constructor(networkOf: (address: string) => string) {
    this.#networkOf = networkOf;
  }

  watch(server: Server): void {
    server.on('connection', (socket: Socket) => {
      this.#enter(socket);
    });
    server.on('request', (message: IncomingMessage, response: ServerResponse) => {
      this.#ask(message.socket, response);
    });
  }

  /** Whether this connection was let in, beyond all others, to ask for health only. */
  isForHealth(socket: Socket): boolean {
    return this.#placeOf(socket)?.isForHealth ?? false;
  }

  /** What `check` gives. Meanwhile the connection gives way where room is needed, and gets no answer then. */
  async whileHeldUp<T>(socket: Socket, check: Promise<T>): Promise<T> {
    const place = this.#placeOf(socket);
    if (place === undefined) return check;
    place.isHeldUp = true;
    try {
      return await check;
    } finally {
      place.isHeldUp = false;
    }
  }

  #placeOf(socket: Socket): Place | undefined {
    return this.#places.get(connectionKey(socket));
  }

  #enter(socket: Socket): void {
    const { remoteAddress } = socket;
    // Gone before it was looked at.
    if (remoteAddress === undefined) {
      socket.destroy();
      return;
    }
    const address = plainAddress(remoteAddress);
    const network = this.#networkOf(address);
    const isForHealth = !this.#hasRoom(network);
    if (isForHealth && !this.#hasRoomForHealth()) {
      socket.destroy();
      return;
    }
    const key = connectionKey(socket);
    const isLoopback = isLoopbackHost(address);
    this.#places.set(key, { socket, network, isLoopback, isForHealth, asked: 0, isHeldUp: false });
    socket.once('close', () => {
      if (this.#places.get(key)?.socket === socket) this.#places.delete(key);
    });
  }

  /** Whether there is a place for one of this network, if need be that of another connection. */
  #hasRoom(network: string): boolean {
    const all = [...this.#places.values()].filter(({ isForHealth }) => !isForHealth);
    const own = all.filter((each) => each.network === network);
    if (own.length >= connectionsPerNetworkMax) return this.#makeRoom(own);
    const max = own.length === 0 ? connectionsMax : connectionsMax - firstConnectionsMax;
    return all.length < max || this.#makeRoom(all);
  }

  #hasRoomForHealth(): boolean {
    const all = [...this.#places.values()].filter(({ isForHealth }) => isForHealth);
    return all.length < probesMax || this.#makeRoom(all);
  }

  #makeRoom(places: readonly Place[]): boolean {
    const waiting = places.filter(({ asked, isHeldUp }) => asked === 0 || isHeldUp);
    const [first, ...others] = waiting;
    if (first === undefined) return false;
    const counts = new Map<string, number>();
    for (const { network } of places) counts.set(network, (counts.get(network) ?? 0) + 1);
    /** Programs of this machine stay longest, then networks that have few; of equals the oldest goes. */
    const weight = ({ network, isLoopback }: Place) => (isLoopback ? 0 : (counts.get(network) ?? 0));
    const least = others.reduce((best, each) => (weight(each) > weight(best) ? each : best), first);
    // Its place is free at once, and not only when it is told.
    this.#places.delete(connectionKey(least.socket));
    least.socket.destroy();
    return true;
  }

  #ask(socket: Socket, response: ServerResponse): void {
    const place = this.#placeOf(socket);
    if (place === undefined) return;
    place.asked++;
    response.once('close', () => {
      place.asked--;
    });
  }
}
