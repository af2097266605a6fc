// Reads the JSON that a request brings, within bounds of size and time. That its content type is demanded keeps
// foreign web pages out: a browser asks beforehand whether a page may send such, and is told no.
import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import { InvalidMessageError } from '../errors.js';
import { shownText } from '../shown-text.js';
import { HttpError } from './answer.js';
import { describeIssues } from './query.js';

/** A thousand ids of the greatest length, as JSON. */
const bodyBytesMax = 512 * 1024;
const bodyTimeoutMs = 10_000;

/** Throws HttpError and InvalidMessageError, and then leaves what it has not read unread. */
export async function readJsonBody<Schema extends z.ZodType>(
  message: IncomingMessage,
  schema: Schema,
): Promise<z.output<Schema>> {
  const type = message.headers['content-type'] ?? '';
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new HttpError(
      415,
      `the body must be JSON, and say so: send the header content-type: application/json` +
        (type === '' ? '' : `, not ${shownText(type)}`),
    );
  }
  const body = schema.safeParse(parse(await readText(message)));
  if (!body.success) throw new InvalidMessageError(describeIssues(body.error));
  return body.data;
}

function readText(message: IncomingMessage): Promise<string> {
  const tooLarge = new HttpError(413, `the body is larger than ${bodyBytesMax} bytes; send it in parts`, {
    connection: 'close',
  });
  if (Number(message.headers['content-length'] ?? 0) > bodyBytesMax) return Promise.reject(tooLarge);
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let size = 0;
    const fail = (error: Error) => {
      clearTimeout(timer);
      message.pause();
      reject(error);
    };
    const timer = setTimeout(() => {
      fail(
        new HttpError(408, `the body did not come within ${bodyTimeoutMs / 1000} s; send it again`, {
          connection: 'close',
        }),
      );
    }, bodyTimeoutMs);
    message.on('data', (chunk: Buffer) => {
      size += chunk.length;
      if (size > bodyBytesMax) fail(tooLarge);
      else chunks.push(chunk);
    });
    message.once('end', () => {
      clearTimeout(timer);
      resolve(Buffer.concat(chunks).toString());
    });
    message.once('error', () => {
      fail(new HttpError(400, 'the body broke off; send it again', { connection: 'close' }));
    });
  });
}

function parse(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch {
    throw new InvalidMessageError('the body is not valid JSON');
  }
}
