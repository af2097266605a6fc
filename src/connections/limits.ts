// The bounds of what the view remembers and does at once; both stores keep them.

/** Entries of the history of closed peers; older ones are dropped. */
export const closedHistoryMax = 10_000;

/** Entries of the stream of events; older ones are dropped. */
export const eventHistoryMax = 100_000;

/** The same in the memory of a primary, which has other things to hold. */
export const embeddedEventsMax = 10_000;

/** Closed peers, and events, of one worker that wait for Redis to come back; older ones are dropped. */
export const missedRowsMax = 5_000;

/** Rows that one dead worker, or one lost host, adds to the history: it must not push out all else. */
export const removalRowsMax = 1_000;

/** Records in one call to the store: one of 500 takes Redis about 2 ms, which delays nobody. */
export const chunkSize = 500;

/** Records that one page may look at to fill itself; with a rare filter it comes short, with a cursor. */
export const rowsExaminedMax = 20_000;
