// Replies as text, as clients that search them see them.

/** One entry of `response_data`. */
export const item = (fileName: string | null, result: number | null, code: number): string =>
  `{"file_name": ${JSON.stringify(fileName)}, "result": ${result}, "error_code": ${code}}`;

export const reply = (cmd: number, ...items: string[]): string =>
  `{"cmd": ${cmd}, "response_data": [${items.join(', ')}], "request_data": null}`;

/** The answer to a request that is refused as a whole; `tail`: what stands before its last brace. */
export const refused = (code: number, message: string, tail = ''): string =>
  `{"cmd": null, "response_data": [{"file_name": null, "result": null, "error_code": ${code}, "message": "${message}"}], "request_data": null${tail}}`;

/** The code of every item of a reply, in order. */
export const codesOf = (text: string): number[] =>
  [...text.matchAll(/"error_code": (\d+)/g)].map(([, code]) => Number(code));

/** A request as most clients write it. */
export const request = (cmd: number, args: unknown, more: Readonly<Record<string, unknown>> = {}): string =>
  JSON.stringify({ cmd, request_data: args, ...more });

/** The least that a client may ask for, and what it is answered by a server with the usual image folder. */
export const askFolder = '{"cmd": 0x32, "request_data": null}';
export const folder = reply(0x33, item('models/samples', 2, 0));
