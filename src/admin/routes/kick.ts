// Disconnects connections, of any host.
import { z } from 'zod';
import type { Kicker } from '../../connections/kick.js';
import type { Logger } from '../../log.js';
import { json } from '../answer.js';
import { readJsonBody } from '../json-body.js';
import type { Route } from '../route.js';

const idsMax = 1_000;
const idLengthMax = 256;

const expected = `the body must be {"ids": […]} with 1 to ${idsMax} ids of connections, texts of 1 to ${idLengthMax} characters`;
const bodySchema = z.strictObject(
  { ids: z.array(z.string().min(1).max(idLengthMax), { error: expected }).min(1).max(idsMax) },
  { error: expected },
);

export function kickRoute(kicker: Kicker, log: Logger): Route {
  return {
    path: '/api/connections/kick',
    method: 'POST',
    role: 'admin',
    answer: async ({ message, by }) => {
      const { ids } = await readJsonBody(message, bodySchema);
      const answers = await kicker.kick(ids, by);
      const kicked = answers.filter(({ outcome }) => outcome === 'kicked').map(({ id }) => id);
      log.info({ by, asked: ids.length, kicked }, 'connections were kicked over HTTP');
      return json(200, { answers });
    },
  };
}
