// What a client is told of a change that it has asked for.
import { errorCodes, wireErrorOf } from '../errors.js';
import type { ResponseItem } from '../protocol/reply.js';
import type { Change, Changer } from '../settings/change.js';
import { failure, success } from './base-handler.js';

/** What is wrong with what was named is said beside the name; the rest concerns the request as a whole. */
const codesOfNames: ReadonlySet<number> = new Set([
  errorCodes.invalidMessage,
  errorCodes.resourceNotFound,
  errorCodes.timeout,
  errorCodes.notPermitted,
]);

/** The item for `change`, under the name that the client wrote. Throws WireError. */
export async function changed(changer: Changer, change: Change, by: string): Promise<ResponseItem> {
  const answer = await changer.change(change, by);
  if (answer.ok) return success(change.name);
  if (codesOfNames.has(answer.code)) return failure(change.name, answer.code);
  throw wireErrorOf(answer.code, answer.message);
}
