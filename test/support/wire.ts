// A plain socket to a server, as a client in any language would use it: bytes out, bytes in.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions, type TLSSocket } from 'node:tls';

/** Longer than any test has to wait, on a busy machine too; a test that waits in vain says so. */
const silenceMaxMs = 90_000;

export class Wire {
  readonly socket: Socket;
  #received = '';
  #ended = false;
  readonly #waiting = new Set<() => void>();

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      this.#received += text;
      this.#wake();
    });
    for (const event of ['end', 'close', 'error']) {
      socket.on(event, () => {
        this.#ended = true;
        this.#wake();
      });
    }
  }

  /** `localAddress`: the address that the server sees, any of 127.0.0.0/8. */
  static async open(port: number, localAddress = '127.0.0.1'): Promise<Wire> {
    const socket = connect({ port, host: '127.0.0.1', localAddress, noDelay: true, allowHalfOpen: true });
    await once(socket, 'connect');
    return new Wire(socket);
  }

  /** Over a connection that is there already. */
  static over(socket: Socket): Wire {
    return new Wire(socket);
  }

  /** The same over TLS; `before`: what is sent before the handshake. Rejects where that fails. */
  static async openTls(
    port: number,
    {
      before,
      localAddress = '127.0.0.1',
      ...options
    }: ConnectionOptions & { readonly before?: string; readonly localAddress?: string },
  ): Promise<Wire & { readonly socket: TLSSocket }> {
    const under = connect({ port, host: '127.0.0.1', localAddress, noDelay: true, allowHalfOpen: true });
    await once(under, 'connect');
    if (before !== undefined) under.write(before);
    const socket = connectTls({ socket: under, servername: 'localhost', ...options });
    under.on('error', (error) => socket.destroy(error));
    // It takes that of the other only where it makes its own.
    socket.allowHalfOpen = true;
    await once(socket, 'secureConnect');
    return Object.assign(new Wire(socket), { socket });
  }

  /** Opens a connection for the length of `use`. */
  static async use<T>(port: number, use: (wire: Wire) => Promise<T>): Promise<T> {
    const wire = await Wire.open(port);
    try {
      return await use(wire);
    } finally {
      wire.close();
    }
  }

  /** Sends `data`, closes the sending side, and gives everything that came before the server closed its own. */
  static conversation(port: number, data: string | Uint8Array): Promise<string> {
    return Wire.use(port, async (wire) => {
      wire.send(data);
      wire.finish();
      await wire.closed();
      return wire.received;
    });
  }

  /** Everything that came and was not taken by `reply`. */
  get received(): string {
    return this.#received;
  }

  send(data: string | Uint8Array): void {
    this.socket.write(data);
  }

  /** The next reply: one line, without its end. */
  async reply(): Promise<string> {
    await this.#until(() => this.#received.includes('\n'));
    const end = this.#received.indexOf('\n');
    assert.notEqual(end, -1, `the server closed after ${JSON.stringify(this.#received)}`);
    const line = this.#received.slice(0, end);
    this.#received = this.#received.slice(end + 1);
    return line;
  }

  async replies(count: number): Promise<string[]> {
    const lines: string[] = [];
    while (lines.length < count) lines.push(await this.reply());
    return lines;
  }

  /** Sends and gives the next reply. */
  ask(message: string): Promise<string> {
    this.send(message);
    return this.reply();
  }

  /** Resolves when the server has closed its side. */
  async closed(): Promise<void> {
    await this.#until(() => this.#ended);
  }

  /** Closes our sending side; the server's replies still come. */
  finish(): void {
    this.socket.end();
  }

  close(): void {
    this.socket.destroy();
  }

  async #until(condition: () => boolean): Promise<void> {
    while (!condition() && !this.#ended) {
      await new Promise<void>((resolve, reject) => {
        const timer = setTimeout(() => {
          reject(new Error(`nothing came for ${silenceMaxMs} ms after ${JSON.stringify(this.#received)}`));
        }, silenceMaxMs);
        this.#waiting.add(() => {
          clearTimeout(timer);
          resolve();
        });
      });
    }
  }

  #wake(): void {
    for (const resolve of this.#waiting) resolve();
    this.#waiting.clear();
  }
}
