// Classifications with detail, and the model that each was made by.
import { z } from 'zod';
import { request } from './replies.js';
import type { Wire } from './wire.js';

const detailSchema = z.object({
  response_data: z.array(
    z.object({
      result: z.int().nullable(),
      error_code: z.int(),
      model: z.object({ name: z.string() }).nullish(),
    }),
  ),
});

export interface Judged {
  readonly result: number | null;
  readonly code: number;
  /** null: none was named, since the image failed or the request was refused. */
  readonly model: string | null;
}

/** Asks for one image, with detail. */
export async function judge(wire: Wire, image = 'normal-01.jpg'): Promise<Judged> {
  const reply: unknown = JSON.parse(await wire.ask(request(1, [image], { detail: true })));
  const [item] = detailSchema.parse(reply).response_data;
  return { result: item?.result ?? null, code: item?.error_code ?? -1, model: item?.model?.name ?? null };
}
