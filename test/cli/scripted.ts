// Answers of a server that a test writes itself, for what a sound one does at rare moments only.
import type { Socket } from 'node:net';
import { z } from 'zod';
import type { ServerStatus } from '#src/cli/peers/read.js';
import type { PeerRecord } from '#src/connections/record.js';
import type { Ending } from '../support/server.js';
import { oddServer } from './odd-server.js';

const requestSchema = z.object({ cmd: z.number(), request_data: z.array(z.unknown()) });
export type Asked = z.output<typeof requestSchema>;

/** Items of a reply, without what is the same in all of them. */
type Item = Readonly<Record<string, unknown>>;

/** `answer`: the items of the reply, or why it is refused (code 1). */
export function scriptedServer(
  ending: Ending,
  answer: (asked: Asked, socket: Socket) => readonly Item[] | string,
): Promise<{ readonly port: number }> {
  return oddServer(ending, (socket, text) => {
    const asked = requestSchema.parse(JSON.parse(text));
    const answered = answer(asked, socket);
    const reply =
      typeof answered === 'string'
        ? { cmd: null, response_data: [{ error_code: 1, message: answered }] }
        : {
            cmd: asked.cmd,
            response_data: answered.map((item) => ({ file_name: null, error_code: 0, ...item })),
          };
    // In ASCII, as a sound one writes it.
    const ascii = (unit: string) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`;
    socket.write(JSON.stringify(reply).replaceAll(/[\u0080-\uffff]/g, ascii));
  });
}

export function peer(id: string, more: Partial<PeerRecord> = {}): PeerRecord {
  return {
    id,
    worker: 'line-7:1:a',
    host: 'line-7',
    address: '10.0.0.7',
    port: 5000,
    tls: false,
    identity: null,
    role: 'admin',
    state: 'active',
    connected_at: 1,
    last_activity_at: 1,
    requests: 1,
    images: 1,
    errors: 0,
    in_flight: 0,
    bytes_in: 1,
    bytes_out: 1,
    last_latency_ms: null,
    last_result: null,
    ...more,
  };
}

/** What 0x44 answers: hosts with so many workers each, of which each has `peers` connections. */
export function status(hosts: Readonly<Record<string, number>>, peers = 1): ServerStatus {
  return {
    store: 'redis',
    scope: 'all hosts',
    unread: [],
    images_per_second: 0,
    hosts: Object.entries(hosts).map(([host, workers]) => ({
      host,
      workers: Array.from({ length: workers }, (_, slot) => ({
        worker: `${host}:${slot + 1}:a`,
        state: 'serving',
        peers,
        queued: 0,
        in_flight: 0,
        images: 0,
        age_ms: 100,
      })),
    })),
  };
}
