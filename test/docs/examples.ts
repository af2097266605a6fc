// The examples of docs/protocol.md: fenced blocks marked `wire`, in the notation that the page itself explains. Here
// they are read and played to a server; a difference is an error that says what the page should have.
import assert from 'node:assert/strict';
import { sample } from '../support/pictures.js';
import { Wire } from '../support/wire.js';

export interface Step {
  readonly type: 'request' | 'reply' | 'end';
  readonly text: string;
  /** Where it stands in the page. */
  readonly line: number;
}

/** What is said on one connection. */
export interface Example {
  readonly heading: string;
  readonly line: number;
  readonly steps: readonly Step[];
}

const endMark = '← ‹end›';

/** Stands for a value that differs: a number, numbers of a list, what is between quotes. */
const varyingValue = String.raw`[^"{}\[\]]+`;

/** Every example of a page. Throws for a line that is none of the notation's. */
export function readExamples(page: string): Example[] {
  const examples: Example[] = [];
  let heading = '';
  let steps: Step[] | null = null;
  let language: string | null = null;
  for (const [index, text] of page.split('\n').entries()) {
    const line = index + 1;
    if (text.startsWith('```')) {
      language = language === null ? text.slice(3) : null;
      steps = language === 'wire' ? [] : null;
      if (steps !== null) examples.push({ heading, line, steps });
    } else if (steps !== null) {
      steps.push(readStep(text, line));
    } else if (language === null && text.startsWith('#')) {
      heading = text.replace(/^#+ /, '');
    }
  }
  return examples;
}

function readStep(text: string, line: number): Step {
  if (text === endMark) return { type: 'end', text, line };
  const [, arrow, message = ''] = /^([→←]) (.+)$/.exec(text) ?? [];
  assert.ok(arrow !== undefined, `line ${line} is neither a request (→) nor a reply (←): ${text}`);
  return { type: arrow === '→' ? 'request' : 'reply', text: message, line };
}

/** The codes of the commands that are sent in `example`. */
export function commandsIn(example: Example): number[] {
  const requests = example.steps.filter(({ type }) => type === 'request');
  return requests.flatMap(({ text }) => [...text.matchAll(/"cmd": (\w+)/g)].map(([, code]) => Number(code)));
}

/** Plays an example on a connection of its own. Rejects where the server does not answer, or close, as it says. */
export async function play(example: Example, port: number): Promise<void> {
  const wire = await Wire.open(port);
  try {
    for (const { type, text, line } of example.steps) {
      if (type === 'request') wire.send(await requestBytes(text));
      if (type === 'reply') assertReply(await wire.reply(), text, line);
      if (type === 'end') await wire.closed();
    }
    wire.finish();
    await wire.closed();
    assert.equal(wire.received, '', `line ${example.line}: the server answers more than the example says`);
  } finally {
    wire.close();
  }
}

/** Throws where `reply` is not what `text`, in the notation of replies, stands for. */
export function assertReply(reply: string, text: string, line: number): void {
  const pattern = text
    .split(/‹[^›]+›/)
    .map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'))
    .join(varyingValue);
  const fits = new RegExp(`^${pattern}$`).test(reply);
  assert.ok(fits, `line ${line}: the server answers\n${reply}\nwhere the page has\n${text}`);
}

/** The bytes of a request, `‹62671 bytes of normal-01.jpg›` and `‹base64 of normal-01.jpg›` being those of the sample. */
async function requestBytes(text: string): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (const [index, part] of text.split(/‹([^›]*)›/).entries()) {
    parts.push(index % 2 === 0 ? Buffer.from(part) : await sampleBytes(part));
  }
  return Buffer.concat(parts);
}

async function sampleBytes(description: string): Promise<Buffer> {
  const [, count, name = ''] = /^(?:(\d+) bytes|base64) of (\S+)$/.exec(description) ?? [];
  const bytes = await sample(name);
  if (count === undefined) return Buffer.from(bytes.toString('base64'));
  assert.ok(Number(count) <= bytes.length, `${name} has ${bytes.length} bytes, less than ${count}`);
  return bytes.subarray(0, Number(count));
}
