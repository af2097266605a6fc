// The forms that values of options have, each with a message that says what would do.
import { isIP } from 'node:net';
import { z } from 'zod';
import { InvalidMessageError } from '../errors.js';
import { parseSort } from '../connections/sort.js';
import { nearestOf } from './arguments.js';

export function flag(description: string) {
  return z.boolean().default(false).meta({ description });
}

export function text(value: string, description: string) {
  return z.string().optional().meta({ value, description });
}

export function ipAddress(description: string) {
  return z
    .string()
    .refine((written) => isIP(written) !== 0, {
      error: ({ input }) => {
        const [, bare = '', port] = /^\[?([^\]]*?)\]?(:\d+)?$/.exec(String(input)) ?? [];
        if (isIP(bare) === 0) return 'write an address, not a name';
        return `leave out the ${port === undefined ? 'brackets' : 'port'}: ${bare}`;
      },
    })
    .optional()
    .meta({ value: 'IP', description });
}

export function oneOf<const Known extends string>(
  known: readonly Known[],
  value: string,
  description: string,
) {
  const error = ({ input }: { readonly input?: unknown }) =>
    nearestOf(String(input), known).replace(/;$/, '');
  return z.enum(known, { error }).optional().meta({ value, description });
}

export function wholeNumber(min: number, max: number, value: string, description: string) {
  const error = `it must be a whole number from ${min} to ${max}`;
  return z.coerce
    .number({ error })
    .int({ error })
    .min(min, { error })
    .max(max, { error })
    .optional()
    .meta({ value, description });
}

export function seconds(min: number, max: number, description: string) {
  const error = `it must be a number of seconds from ${min} to ${max}`;
  return z.coerce
    .number({ error })
    .min(min, { error })
    .max(max, { error })
    .default(1)
    .meta({ value: 'SECONDS', description });
}

export function sortKey(description: string) {
  return z
    .string()
    .transform((written, context) => {
      try {
        return parseSort(written);
      } catch (error) {
        if (!(error instanceof InvalidMessageError)) throw error;
        context.addIssue({ code: 'custom', message: error.message });
        return z.NEVER;
      }
    })
    .optional()
    .meta({ value: 'KEY', description });
}
