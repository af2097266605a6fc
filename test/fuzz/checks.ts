// Whether what came back is what was owed: the form of every reply, its place in the order, what it says, and that it
// tells nothing of the inside of the server.
import { z } from 'zod';
import { encodeJson } from '#src/protocol/json.js';
import { peerRecordSchema } from '#src/connections/record.js';
import type { Owed, OwedImage, OwedItems, OwedReply } from './owed.js';

const replySchema = z.strictObject({
  cmd: z.int().nullable(),
  response_data: z.array(z.record(z.string(), z.json())),
  request_data: z.null(),
  request_id: z.union([z.string(), z.number()]).optional(),
});
const writtenSchema = z.record(z.string(), z.json());
const connectionSchema = z.union([peerRecordSchema, z.strictObject({ cursor: z.string() })]);
type Reply = z.output<typeof replySchema>;
type Item = Reply['response_data'][number];

const itemKeys = ['file_name', 'result', 'error_code'];
const detailKeys = ['label', 'confidence', 'bbox', 'detections', 'model', 'timing_ms'];
const cancelled = 7;
const codeMax = 8;

/** Traces of a stack, of a path of the server's machine or of where the program lies. */
const leaks: readonly (RegExp | string)[] = [
  /node:[a-z]+|\bat (?:async |new )?[\w.]+ \(|\bat Object\.|file:\/\//,
  /\.[mc]?[jt]s:\d/,
  /(?:^|[\s"'`(=])\/(?:[\w.-]+\/)+[\w.-]*/,
  /node_modules|ENOENT|EACCES|EPERM/,
  process.cwd(),
];

/** What each of the commands that look was answered when the server was fresh: the items, as text. */
export type FirstAnswers = ReadonlyMap<number, string>;

/** How much of what is owed must have come. */
export type Completeness = 'all' | 'beginning';

/** What is wrong with the replies of a session; null: nothing. `text`: everything that was received, as Latin-1. */
export function problemWith(
  text: string,
  owed: Owed,
  completeness: Completeness,
  firstAnswers: FirstAnswers,
): string | null {
  const strange = /[^\x20-\x7e\n]/.exec(text);
  if (strange !== null) return `the byte ${strange[0].charCodeAt(0)} in a reply`;
  const lines = text.split('\n');
  const rest = lines.pop() ?? '';
  for (const [index, line] of lines.entries()) {
    const reply = owed.replies[index];
    if (reply === undefined) return `${lines.length} replies to ${owed.replies.length} requests: ${line}`;
    // Most replies to a flood are the one before again.
    if (line === lines[index - 1] && reply === owed.replies[index - 1]) continue;
    const problem = problemWithReply(line, reply, firstAnswers);
    if (problem !== null) return `reply ${index}: ${problem}: ${line}`;
  }
  if (completeness === 'beginning') return null;
  if (rest !== '') return `half a reply: ${rest}`;
  if (lines.length < owed.replies.length)
    return `${lines.length} replies where ${owed.replies.length} are owed, the last one ${lines.at(-1) ?? 'none'}`;
  return null;
}

/** Error codes in the replies that were received, whole refusals included, in their order. */
export function codesIn(text: string): number[] {
  return Array.from(text.matchAll(/"error_code": (\d+)/g), ([, code]) => Number(code));
}

function problemWithReply(line: string, owed: OwedReply, firstAnswers: FirstAnswers): string | null {
  const json = readJson(line);
  const parsed = replySchema.safeParse(json);
  if (!parsed.success) return `it has not the form of a reply (${z.prettifyError(parsed.error)})`;
  const reply = parsed.data;
  const keys = [
    'cmd',
    'response_data',
    'request_data',
    ...(owed.requestId === undefined ? [] : ['request_id']),
  ];
  const written = writtenSchema.parse(json);
  if (Object.keys(written).join() !== keys.join()) return `its keys are not ${keys.join(', ')}`;
  if (encodeJson(written) !== line) return 'it is not written as the Python server writes';
  if (reply.request_id !== owed.requestId) return `its request_id is not ${JSON.stringify(owed.requestId)}`;
  if (reply.cmd === null) return problemWithRefusal(reply, owed);
  if (owed.answer === null) return `it is no refusal with code ${owed.refusals.join(' or ')}`;
  if (reply.cmd !== owed.answer.cmd) return `its cmd is not ${owed.answer.cmd}`;
  return problemWithItems(reply, owed, owed.answer.items, firstAnswers);
}

function problemWithRefusal(
  { response_data: items }: Reply,
  { request, refusals }: OwedReply,
): string | null {
  const [item] = items;
  if (items.length !== 1 || item === undefined) return 'a refusal has one item';
  if (Object.keys(item).join() !== [...itemKeys, 'message'].join()) return 'it is no item of a refusal';
  if (item['file_name'] !== null || item['result'] !== null) return 'a refusal names no file and no result';
  if (!refusals.some((code) => code === item['error_code'])) {
    return refusals.length === 0
      ? 'it must not be refused'
      : `it may be refused with ${refusals.join()} only`;
  }
  return leakIn(item, request);
}

function problemWithItems(
  { cmd, response_data: items }: Reply,
  { request, stoppable }: OwedReply,
  owed: OwedItems,
  firstAnswers: FirstAnswers,
): string | null {
  switch (owed.type) {
    case 'images':
      if (items.length !== owed.images.length) return `it has not ${owed.images.length} items`;
      for (const [index, image] of owed.images.entries()) {
        const problem = problemWithImage(items[index] ?? {}, image, owed.detail, stoppable);
        if (problem !== null) return `item ${index}: ${problem}`;
      }
      return null;
    case 'stopped':
      return encodeJson(items) === '[{"result": 2, "error_code": 0}]' ? null : 'it is not the answer to 0x03';
    case 'as ever':
      return encodeJson(items) === firstAnswers.get(cmd ?? 0) ? null : 'it was another answer at first';
    case 'connections':
      return items.every(isConnection) ? leakIn(items, request) : 'an item is no connection';
    case 'not disconnected':
      return encodeJson(items) === encodeJson(owed.ids.map(notDisconnected))
        ? null
        : 'it does not say of each in order that nobody was disconnected';
    case 'any': {
      const isFormed =
        items.length > 0 && items.every((item) => Object.keys(item).join() === itemKeys.join());
      if (!isFormed || codesIn(encodeJson(items)).some((code) => code > codeMax)) return 'an item is none';
      return leakIn(items, request);
    }
    default:
      return owed satisfies never;
  }
}

function problemWithImage(
  item: Item,
  { fileName, verdict }: OwedImage,
  detail: boolean,
  stoppable: boolean,
): string | null {
  const keys = detail ? [...itemKeys, ...detailKeys] : itemKeys;
  const { file_name, result, error_code: code } = item;
  if (Object.keys(item).join() !== keys.join()) return `its keys are not ${keys.join(', ')}`;
  if (file_name !== fileName) return `its file_name is not ${JSON.stringify(fileName)}`;
  if (stoppable && code === cancelled && result === null) return null;
  if (verdict === null) {
    const isJudged = code === 0 && [-1, 0, 1].some((known) => known === result);
    return isJudged || (code === 8 && result === null) ? null : 'neither a verdict nor an invalid image';
  }
  if (code !== verdict.code || result !== verdict.result) {
    return `it is not result ${verdict.result} with code ${verdict.code}`;
  }
  return null;
}

/** No other host can be reached by the server that is tested. */
function notDisconnected(id: string): Item {
  const item = { file_name: id, result: 1, error_code: 2 };
  return /^[\w.-]{1,64}\/./.test(id) ? { ...item, error_code: 9, message: 'owner unreachable' } : item;
}

function isConnection(item: Item): boolean {
  if (Object.keys(item).join() !== itemKeys.join()) return false;
  if (item['file_name'] !== null || item['error_code'] !== 0) return false;
  return connectionSchema.safeParse(item['result']).success;
}

/** A text in `reply` that the request did not hold and that tells of the inside of the server. */
function leakIn(reply: z.core.util.JSONType, request: unknown): string | null {
  const said = new Set(textsIn(request));
  for (const text of textsIn(reply)) {
    const isLeak = leaks.some((leak) => (typeof leak === 'string' ? text.includes(leak) : leak.test(text)));
    if (isLeak && !said.has(text)) return `it tells ${JSON.stringify(text)}`;
  }
  return null;
}

function textsIn(json: unknown): string[] {
  if (typeof json === 'string') return [json];
  return typeof json === 'object' && json !== null ? Object.values(json).flatMap(textsIn) : [];
}

function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
