// What the view knows of a connection, by 0x40.
import { z } from 'zod';
import { peerRecordSchema, type PeerRecord } from '#src/connections/record.js';
import { eventually } from './deadline.js';
import { request } from './replies.js';
import type { Wire } from './wire.js';

const list = z.object({ response_data: z.array(z.object({ result: peerRecordSchema })) });

/** The record of the connection itself, or of `other`, as `asking` is told; that must be an admin. */
export async function recordOf(asking: Wire, other = asking): Promise<PeerRecord> {
  return eventually('it is listed', async () => {
    const { response_data } = list.parse(JSON.parse(await asking.ask(request(0x40, null))));
    return response_data.find(({ result }) => result.port === other.socket.localPort)?.result ?? null;
  });
}
