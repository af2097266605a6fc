// What a stream of bytes is owed: a second, plain reading of docs/protocol.md, from which every reply of the server to
// every session, damaged or not, is known but for the verdict on damaged images.
import { z } from 'zod';
import { pieceAt } from './pieces.js';
import { limits, type Playground, type Verdict } from './playground.js';

export interface OwedImage {
  readonly fileName: string;
  /** null: a damaged image, which may still be one. */
  readonly verdict: Verdict | null;
}

export type OwedItems =
  | { readonly type: 'images'; readonly images: readonly OwedImage[]; readonly detail: boolean }
  | { readonly type: 'stopped' }
  /** What was answered when the server was fresh. */
  | { readonly type: 'as ever' }
  | { readonly type: 'connections' }
  /** What became of the connections that 0x42 named, which are not there. */
  | { readonly type: 'not disconnected'; readonly ids: readonly string[] }
  | { readonly type: 'any' };

export interface OwedReply {
  /** What was asked, for what a reply may repeat of it; null where it cannot be read. */
  readonly request: unknown;
  readonly requestId: string | number | undefined;
  /** Code and items of the reply where it is not refused; null: it must be refused. */
  readonly answer: { readonly cmd: number; readonly items: OwedItems } | null;
  /** Codes with which it may be refused as a whole. */
  readonly refusals: readonly number[];
  /** A 0x03 comes behind it. */
  readonly stoppable: boolean;
}

export interface Owed {
  readonly replies: readonly OwedReply[];
  /** Whether more requests could follow, the last one is unfinished, or no more can be found. */
  readonly end: 'open' | 'unfinished' | 'closed';
}

const depthMax = 64;
const tokensMax = 16 * limits.max_batch + 65_536;
const busy = 6;
/** Commands of which only the form of the reply is known: what they name is not there. */
const changing: ReadonlySet<number> = new Set([0x10, 0x20, 0x26, 0x28, 0x30, 0x34]);
const changingRefusals = [1, 5];
const reading: ReadonlySet<number> = new Set([0x22, 0x24, 0x32, 0x36, 0x44]);

const requestIdSchema = z.union([
  z.string().refine((text) => Array.from(text).length <= 128),
  z.number().refine(Number.isSafeInteger),
]);
const requestSchema = z.object({
  cmd: z.int(),
  request_data: z.array(z.unknown()).nullable(),
  request_id: requestIdSchema.optional(),
  detail: z.boolean().optional(),
});
const labelSchema = z.string().refine((text) => text !== '' && Array.from(text).length <= 255);
const nameSchema = z
  .string()
  .refine((name) => Array.from(name).length <= 1024)
  .regex(/\.(jpg|jpeg|png|webp)$/i);
const insideSchema = z.object({ file_name: labelSchema, data: z.string() });
const attachedSchema = z.object({ file_name: labelSchema, bytes: z.int() });
const attachingSchema = z.object({ cmd: z.literal(1), request_data: z.array(z.unknown()) });
const sizeSchema = z.int().min(1).max(limits.max_image_bytes);
const idCarrierSchema = z.object({ request_id: requestIdSchema });
const peerIdsSchema = z
  .array(z.string().refine((id) => id !== '' && Array.from(id).length <= 256))
  .min(1)
  .max(1000);
const querySchema = z.tuple([]).or(z.tuple([z.record(z.string(), z.unknown())]));

/** Reads `bytes` as a client that sends them and then closes its sending side is answered. */
export function owedTo(bytes: Buffer, playground: Playground): Owed {
  const replies: OwedReply[] = [];
  let hasSentGarbage = false;
  /** Of the last request, where the same one again is owed the same: floods are long. */
  let last: { readonly bytes: Buffer; readonly reply: OwedReply } | null = null;
  let at = 0;
  for (;;) {
    const piece = pieceAt(bytes, at, limits.max_message_bytes);
    if (piece === null) return { replies, end: 'open' };
    if (piece.type === 'too long' || piece.type === 'unfinished') {
      replies.push(refused(null, undefined, 1));
      return { replies, end: piece.type === 'unfinished' ? 'unfinished' : 'closed' };
    }
    at = piece.end;
    if (piece.type === 'garbage') {
      hasSentGarbage = true;
      last = null;
      replies.push(refused(null, undefined, 1));
      continue;
    }
    if (last?.bytes.equals(piece.bytes)) {
      replies.push(last.reply);
      continue;
    }
    if (piece.depth > depthMax || piece.tokens > tokensMax) {
      replies.push(refused(null, undefined, 1));
      last = null;
      // Where images may stand behind it, nobody can tell where the next request starts.
      if (['"bytes"', '\\u'].some((sign) => piece.bytes.includes(sign))) return { replies, end: 'closed' };
      continue;
    }
    const { json, isText } = readJson(piece.bytes);
    const sizes = attachedSizes(json);
    if (sizes === null) {
      replies.push(refused(json, idOf(json, isText), 1));
      return { replies, end: 'closed' };
    }
    const attached = sizes.map((size) => bytes.subarray(at, (at += size)));
    const reply = isText
      ? owedReply(json, attached, hasSentGarbage, playground)
      : refused(json, idOf(json, isText), 1);
    const isWhole = at <= bytes.length;
    // A refused request is answered before its attached bytes come, another one because they do not come.
    replies.push(isWhole || reply.answer === null ? reply : refused(json, reply.requestId, 1, busy));
    if (!isWhole) return { replies, end: 'unfinished' };
    last =
      sizes.length === 0 && reply.answer?.items.type !== 'stopped' ? { bytes: piece.bytes, reply } : null;
    if (reply.answer?.items.type === 'stopped') {
      for (const [index, earlier] of replies.entries()) replies[index] = { ...earlier, stoppable: true };
    }
  }
}

