// Every error class of the project, and the one table that turns an error into a code of the wire protocol.
// It knows nothing of sockets or replies: RequestProcessor writes what `toWireError` says.

/** The codes of the wire protocol (docs/protocol.md). Clients of the Python server know 0 to 4. */
export const errorCodes = {
  noError: 0,
  invalidMessage: 1,
  resourceNotFound: 2,
  notExistCommand: 3,
  timeout: 4,
  notPermitted: 5,
  busy: 6,
  cancelled: 7,
  invalidImage: 8,
  internalError: 9,
} as const;

export type ErrorCode = (typeof errorCodes)[keyof typeof errorCodes];

/**
 * A failure that a client may be told of. `message` goes to the client as it stands:
 * it never holds a path, a stack or a secret. What only the log may know goes into `cause`.
 */
export abstract class WireError extends Error {
  abstract readonly code: ErrorCode;
  override get name(): string {
    return this.constructor.name;
  }
}

/** The client is to be mended: what it sent is no request, or not one with such arguments. */
export class InvalidMessageError extends WireError {
  readonly code = errorCodes.invalidMessage;
}

/** An image, model or folder that is not there. What the server may not use looks the same, to give nothing away. */
export class ResourceNotFoundError extends WireError {
  readonly code = errorCodes.resourceNotFound;
}

/** No handler has this command. */
export class NotExistCommandError extends WireError {
  readonly code = errorCodes.notExistCommand;
}

/** The answer was not ready at its deadline. */
export class DeadlineError extends WireError {
  readonly code = errorCodes.timeout;
}

/** The peer lacks the role, or this version does not offer what it asked for. */
export class NotPermittedError extends WireError {
  readonly code = errorCodes.notPermitted;
}

/** No room left for anybody; since nothing was done, the client may try again. */
export class BusyError extends WireError {
  readonly code = errorCodes.busy;
}

/** Stopped by 0x03 before it was done. */
export class CancelledError extends WireError {
  readonly code = errorCodes.cancelled;
}

/** Nobody waits for it any more: its peer has gone. */
export class PeerGoneError extends CancelledError {
  constructor() {
    super('the peer is gone');
  }
}

/** The bytes are there, but they are no image, or a larger one than we take. */
export class InvalidImageError extends WireError {
  readonly code = errorCodes.invalidImage;
}

/** A fault of our own. The client learns nothing of it; the log has the cause. */
export class InternalError extends WireError {
  readonly code = errorCodes.internalError;

  constructor(options?: ErrorOptions, message = 'internal error; the log of the server has the details') {
    super(message, options);
  }
}

/** The server cannot start, or a tool cannot run: what is wrong and what to do, each in one line. */
export class StartupError extends Error {
  override readonly name = 'StartupError';
  readonly cure: string;

  constructor(problem: string, cure: string, options?: ErrorOptions) {
    super(problem, options);
    this.cure = cure;
  }
}

/** A model was tried and may not serve: what was found, for the log, and what to do, each in one line. */
export class ModelRefusedError extends Error {
  override readonly name = 'ModelRefusedError';
  readonly cure: string;

  constructor(problem: string, cure: string, options?: ErrorOptions) {
    super(problem, options);
    this.cure = cure;
  }
}

/** The configuration is wrong. `problems` names every mistake: path, value and what was expected. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly problems: readonly string[];

  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.problems = problems;
  }
}

/** The other side closed the connection, or it broke, before everything was answered. */
export class ConnectionLostError extends Error {
  override readonly name = 'ConnectionLostError';
}

/** The store behind the view of connections did not answer. Serving never depends on it. */
export class StoreUnavailableError extends Error {
  override readonly name = 'StoreUnavailableError';
}

/** The error that `code` stands for, after it crossed a thread or a process as a number. */
export function wireErrorOf(code: ErrorCode, message: string): WireError {
  switch (code) {
    case errorCodes.invalidMessage:
      return new InvalidMessageError(message);
    case errorCodes.resourceNotFound:
      return new ResourceNotFoundError(message);
    case errorCodes.notExistCommand:
      return new NotExistCommandError(message);
    case errorCodes.timeout:
      return new DeadlineError(message);
    case errorCodes.notPermitted:
      return new NotPermittedError(message);
    case errorCodes.busy:
      return new BusyError(message);
    case errorCodes.cancelled:
      return new CancelledError(message);
    case errorCodes.invalidImage:
      return new InvalidImageError(message);
    case errorCodes.internalError:
      return new InternalError(undefined, message);
    case errorCodes.noError:
      return new InternalError();
    default:
      return code satisfies never;
  }
}

/** What a client is told of any error: one that gives nothing of the server away. */
export function toWireError(error: unknown): WireError {
  if (error instanceof StoreUnavailableError) {
    return new InternalError({ cause: error }, 'the store of connections does not answer');
  }
  return error instanceof WireError ? error : new InternalError({ cause: error });
}

/** `ENOENT` and the like; null where an error has no such code. */
export function codeOf(error: unknown): string | null {
  return error instanceof Error && 'code' in error ? String(error.code) : null;
}

/** Why something failed, in few characters: its code, where it has one. */
export function shortReason(error: unknown): string {
  return codeOf(error) ?? String(error);
}

/** An error and what caused it, in one line for the log. */
export function describeError(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause === undefined ? error.message : `${error.message}: ${describeError(error.cause)}`;
}
