// `pear events`: what happened to connections, workers and hosts; with --follow also what happens from now on.
import { setTimeout as wait } from 'node:timers/promises';
import { z } from 'zod';
import { storedEventSchema, type StoredEvent } from '../../connections/record.js';
import { adminTarget, AdminHttpError, ask, askJson, type AdminTarget } from '../admin-http.js';
import { printableJson } from '../fitted-table.js';
import { flag, wholeNumber } from '../option-values.js';
import { adminOption, defineTool, type Call } from '../tool.js';
import { eventLine } from './event-line.js';
import { SseParser } from './sse-parser.js';

const tailDefault = 20;
const tailMax = 1_000;
const retryDelayMs = 1_000;

/** The server says something every 15 s; a connection that is silent for longer than three times that is dead. */
const silenceMaxMs = 45_000;

const options = z.strictObject({
  follow: flag('go on with what happens; Ctrl+C ends it'),
  tail: wholeNumber(0, tailMax, 'N', `begin with the last N; ${tailDefault} unless given`),
  json: flag('print a JSON object a line'),
  ...adminOption,
});
type EventsOptions = z.output<typeof options>;

export const eventsTool = defineTool({
  name: 'events',
  takes: '',
  summary: 'what happened to connections, workers and hosts',
  options,
  run: (call) => (call.options.follow ? follow(call) : printLast(call)),
});

const pageSchema = z.object({ events: z.array(storedEventSchema) });

async function printLast(call: Call<EventsOptions>): Promise<number> {
  const tail = call.options.tail ?? tailDefault;
  if (tail === 0) return 0;
  const target = adminTarget(call.config, call.options);
  const { events } = await askJson(target, `/api/events?format=json&tail=${tail}`, pageSchema);
  print(call, events);
  return 0;
}

/** Never resolves: it ends with its process, or with what trying again does not mend. */
async function follow(call: Call<EventsOptions>): Promise<never> {
  const target = adminTarget(call.config, call.options);
  const tail = call.options.tail ?? tailDefault;
  const place: Place = { known: null, isLost: false };
  let query = tail === 0 ? '' : `?tail=${tail}`;
  for (;;) {
    try {
      for await (const event of eventsFrom(target, query, place)) {
        place.known = event.id;
        print(call, [event]);
      }
    } catch (error) {
      if (!isPassing(error, place)) throw error;
    }
    // Until something has happened, there is no place to go on from but the beginning.
    if (place.known !== null) query = '';
    if (!place.isLost) process.stderr.write('the stream of events ended; connecting again\n');
    place.isLost = true;
    await wait(retryDelayMs);
  }
}

interface Place {
  /** The id of the last event that was printed. */
  known: string | null;
  isLost: boolean;
}

/** Ends where the server ends it, or its connection breaks. */
async function* eventsFrom(target: AdminTarget, query: string, place: Place): AsyncGenerator<StoredEvent> {
  const headers = {
    accept: 'text/event-stream',
    ...(place.known === null ? {} : { 'last-event-id': place.known }),
  };
  const response = await ask(target, `/api/events${query}`, headers);
  if (place.isLost) process.stderr.write('connected again\n');
  place.isLost = false;
  response.setEncoding('utf8');
  response.setTimeout(silenceMaxMs, () => {
    response.destroy();
  });
  const parser = new SseParser();
  for await (const piece of response) {
    for (const data of parser.push(String(piece))) yield storedEventSchema.parse(JSON.parse(data));
  }
}

/** At first whatever is wrong is told; later a server that restarts, or is full, is waited for. */
function isPassing(error: unknown, { known, isLost }: Place): boolean {
  if (!(error instanceof AdminHttpError)) return error instanceof Error && 'code' in error;
  return (error.status === 'unreachable' || error.status === 503) && (known !== null || isLost);
}

function print({ options: { json }, out }: Call<EventsOptions>, events: readonly StoredEvent[]): void {
  out.write(events.map((event) => `${json ? printableJson(event) : eventLine(event)}\n`).join(''));
}
