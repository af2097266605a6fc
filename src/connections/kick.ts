// Disconnecting peers, wherever they are.
import { z } from 'zod';
import { kickerNameLengthMax } from './record.js';

/** `owner unreachable`: nobody of its host listens. `no answer`: somebody does, and has not said in time what became of it. */
export const kickOutcomes = ['kicked', 'not found', 'owner unreachable', 'no answer'] as const;
export type KickOutcome = (typeof kickOutcomes)[number];

export const kickAnswerSchema = z.object({ id: z.string(), outcome: z.enum(kickOutcomes) });
export type KickAnswer = Readonly<z.output<typeof kickAnswerSchema>>;

/** The longest that anybody waits to be told what became of those that he wants to disconnect. */
export const kickTimeoutMs = 1_000;

/** Whoever is asked on behalf of somebody else answers so much earlier, so that his answer comes in time. */
export const kickHopMs = 100;

/** Ids in one call; a message of so many is half a megabyte. */
export const kickIdsMax = 10_000;

export interface Kicker {
  /**
   * Disconnects the peers with these ids, at most `kickIdsMax`, of any host. `by`: who wants it, for the reason that the
   * view tells. Resolves to one answer an id, in order, when the owners have said what became of them, after
   * `kickTimeoutMs` at the latest; never rejects. Nothing is done later than that.
   */
  kick(ids: readonly string[], by: string): Promise<readonly KickAnswer[]>;
}

/** A name as records can hold it. */
export function kickerName(by: string): string {
  return by === '' ? 'somebody' : by.slice(0, kickerNameLengthMax);
}

/** One answer an id, in order, from what became of each. */
export function kickAnswers(
  ids: readonly string[],
  outcomeOf: (id: string) => KickOutcome,
): readonly KickAnswer[] {
  return ids.map((id) => ({ id, outcome: outcomeOf(id) }));
}
