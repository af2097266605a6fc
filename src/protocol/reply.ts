// Replies as they go to the peer: the keys and their order, the bytes of the Python server, the terminator.
import type { ErrorCode } from '../errors.js';
import { encodeJson, type JsonValue } from './json.js';
import type { RequestId } from './request.js';

/** One entry of `response_data`; its keys are written in the order in which they stand. */
export type ResponseItem = { readonly [key: string]: JsonValue | undefined };

export interface Reply {
  /** The reply's code; null where the request as a whole was refused. */
  readonly cmd: number | null;
  readonly items: readonly ResponseItem[];
  readonly requestId: RequestId | null;
}

/** The reply to a request of which nothing is done. */
export function refusal(code: ErrorCode, message: string, requestId: RequestId | null): Reply {
  return { cmd: null, items: [{ file_name: null, result: null, error_code: code, message }], requestId };
}

/** ASCII bytes of a reply, ended by `terminator`. */
export function encodeReply(reply: Reply, terminator: string): Buffer {
  const text = encodeJson({
    cmd: reply.cmd,
    response_data: reply.items,
    request_data: null,
    request_id: reply.requestId ?? undefined,
  });
  return Buffer.from(text + terminator, 'utf8');
}
