// Places: how many connections the host takes, in all and of one address. Who counts them sits outside this room, as
// every worker has to ask the same one.

/** What the one who counts says to a connection that asks for a place. */
export const placeAnswers = ['ok', 'full', 'address full'] as const;
export type PlaceAnswer = (typeof placeAnswers)[number];

/** `closing`: nobody is there any more who could say. */
export type Admission = PlaceAnswer | 'closing';

export interface PeerAdmission {
  /** Asks for a place for a connection of `address`; never rejects. `ok` has to be followed by one `leave`. */
  enter(address: string): Promise<Admission>;
  /** Gives the place back. */
  leave(address: string): void;
}
