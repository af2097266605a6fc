// What a client is told of an error, and whom else it concerns.
import {
  describeError,
  InternalError,
  NotPermittedError,
  toWireError,
  type WireError,
} from '../../errors.js';
import type { ProcessorEvents } from './processor-options.js';

/** `command`: what failed. */
export function toldError(command: string, error: unknown, events: ProcessorEvents): WireError {
  const wireError = toWireError(error);
  if (wireError instanceof InternalError) events.onFault(command, describeError(error));
  if (wireError instanceof NotPermittedError) events.onNotPermitted(wireError.message);
  return wireError;
}
