// From a message to a command with checked arguments: what can be said of a request before its turn comes.
import { InvalidMessageError, WireError } from '../../errors.js';
import type { Role } from '../../config/schema.js';
import type { CommandRegistry } from '../../handlers/base-handler.js';
import type { Command, PreparedCommand } from '../../handlers/command.js';
import type { ParsedRequest } from '../../protocol/request.js';
import { assertPermitted, isPermitted } from '../gate.js';

/** It holds nothing of the request but what is to be run: the texts of a long one must not wait with it. */
export interface Admitted {
  readonly command: Command;
  /** Its arguments, ready to run, or what is wrong with them. */
  readonly prepared: PreparedCommand | WireError;
  /** Whether the gate has let it through already. */
  readonly permitted: boolean;
}

/** A message that is a request. */
export type SoundRequest = Extract<ParsedRequest, { ok: true }>;

export interface AdmissionRules {
  readonly registry: CommandRegistry;
  /** Throws BusyError where there is no room for so many images. */
  readonly assertRoom: (images: number) => void;
  /** Whether a role that does not suffice now may do so at the turn of the request: a token comes before it. */
  readonly mayRise: (command: Command) => boolean;
  readonly maxImageBytes: number;
}

/**
 * Finds the command and checks the arguments, after the gate. A role may rise until the turn of the request, it never
 * sinks meanwhile, whatever comes behind. Throws WireError where the request is refused at once.
 */
export function admit({ request, attachments }: SoundRequest, role: Role, rules: AdmissionRules): Admitted {
  const command = rules.registry.find(request.cmd);
  const permitted = isPermitted(role, command.role);
  if (!permitted && !rules.mayRise(command)) assertPermitted(role, command.role, command.name);
  const prepared = orWireError(() => {
    if (attachments === 'unknown') {
      throw new InvalidMessageError(
        `${command.name}: bytes must be a whole number from 1 to ${rules.maxImageBytes}`,
      );
    }
    const ready = command.prepare(request.args);
    if (ready.images > 0) rules.assertRoom(ready.images);
    return ready;
  });
  if (permitted && prepared instanceof WireError) throw prepared;
  return { command, prepared, permitted };
}

/** Gives what is to be run when its turn has come, after the gate where that is still shut. Throws WireError. */
export function open({ command, prepared, permitted }: Admitted, role: Role): PreparedCommand {
  if (!permitted) assertPermitted(role, command.role, command.name);
  if (prepared instanceof WireError) throw prepared;
  return prepared;
}

function orWireError(prepare: () => PreparedCommand): PreparedCommand | WireError {
  try {
    return prepare();
  } catch (error) {
    if (error instanceof WireError) return error;
    throw error;
  }
}
