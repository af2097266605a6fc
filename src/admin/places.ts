// Who has the connections of the admin HTTP. They are few, and probes must always come through; so where there are too many,
// in all or of one network, the oldest that waits for a request gives way to the newest.
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { plainAddress } from '../server/gate.js';
import { connectionKey } from '../server/connection-key.js';

/** Probes, scripts and streams of events together. */
export const connectionsMax = 256;
/** Of one IPv4 address or IPv6 network. */
export const connectionsPerNetworkMax = 64;

interface Place {
  readonly socket: Socket;
  readonly network: string;
  /** Requests that have come and are not answered in full: it is not closed meanwhile. */
  asked: number;
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

  #enter(socket: Socket): void {
    const { remoteAddress } = socket;
    // Gone before it was looked at.
    if (remoteAddress === undefined) {
      socket.destroy();
      return;
    }
    const network = this.#networkOf(plainAddress(remoteAddress));
    if (!this.#hasRoom(network)) {
      socket.destroy();
      return;
    }
    const key = connectionKey(socket);
    this.#places.set(key, { socket, network, asked: 0 });
    socket.once('close', () => {
      if (this.#places.get(key)?.socket === socket) this.#places.delete(key);
    });
  }

  /** Whether there is a place for one of this network, if need be that of another connection. */
  #hasRoom(network: string): boolean {
    const own = [...this.#places.values()].filter((each) => each.network === network);
    if (own.length >= connectionsPerNetworkMax) return this.#makeRoom(own);
    return this.#places.size < connectionsMax || this.#makeRoom([...this.#places.values()]);
  }

  #makeRoom(places: readonly Place[]): boolean {
    const oldest = places.find(({ asked }) => asked === 0);
    if (oldest === undefined) return false;
    // Its place is free at once, and not only when it is told.
    this.#places.delete(connectionKey(oldest.socket));
    oldest.socket.destroy();
    return true;
  }

  #ask(socket: Socket, response: ServerResponse): void {
    const place = this.#places.get(connectionKey(socket));
    if (place === undefined) return;
    place.asked++;
    response.once('close', () => {
      place.asked--;
    });
  }
}
