// One request of a connection at a time: HTTP lets a client send the next ones before it has an answer, and a thousand lists
// would be read side by side for one connection.
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

export type RequestListener = (request: IncomingMessage, response: ServerResponse) => void;

/** Requests of a connection that wait behind the one under way; few clients send any. */
export const waitingMax = 8;

/** Gives `listener` the requests of each connection in turn; a connection with more than may wait is closed. */
export function inTurn(listener: RequestListener): RequestListener {
  /** What begins each of those that wait; of connections with a request under way. */
  const lines = new WeakMap<Socket, (() => void)[]>();
  return (request, response) => {
    const { socket } = request;
    if (socket.destroyed) return;
    const begin = () => {
      response.once('close', () => {
        const next = lines.get(socket)?.shift();
        if (next === undefined) lines.delete(socket);
        // Where the answer before it was the last, nothing goes out any more.
        else if (socket.writable) next();
      });
      listener(request, response);
    };
    const line = lines.get(socket);
    if (line === undefined) {
      lines.set(socket, []);
      begin();
    } else if (line.length < waitingMax) line.push(begin);
    else socket.destroy();
  };
}
