// What is answered over HTTP, and what an error becomes. Errors are JSON that names the thing and the cure.
import type { ServerResponse } from 'node:http';
import { BusyError, InvalidMessageError, NotPermittedError, StoreUnavailableError } from '../errors.js';
import { escapeControls } from '../shown-text.js';

export interface Answer {
  readonly status: number;
  readonly type:
    'text/plain; version=0.0.4; charset=utf-8' | 'text/plain; charset=utf-8' | 'application/json';
  readonly body: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** An answer without an end: `start` is called once the headers are written. */
export interface StreamAnswer {
  readonly type: 'text/event-stream';
  readonly start: (response: ServerResponse) => void;
}

export function text(status: number, body: string): Answer {
  return { status, type: 'text/plain; charset=utf-8', body };
}

/** Scripts show such in terminals as they come. */
export function json(status: number, value: unknown): Answer {
  return { status, type: 'application/json', body: `${escapeControls(JSON.stringify(value))}\n` };
}

/** A refusal that has a status of its own. */
export class HttpError extends Error {
  override readonly name = 'HttpError';
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;

  constructor(status: number, message: string, headers: Readonly<Record<string, string>> = {}) {
    super(message);
    this.status = status;
    this.headers = headers;
  }
}

/** null: a fault of our own, which the log must have. */
export function refusalOf(error: unknown): Answer | null {
  if (error instanceof HttpError) return refuse(error.status, error.message, error.headers);
  if (error instanceof NotPermittedError) return refuse(403, error.message);
  if (error instanceof BusyError) return refuse(429, error.message, { 'retry-after': '30' });
  if (error instanceof InvalidMessageError) return refuse(400, error.message);
  if (error instanceof StoreUnavailableError) {
    return refuse(
      503,
      'the store of connections does not answer; serving goes on, the log says what is wrong',
    );
  }
  return null;
}

export function refuse(
  status: number,
  error: string,
  headers: Readonly<Record<string, string>> = {},
): Answer {
  return { ...json(status, { error }), headers };
}

/** How long somebody may take for an answer: what waits for him fills the memory, and takes a place. */
export interface TakeLimits {
  /** Without taking anything of it. */
  readonly silenceMs: number;
  /** For all of it, since a byte now and then is no silence. */
  readonly totalMs: number;
}

/** The longest list at two megabits a second takes a third of that. Streams have bounds of their own. */
const takeLimits: TakeLimits = { silenceMs: 30_000, totalMs: 60_000 };

/** Writes headers and body; of the answer to HEAD only the headers. */
export function send(
  response: ServerResponse,
  answer: Answer | StreamAnswer,
  isHead: boolean,
  { silenceMs, totalMs }: TakeLimits = takeLimits,
): void {
  const isStream = 'start' in answer;
  if (!isStream) {
    const drop = () => response.destroy();
    response.setTimeout(silenceMs, drop);
    const timer = setTimeout(drop, totalMs);
    response.once('close', () => {
      clearTimeout(timer);
    });
  }
  response.writeHead(isStream ? 200 : answer.status, {
    'content-type': answer.type,
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
    ...(isStream ? {} : answer.headers),
  });
  if (isHead) response.end();
  else if (isStream) answer.start(response);
  else response.end(answer.body);
}
