// What a run did and found, as a table for people and as JSON.
import { table } from '#src/cli/table.js';
import type { Memory } from './guard.js';

export interface Counts {
  sessions: number;
  /** Undamaged, sent to the end, and every reply checked. */
  wholeSessionsChecked: number;
  /** Not judged, because this machine was too busy to send them in time. */
  tooSlow: number;
  connections: number;
  requests: number;
  sentBytes: number;
  replies: number;
  resets: number;
  halfCloses: number;
  unread: number;
  /** Items of replies, by their error code. */
  readonly codes: Record<string, number>;
}

export function noCounts(): Counts {
  return {
    sessions: 0,
    wholeSessionsChecked: 0,
    tooSlow: 0,
    connections: 0,
    requests: 0,
    sentBytes: 0,
    replies: 0,
    resets: 0,
    halfCloses: 0,
    unread: 0,
    codes: {},
  };
}

export interface Failure {
  readonly problem: string;
  /** The session that failed; those that were under way where the server as a whole did. */
  readonly sessions: readonly number[];
  /** Others that were under way meanwhile. */
  readonly neighbours: readonly number[];
  /** What the failed ones sent, in the same order. */
  readonly bytes: readonly Buffer[];
}

export interface Report extends Readonly<Counts> {
  readonly seed: number;
  readonly seconds: number;
  readonly probes: number;
  readonly slowestProbeMs: number;
  readonly busyProbes: number;
  /** By process id. */
  readonly memory: Readonly<Record<string, Memory>>;
  readonly warnings: Readonly<Record<string, number>>;
  readonly failure: Failure | null;
}

const shownBytesMax = 400;

export function asTable(report: Report): string {
  const codes = Object.entries(report.codes).map(
    ([code, count]) => [`items with code ${code}`, count] as const,
  );
  const memory = Object.entries(report.memory).map(
    ([pid, { firstMiB, lastMiB, maxMiB }]) =>
      [`MiB of process ${pid}: first, last, most`, `${firstMiB}, ${lastMiB}, ${maxMiB}`] as const,
  );
  const warnings = Object.entries(report.warnings).map(
    ([text, count]) => [`warned: ${text}`, count] as const,
  );
  const rows = [
    ['seed', report.seed],
    ['seconds', report.seconds.toFixed(1)],
    ['sessions', report.sessions],
    ['undamaged sessions checked to the end', report.wholeSessionsChecked],
    ['sessions sent too slowly to be judged', report.tooSlow],
    ['connections', report.connections],
    ['requests owed a reply', report.requests],
    ['bytes sent', report.sentBytes],
    ['replies', report.replies],
    ...codes,
    ['resets', report.resets],
    ['half-closes', report.halfCloses],
    ['read late or never', report.unread],
    ['watchdog probes', report.probes],
    ['watchdog, slowest answer', `${report.slowestProbeMs.toFixed(0)} ms`],
    ['watchdog, told to try again', report.busyProbes],
    ...memory,
    ...warnings,
  ] as const;
  return table(
    ['what', 'figure'],
    rows.map(([what, figure]) => [what, String(figure)]),
  );
}

export function asJson({ failure, ...report }: Report): string {
  const failed =
    failure === null
      ? null
      : { problem: failure.problem, sessions: failure.sessions, neighbours: failure.neighbours };
  return `${JSON.stringify({ ...report, failure: failed }, null, 2)}\n`;
}

/** What went wrong and how to see it again. */
export function describeFailure(
  seed: number,
  { problem, sessions, neighbours, bytes }: Failure,
  isSaved: boolean,
): string {
  const shown = bytes.map((one) => {
    const hex = one.toString('hex', 0, shownBytesMax);
    return `${one.length} bytes: ${hex}${one.length > shownBytesMax ? '…' : ''}\n`;
  });
  const again = `npm run fuzz -- --seed ${seed}`;
  const alone = sessions.length === 0 ? '' : ` --session ${sessions.join()}`;
  const company = neighbours.length === 0 ? '' : `in company: ${again}${alone},${neighbours.join()}\n`;
  return `FAILED: ${problem}\nagain: ${again}${alone}\n${company}${isSaved ? '' : shown.join('')}`;
}

/** A line of hexadecimal digits for each session. */
export function asHex({ bytes }: Failure): string {
  return bytes.map((one) => `${one.toString('hex')}\n`).join('');
}
