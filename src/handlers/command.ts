// A command: codes, role, the form of its arguments, and what is done. Handlers state each of theirs once, with
// `defineCommand`; here is the one place that checks arguments.
import type { z } from 'zod';
import type { Role } from '../config/schema.js';
import { InvalidMessageError } from '../errors.js';
import type { ResponseItem } from '../protocol/reply.js';

/** An image that follows its request. */
export interface Attachment {
  /** Resolves when its last byte is there; never, where the peer goes before that. */
  readonly bytes: Promise<Uint8Array>;
  /** Says that its bytes are no longer held for this peer. */
  release(): void;
}

/** What a command gets beside its arguments. */
export interface CommandContext {
  /** The peer, as that between which the detector takes turns. */
  readonly owner: object;
  /** Who the peer is, for others that are told what it did. */
  readonly name: string;
  /**
   * Makes the peer somebody who has shown this token; false where it is none of ours, which is slow to be told. Throws
   * BusyError.
   */
  readonly authenticate: (token: string) => Promise<boolean>;
  readonly detail: boolean;
  /** Aborted with a WireError: by 0x03 or the peer's going, and by the deadline. */
  readonly signals: readonly AbortSignal[];
  readonly attachments: readonly Attachment[];
  /** Counts a verdict (or a failed image, null) in the peer's record. */
  readonly onImage: (result: number | null) => void;
  /** Stops every classification that this peer has asked for before. */
  readonly stopClassifications: () => void;
}

/**
 * How a command stands to the others of its peer. `classification`: waits for room, side by side with others;
 * `read`: at once, one at a time; `barrier`: after all that came before it, and what comes behind waits for it;
 * `stop`: at once, whatever waits, and it reaches the classifications that came before it.
 */
export type CommandOrder = 'classification' | 'read' | 'barrier' | 'stop';

/** The role that a command needs; `none`: it is there for everybody. */
export type NeededRole = Role | 'none';

/** A command with checked arguments, ready to run. */
export interface PreparedCommand {
  /** How many images it asks for. */
  readonly images: number;
  run(context: CommandContext): Promise<readonly ResponseItem[]>;
}

export interface Command {
  readonly code: number;
  readonly replyCode: number;
  readonly name: string;
  readonly role: NeededRole;
  readonly order: CommandOrder;
  /** Throws InvalidMessageError where the arguments are of the wrong form. */
  prepare(args: readonly unknown[]): PreparedCommand;
}

export interface CommandDefinition<Args> extends Omit<Command, 'prepare' | 'replyCode'> {
  readonly args: z.ZodType<Args>;
  /** More than so many are refused before they are looked at; 0 unless it says otherwise. */
  readonly maxArguments?: number;
  /** What the arguments should have been, for the message of the refusal. */
  readonly expected: string;
  readonly images?: (args: Args) => number;
  readonly run: (args: Args, context: CommandContext) => Promise<readonly ResponseItem[]>;
}

export function defineCommand<Args>(definition: CommandDefinition<Args>): Command {
  const { code, name, role, order, args: schema, maxArguments = 0, expected, images, run } = definition;
  return {
    code,
    // The Python server's rule for all of its commands.
    replyCode: code + 1,
    name,
    role,
    order,
    prepare(args) {
      if (args.length > maxArguments) {
        throw new InvalidMessageError(`${name}: request_data must be ${expected}`);
      }
      const parsed = schema.safeParse(args);
      if (!parsed.success) {
        const where = parsed.error.issues[0]?.path[0];
        const element = typeof where === 'number' ? ` (element ${where} is not)` : '';
        throw new InvalidMessageError(`${name}: request_data must be ${expected}${element}`);
      }
      return {
        images: images?.(parsed.data) ?? 0,
        run: (context) => run(parsed.data, context),
      };
    },
  };
}
