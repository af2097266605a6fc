// `pear peers --watch`: the list again and again. On a terminal it redraws the screen until q or Ctrl+C; into a pipe
// it prints one table, or with --json one line, each time.
import { setTimeout as wait } from 'node:timers/promises';
import { WriteStream } from 'node:tty';
import type { PearClient } from '../../client/pear-client.js';
import type { PeerRecord } from '../../connections/record.js';
import { BusyError, ConnectionLostError, InternalError, StartupError } from '../../errors.js';
import { cut, fittedTable, printable, printableJson } from '../fitted-table.js';
import { connectTo, serverOf, targetOf } from '../target.js';
import { clock } from '../times.js';
import { shownToken } from '../token.js';
import type { Call } from '../tool.js';
import { peerColumns } from './columns.js';
import { filterOf, rowsToRead, shownOf, widthOf, type PeersOptions } from './options.js';
import { readPeers, type PeerList } from './read.js';
import { Screen } from './screen.js';
import { countLine, totalsTable, warnings } from './summary.js';

/** Reading more every second would burden the server; the list says that there are more. */
const rowsMax = 10_000;

/** Of the screen: with many workers their totals would leave no room for connections. */
const totalsShare = 1 / 3;

/** Resolves to the exit code when whoever looks has seen enough. */
export async function watch(call: Call<PeersOptions>): Promise<number> {
  const { options, out } = call;
  const end = new AbortController();
  const stop = () => {
    end.abort();
  };
  const reader = new Reader(call, end.signal);
  await reader.connect();
  const screen = out instanceof WriteStream && !options.json ? new Screen(out, stop) : null;
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, stop);
  let told: string | null = null;
  try {
    while (!end.signal.aborted) {
      // A server that hangs must not hold whoever wants to go: the end breaks the connection, and so the reading.
      const read = await reader.read();
      if (read === null) break;
      const { list, trouble } = read;
      if (screen !== null) screen.draw(screenLines(call, list, trouble, screen.height));
      else {
        if (trouble === null && list !== null) out.write(plainText(call, list));
        if (trouble !== null && trouble !== told) process.stderr.write(`${trouble}\n`);
        told = trouble;
      }
      await wait(options.interval * 1000, undefined, { signal: end.signal }).catch(() => undefined);
    }
    return 0;
  } finally {
    screen?.close();
    reader.close();
  }
}

/** Reads the list over a connection that is made anew when it breaks. */
class Reader {
  readonly #call: Call<PeersOptions>;
  readonly #end: AbortSignal;
  #client: PearClient | null = null;
  #last: PeerList | null = null;

  /** `end`: closes the connection at once, whatever is under way. */
  constructor(call: Call<PeersOptions>, end: AbortSignal) {
    this.#call = call;
    this.#end = end;
  }

  /** Throws StartupError. */
  async connect(): Promise<PearClient> {
    const { config, options } = this.#call;
    const token = shownToken(options);
    this.#client ??= await connectTo(serverOf(config.server, options), { token, signal: this.#end });
    return this.#client;
  }

  /** The latest list, and why there is no newer one; null when it is to end. Throws what trying again does not mend. */
  async read(): Promise<{ readonly list: PeerList | null; readonly trouble: string | null } | null> {
    const { options } = this.#call;
    try {
      const client = await this.connect();
      this.#last = await readPeers(client, filterOf(options), rowsToRead(options, rowsMax));
      return { list: this.#last, trouble: null };
    } catch (error) {
      if (this.#end.aborted) return null;
      if (error instanceof ConnectionLostError) this.close();
      const isPassing = [ConnectionLostError, StartupError, BusyError, InternalError].some(
        (each) => error instanceof each,
      );
      if (!isPassing || !(error instanceof Error)) throw error;
      return { list: this.#last, trouble: `${printable(error.message)}; trying again` };
    }
  }

  close(): void {
    this.#client?.destroy();
    this.#client = null;
  }
}

function screenLines(
  call: Call<PeersOptions>,
  list: PeerList | null,
  trouble: string | null,
  height: number,
): readonly string[] {
  const { options, config, out } = call;
  const width = widthOf(out);
  const { host, port } = targetOf(config.server, options.connect);
  const above = [
    `pear peers of ${host}:${port} at ${clock(Date.now())}; q ends`,
    ...(trouble === null ? [] : [trouble]),
    ...(list === null ? [] : headLines(call, list, width, Math.floor(height * totalsShare))),
    '',
  ].map((line) => cut(line, width));
  const rows = list === null ? [] : rowsOf(call, list);
  const [titles = '', ...table] = fittedTable(peerColumns(Date.now()), rows, width);
  const room = Math.max(0, height - above.length - 1);
  if (table.length <= room) return [...above, titles, ...table];
  const shown = table.slice(0, Math.max(0, room - 1));
  return [...above, titles, ...shown, cut(`… ${table.length - shown.length} more do not fit`, width)];
}

function headLines(
  call: Call<PeersOptions>,
  list: PeerList,
  width: number,
  totalsMax = Infinity,
): readonly string[] {
  const { status } = list;
  const workers = status.hosts.flatMap((host) => host.workers);
  const oldest = Math.max(0, ...workers.map(({ age_ms }) => age_ms));
  return [
    `${countLine(list, rowsOf(call, list).length)}; ${status.images_per_second} images/s; oldest report ${(oldest / 1000).toFixed(1)} s ago`,
    ...(status.store === 'redis' ? [] : ['this host only: the view lies in the memory of its primary']),
    ...warnings(list),
    '',
    ...totalsTable(list, filterOf(call.options), width, totalsMax),
  ];
}

function plainText(call: Call<PeersOptions>, list: PeerList): string {
  const rows = rowsOf(call, list);
  if (call.options.json) return `${printableJson(rows)}\n`;
  const width = widthOf(call.out);
  return `${[
    `at ${clock(Date.now())}`,
    ...headLines(call, list, width),
    '',
    ...fittedTable(peerColumns(Date.now()), rows, width),
    '',
  ].join('\n')}\n`;
}

function rowsOf({ options }: Call<PeersOptions>, { peers }: PeerList): readonly PeerRecord[] {
  return shownOf(peers, options);
}
