// A line to Redis that can be cut, as a network is: what was connected hears nothing more, what connects gets no answer.
import { once } from 'node:events';
import { connect, createServer, type Server, type Socket } from 'node:net';

export class Relay {
  readonly #server: Server;
  readonly #socketPath: string;
  readonly #sockets = new Set<Socket>();
  #isCut = false;

  private constructor(socketPath: string) {
    this.#socketPath = socketPath;
    this.#server = createServer({ pauseOnConnect: true }, (client) => {
      this.#join(client);
    });
  }

  /** `socketPath`: where Redis listens. */
  static async open(socketPath: string): Promise<Relay> {
    const relay = new Relay(socketPath);
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    return relay;
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === 'object' && address !== null ? address.port : 0;
  }

  /** From now on nothing passes, and nobody is told. */
  cut(): void {
    this.#isCut = true;
    for (const socket of this.#sockets) socket.unpipe().pause();
  }

  /** What comes from now on passes; what was connected when it was cut is lost, as after a reboot of a router. */
  mend(): void {
    this.#isCut = false;
    for (const socket of this.#sockets) socket.destroy();
  }

  close(): void {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  #join(client: Socket): void {
    this.#keep(client);
    if (this.#isCut) return;
    const redis = connect(this.#socketPath);
    this.#keep(redis);
    client.pipe(redis).pipe(client);
    client.once('close', () => redis.destroy());
    redis.once('close', () => client.destroy());
  }

  #keep(socket: Socket): void {
    this.#sockets.add(socket);
    // Either side may be killed at any moment; that is what this is for.
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#sockets.delete(socket));
  }
}
