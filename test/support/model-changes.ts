// Changing the model, and who serves by which one then.
import { judge } from './judged.js';
import { item, reply, request } from './replies.js';
import { Wire } from './wire.js';

/** 0x26 and its answer. */
export const change = (wire: Wire, name: string): Promise<string> => wire.ask(request(0x26, [name]));
export const changed = (name: string): string => reply(0x27, item(name, 2, 0));
export const notThere = (name: string): string => reply(0x27, item(name, 1, 2));

/** The models that connections on all workers are judged by. */
export async function models(port: number): Promise<string[]> {
  const names = new Set<string>();
  for (let index = 0; index < 4; index++) {
    await Wire.use(port, async (wire) => names.add((await judge(wire)).model ?? 'none'));
  }
  return [...names];
}
