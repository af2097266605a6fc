// What happens to connections, workers and hosts: as server-sent events, or one page as JSON.
import { z } from 'zod';
import type { ConnectionsReader, EventPage } from '../../connections/store.js';
import { InvalidMessageError } from '../../errors.js';
import { HttpError, json, type Answer, type StreamAnswer } from '../answer.js';
import { eventStreamsMax, type EventStreams } from '../events/event-streams.js';
import { readQuery } from '../query.js';
import type { Route, RouteRequest } from '../route.js';

const pageMax = 1_000;
const count = z.coerce.number().int().min(1).max(pageMax);

const querySchema = z.strictObject({
  after: z.string().optional(),
  tail: count.optional(),
  limit: count.optional(),
  format: z.enum(['json', 'stream']).optional(),
});

export function eventsRoute(view: ConnectionsReader, streams: EventStreams): Route {
  return {
    path: '/api/events',
    method: 'GET',
    role: 'admin',
    answer: (request) => answer(request, view, streams),
  };
}

async function answer(
  { query, message }: RouteRequest,
  view: ConnectionsReader,
  streams: EventStreams,
): Promise<Answer | StreamAnswer> {
  const { after, tail, limit, format } = readQuery(query, querySchema);
  if (after !== undefined && tail !== undefined)
    throw new InvalidMessageError('after and tail do not go together; give the one or the other');
  if (format === 'json' || (format === undefined && wantsJson(message.headers.accept))) {
    return json(200, await view.events({ after: after ?? null, limit: tail ?? limit ?? pageMax }));
  }
  if (limit !== undefined)
    throw new InvalidMessageError('limit is for one page, format=json; a stream begins with tail=N');
  if (streams.isFull) {
    throw new HttpError(503, `${eventStreamsMax} readers follow the events already; try again later`, {
      'retry-after': '5',
    });
  }
  // A browser that connects anew asks for the same address, and says in this header what it knows by now.
  const lastEventId = message.headers['last-event-id'];
  const known = typeof lastEventId === 'string' && lastEventId !== '' ? lastEventId : after;
  const page = await firstPage(view, known, tail);
  return {
    type: 'text/event-stream',
    start: (response) => {
      streams.start(response, page);
    },
  };
}

/** Read before anything is answered, so that a mistake is told as such. */
async function firstPage(
  view: ConnectionsReader,
  known: string | undefined,
  tail: number | undefined,
): Promise<EventPage> {
  if (known !== undefined) return view.events({ after: known, limit: pageMax });
  const page = await view.events({ after: null, limit: tail ?? 1 });
  return tail === undefined ? { ...page, events: [] } : page;
}

function wantsJson(accept = ''): boolean {
  return accept.includes('application/json') && !accept.includes('text/event-stream');
}
