// What a route is, and what it is given of a request.
import type { IncomingMessage } from 'node:http';
import type { Role } from '../config/schema.js';
import type { Answer, StreamAnswer } from './answer.js';

export interface RouteRequest {
  readonly query: URLSearchParams;
  /** What stands behind a path that ends with `/`, decoded; else empty. */
  readonly rest: string;
  /** Who asks: the identity, else the address. */
  readonly by: string;
  /** For headers and the body. */
  readonly message: IncomingMessage;
}

export interface Route {
  /** Ends with `/` where something must follow. */
  readonly path: string;
  /** GET answers HEAD too. */
  readonly method: 'GET' | 'POST';
  /** null: open to all, by any name. */
  readonly role: Role | null;
  readonly answer: (request: RouteRequest) => Promise<Answer | StreamAnswer> | Answer | StreamAnswer;
}
