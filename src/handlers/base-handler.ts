// A handler is a family of commands. The registry collects them; RequestProcessor looks them up by code.
import { z } from 'zod';
import { NotExistCommandError, type ErrorCode } from '../errors.js';
import type { ResponseItem } from '../protocol/reply.js';
import type { Command } from './command.js';

export abstract class BaseHandler {
  abstract readonly commands: readonly Command[];
}

/** What `result` says where it is no verdict; the Python server's numbers. */
export const outcomes = { failure: 1, success: 2 } as const;

/** The arguments of a command that takes none. */
export const noArguments = z.tuple([]);

/** The item of a command that did what it was asked, about `fileName`. */
export function success(fileName: string | null): ResponseItem {
  return { file_name: fileName, result: outcomes.success, error_code: 0 };
}

/** The item of a command that could not do what it was asked about `fileName`. */
export function failure(fileName: string | null, code: ErrorCode): ResponseItem {
  return { file_name: fileName, result: outcomes.failure, error_code: code };
}

export class CommandRegistry {
  readonly #commands = new Map<number, Command>();

  constructor(handlers: readonly BaseHandler[]) {
    for (const command of handlers.flatMap((handler) => handler.commands)) {
      if (this.#commands.has(command.code)) throw new Error(`two commands have the code ${command.code}`);
      this.#commands.set(command.code, command);
    }
  }

  get all(): readonly Command[] {
    return [...this.#commands.values()];
  }

  /** Throws NotExistCommandError. */
  find(code: number): Command {
    const command = this.#commands.get(code);
    if (command === undefined) throw new NotExistCommandError(`there is no command ${code}`);
    return command;
  }
}