function owedReply(
  json: unknown,
  attached: readonly Buffer[],
  hasSentGarbage: boolean,
  playground: Playground,
): OwedReply {
  const parsed = requestSchema.safeParse(json);
  if (!parsed.success) return refused(json, requestIdOf(json), 1);
  const { cmd, request_data, request_id: requestId, detail = false } = parsed.data;
  const args = request_data ?? [];
  const owed = (items: OwedItems, ...refusals: number[]): OwedReply => ({
    request: json,
    requestId,
    answer: { cmd: cmd + 1, items },
    refusals,
    stoppable: false,
  });
  if (cmd === 0x01) {
    const images =
      args.length > 0 && args.length <= limits.max_batch && readImages(args, attached, playground);
    return images ? owed({ type: 'images', images, detail }, busy) : refused(json, requestId, 1);
  }
  if (cmd === 0x40) {
    if (hasSentGarbage) return refused(json, requestId, 5);
    if (args.length === 0) return owed({ type: 'connections' });
    return querySchema.safeParse(args).success
      ? owed({ type: 'connections' }, 1)
      : refused(json, requestId, 1);
  }
  if (cmd === 0x42) {
    if (hasSentGarbage) return refused(json, requestId, 5);
    const ids = peerIdsSchema.safeParse(args);
    return ids.success ? owed({ type: 'not disconnected', ids: ids.data }) : refused(json, requestId, 1);
  }
  if (changing.has(cmd)) return owed({ type: 'any' }, ...changingRefusals);
  if (cmd !== 0x03 && !reading.has(cmd)) return refused(json, requestId, 3);
  if (args.length > 0) return refused(json, requestId, 1);
  if (cmd === 0x03) return owed({ type: 'stopped' });
  return owed({ type: cmd === 0x44 ? 'any' : 'as ever' });
}

/** null: an element is none. */
function readImages(
  args: readonly unknown[],
  attached: readonly Buffer[],
  playground: Playground,
): OwedImage[] | null {
  let next = 0;
  const images = args.map((element): OwedImage | null => {
    const name = nameSchema.safeParse(element);
    if (name.success) return { fileName: name.data, verdict: playground.verdictOfName(name.data) };
    if (typeof element !== 'object' || element === null) return null;
    const inside = insideSchema.safeParse(element);
    const behind = attachedSchema.safeParse(element);
    if (inside.success && !('bytes' in element)) {
      return { fileName: inside.data.file_name, verdict: verdictOfBase64(inside.data.data, playground) };
    }
    if (!behind.success || 'data' in element) return null;
    const bytes = attached[next++] ?? Buffer.alloc(0);
    return { fileName: behind.data.file_name, verdict: playground.verdictOfBytes(bytes) };
  });
  return images.every((image) => image !== null) ? images : null;
}

function verdictOfBase64(text: string, playground: Playground): Verdict | null {
  const isBase64 = text !== '' && text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text);
  const bytes = Buffer.from(text, 'base64');
  if (!isBase64 || bytes.length > limits.max_image_bytes) return { result: null, code: 8 };
  return playground.verdictOfBytes(bytes);
}

/** Sizes of the images attached to a request; null: nobody can tell where the next request begins. */
function attachedSizes(json: unknown): readonly number[] | null {
  const parsed = attachingSchema.safeParse(json);
  if (!parsed.success) return [];
  const sizes: number[] = [];
  for (const element of parsed.data.request_data) {
    if (typeof element !== 'object' || element === null || !('bytes' in element)) continue;
    const size = sizeSchema.safeParse(element.bytes);
    if (!size.success) return null;
    sizes.push(size.data);
  }
  return sizes;
}

/** `json` undefined: it is none. `isText` false: it is not UTF-8, and what could be read of it was read as Latin-1. */
function readJson(bytes: Buffer): { readonly json: unknown; readonly isText: boolean } {
  let isText = true;
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    isText = false;
    text = bytes.toString('latin1');
  }
  // Strings stay as they are; of what stands between, tokens that are whole hexadecimal integers are rewritten.
  const decimal = text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"|[^\s"{}[\]:,]+/gs, (token) =>
    /^-?0x[0-9a-f]+$/i.test(token) && !token.includes('X') ? toDecimal(token) : token,
  );
  try {
    return { json: JSON.parse(decimal), isText };
  } catch {
    return { json: undefined, isText };
  }
}

function toDecimal(token: string): string {
  const value = Number(token.replace('-', ''));
  return (token.startsWith('-') ? '-' : '') + (value === Infinity ? '1e999' : String(value));
}

/** Of what is no text only an id of ASCII is known. */
function idOf(json: unknown, isText: boolean): string | number | undefined {
  const id = requestIdOf(json);
  return !isText && typeof id === 'string' && /[^\0-\x7f]/.test(id) ? undefined : id;
}

function requestIdOf(json: unknown): string | number | undefined {
  return idCarrierSchema.safeParse(json).data?.request_id;
}

function refused(
  request: unknown,
  requestId: string | number | undefined,
  ...refusals: readonly number[]
): OwedReply {
  return { request, requestId, answer: null, refusals, stoppable: false };
}
