// A request as it stands in the bytes of one message: text → JSON → the fields that every command shares.
// What a command's arguments mean is its handler's business; only the sizes of attached images are read here,
// because framing has to know them even where the request is refused.
import { z } from 'zod';
import { InvalidMessageError } from '../errors.js';
import type { TextDecode } from '../text-encoding.js';
import { decimalIntegers } from './hex-integers.js';
import type { ObjectShape } from './object-scanner.js';

/** The command whose images may be attached behind the message. */
export const classificationCommand = 0x01;

export type RequestId = string | number;

export interface Request {
  readonly cmd: number;
  /** `request_data`, empty where it was null. */
  readonly args: readonly unknown[];
  readonly requestId: RequestId | null;
  readonly detail: boolean;
}

/** Sizes in bytes of the attached images, in order; `unknown` where nobody can tell where the next request starts. */
export type Attachments = readonly number[] | 'unknown';

export type ParsedRequest =
  | { readonly ok: true; readonly request: Request; readonly attachments: Attachments }
  | {
      readonly ok: false;
      readonly error: InvalidMessageError;
      readonly requestId: RequestId | null;
      readonly attachments: Attachments;
    };

const requestIdSchema = z.custom<RequestId>(isRequestId, {
  error: 'request_id must be a string of at most 128 characters or an integer from -(2^53-1) to 2^53-1',
});

const envelope = z.object({
  cmd: z.int({ error: 'cmd must be an integer' }),
  // Not z.array(): that would copy what may be long.
  request_data: z.custom<readonly unknown[] | null>((value) => value === null || Array.isArray(value), {
    error: 'request_data must be an array or null',
  }),
  request_id: requestIdSchema.optional(),
  detail: z.boolean({ error: 'detail must be true or false' }).optional(),
});

/** No request needs more; millions of brackets would hold the event loop and fill the memory. */
const depthMax = 64;

/** One message as framing gives it. */
export interface Message extends ObjectShape {
  readonly bytes: Buffer;
}

export interface RequestLimits {
  readonly decode: TextDecode;
  readonly maxImageBytes: number;
  /** A request of more tokens is not read: it would hold the event loop, and nothing needs so many. */
  readonly maxTokens: number;
}

/** Reads one message. Never throws: what is wrong with it comes back as the error to answer with. */
export function parseRequest(message: Message, limits: RequestLimits): ParsedRequest {
  const { decode, maxImageBytes, maxTokens } = limits;
  const unread = refusalUnread(message, maxTokens);
  if (unread !== null) {
    return { ok: false, error: unread, requestId: null, attachments: mayAttach(message) ? 'unknown' : [] };
  }
  const { json, error } = readJson(message, decode);
  const attachments = attachmentSizes(json, maxImageBytes);
  if (error !== null) return { ok: false, error, requestId: asciiIdOf(json), attachments };
  const parsed = envelope.safeParse(json);
  if (!parsed.success) {
    const message = parsed.error.issues[0]?.message ?? 'the request is malformed';
    return { ok: false, error: new InvalidMessageError(message), requestId: requestIdOf(json), attachments };
  }
  const { cmd, request_data, request_id, detail } = parsed.data;
  const request = { cmd, args: request_data ?? [], requestId: request_id ?? null, detail: detail ?? false };
  return { ok: true, request, attachments };
}

/** Why a message is refused without being read; null where it is read. */
function refusalUnread({ tokens, depth }: Message, maxTokens: number): InvalidMessageError | null {
  if (tokens > maxTokens) return new InvalidMessageError('the request holds too many values');
  return depth > depthMax ? new InvalidMessageError('the request is nested too deeply') : null;
}

/** Whether a message that is not read may have images attached: its keys may be written with escapes. */
function mayAttach({ bytes }: Message): boolean {
  return bytes.includes('"bytes"') || bytes.includes('\\u');
}

interface ReadJson {
  /** null where there is none. */
  readonly json: unknown;
  readonly error: InvalidMessageError | null;
}

function readJson({ bytes, hasHexIntegers }: Message, decode: TextDecode): ReadJson {
  try {
    return parseJson(decode(bytes), hasHexIntegers, null);
  } catch {
    const error = new InvalidMessageError("the request is not valid in the server's character encoding");
    // Whatever the encoding, JSON's own characters are ASCII: the sizes of attached images can be read all the same.
    return parseJson(bytes.toString('latin1'), hasHexIntegers, error);
  }
}

function parseJson(text: string, hasHexIntegers: boolean, error: InvalidMessageError | null): ReadJson {
  try {
    return { json: JSON.parse(hasHexIntegers ? decimalIntegers(text) : text), error };
  } catch {
    return { json: null, error: error ?? new InvalidMessageError('the request is not valid JSON') };
  }
}

const idCarrier = z.object({ request_id: requestIdSchema });

function requestIdOf(json: unknown): RequestId | null {
  const parsed = idCarrier.safeParse(json);
  return parsed.success ? parsed.data.request_id : null;
}

/** The request_id of a message in an unknown encoding, where that cannot have changed it. */
function asciiIdOf(json: unknown): RequestId | null {
  const id = requestIdOf(json);
  return typeof id === 'string' && /[\u0080-\u00ff]/.test(id) ? null : id;
}

function attachmentSizes(json: unknown, maxImageBytes: number): Attachments {
  if (typeof json !== 'object' || json === null || !('cmd' in json) || !('request_data' in json)) return [];
  if (json.cmd !== classificationCommand || !Array.isArray(json.request_data)) return [];
  const elements: readonly unknown[] = json.request_data;
  const sizes: number[] = [];
  for (const element of elements) {
    if (typeof element !== 'object' || element === null || !('bytes' in element)) continue;
    const size = element.bytes;
    if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 1 || size > maxImageBytes)
      return 'unknown';
    sizes.push(size);
  }
  return sizes;
}

function isRequestId(value: unknown): boolean {
  if (typeof value !== 'string') return Number.isSafeInteger(value);
  // A code point is 1 or 2 units of the string; the first look spares counting a long one.
  return value.length <= 256 && Array.from(value).length <= 128;
}
