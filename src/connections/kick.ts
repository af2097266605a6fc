// Disconnecting peers, wherever they are.

/** `owner unreachable`: nobody of its host listens. `no answer`: somebody does, and has not said in time what became of it. */
export const kickOutcomes = ['kicked', 'not found', 'owner unreachable', 'no answer'] as const;
export type KickOutcome = (typeof kickOutcomes)[number];

export interface KickAnswer {
  readonly id: string;
  readonly outcome: KickOutcome;
}

export interface Kicker {
  /**
   * Disconnects the peers with these ids, of any host. `by`: who wants it, for the reason that the view tells. Resolves to one
   * answer an id, in order, when the owners have said what became of them, after a second at the latest; never rejects.
   */
  kick(ids: readonly string[], by: string): Promise<readonly KickAnswer[]>;
}
