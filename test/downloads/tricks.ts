// What a host may do to a server that fetches a model from it, and what the server then says.
import type { Socket } from 'node:net';
import type { DownloaderOptions } from '#src/downloads/model-downloader.js';
import { errorCodes, type ErrorCode } from '#src/errors.js';
import { file, hurryIn, redirect, statusLine, type Script } from './model-host.js';

const { resourceNotFound, timeout, notPermitted } = errorCodes;

export interface Trick {
  readonly what: string;
  readonly scripts: Readonly<Record<string, Script>>;
  readonly code: ErrorCode;
  readonly words: RegExp;
  /** What the log must have. */
  readonly reason?: RegExp;
  readonly options?: Partial<DownloaderOptions>;
}

/** What every trick is asked for. */
export const path = '/pear.onnx';

export const tricks: readonly Trick[] = [
  ...['http://10.0.0.5/a', 'http://169.254.169.254/latest/meta-data', 'http://localhost/', '//[::1]/a'].map(
    (location) => ({
      what: `redirects to an address inside: ${location}`,
      scripts: { [path]: redirect(location) },
      code: notPermitted,
      words: /^models may not be downloaded from this host/,
      reason: /is not listed/,
    }),
  ),
  {
    what: 'redirects to another host',
    scripts: { [path]: redirect('https://evil.example/pear.onnx') },
    code: notPermitted,
    words: /^models may not be downloaded from this host/,
    reason: /evil\.example:443 is not listed/,
  },
  {
    what: 'redirects to another port of itself',
    scripts: { [path]: redirect('http://127.0.0.1:1/pear.onnx') },
    code: notPermitted,
    words: /^models may not be downloaded from this host/,
  },
  {
    what: 'redirects to a file of ours',
    scripts: { [path]: redirect('file:///etc/passwd') },
    code: notPermitted,
    words: /^only https URLs/,
  },
  {
    what: 'redirects in a circle',
    scripts: { [path]: redirect(path) },
    code: resourceNotFound,
    words: /redirects more than 5 times/,
  },
  ...['http://[', 'http://', ''].map((location) => ({
    what: `redirects to what is no URL: "${location}"`,
    scripts: { [path]: location === '' ? statusLine('302 Found', '') : redirect(location) },
    code: resourceNotFound,
    words: /redirects to what is no URL/,
  })),
  {
    what: 'never says anything',
    scripts: { [path]: () => {} },
    code: timeout,
    words: /took too long to answer/,
    options: { patience: hurryIn('answerTimeoutMs') },
  },
  {
    what: 'sends headers without an end, slowly',
    scripts: {
      [path]: (socket) => {
        trickle(socket, 'HTTP/1.1 200 OK\r\n', () => 'a: b\r\n', 20);
      },
    },
    code: timeout,
    words: /took too long to answer/,
    options: { patience: hurryIn('answerTimeoutMs') },
  },
  {
    what: 'sends headers without an end, fast',
    scripts: {
      [path]: (socket) => {
        trickle(socket, 'HTTP/1.1 200 OK\r\n', () => `a: ${'b'.repeat(4000)}\r\n`, 1);
      },
    },
    code: resourceNotFound,
    words: /no sound HTTP/,
  },
  {
    what: 'sends a header that is huge',
    scripts: { [path]: file('model', `a: ${'b'.repeat(100_000)}\r\n`) },
    code: resourceNotFound,
    words: /no sound HTTP/,
  },
  {
    what: 'keeps saying that the answer will come',
    scripts: {
      [path]: (socket) => {
        trickle(socket, '', () => 'HTTP/1.1 102 Processing\r\n\r\n', 20);
      },
    },
    code: timeout,
    words: /took too long to answer/,
    options: { patience: hurryIn('answerTimeoutMs') },
  },
  {
    what: 'sends a byte now and then',
    scripts: {
      [path]: (socket) => {
        trickle(socket, 'HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n', () => 'x', 20);
      },
    },
    code: timeout,
    words: /sent too little for too long/,
    options: { patience: hurryIn('progressTimeoutMs') },
  },
  {
    what: 'sends enough to be borne, but takes longer than a download may',
    scripts: {
      [path]: (socket) => {
        trickle(socket, 'HTTP/1.1 200 OK\r\ncontent-length: 1000000\r\n\r\n', () => 'x', 20);
      },
    },
    code: timeout,
    words: /the download took too long/,
    options: { timeoutMs: 500 },
  },
  {
    what: 'announces more than a model may have',
    scripts: { [path]: (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1048577\r\n\r\n') },
    code: resourceNotFound,
    words: /larger than limits\.max_model_bytes, 1048576/,
  },
  {
    what: 'announces a length beyond all numbers',
    scripts: { [path]: `HTTP/1.1 200 OK\r\ncontent-length: ${'9'.repeat(400)}\r\n\r\n` },
    code: resourceNotFound,
    words: /no sound HTTP|no sound length|larger/,
  },
  {
    what: 'announces two lengths',
    scripts: { [path]: 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nmodels' },
    code: resourceNotFound,
    words: /no sound HTTP/,
  },
  {
    what: 'sends less than it announced',
    scripts: { [path]: 'HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nmodel' },
    code: resourceNotFound,
    words: /closed the connection before the file was whole/,
  },
  {
    what: 'sends more than it announced',
    scripts: { [path]: 'HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nmodel and more' },
    code: resourceNotFound,
    words: /no sound HTTP/,
  },
  {
    what: 'sends a body without an end',
    scripts: {
      [path]: (socket) => {
        socket.write('HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n');
        const pour = () => {
          while (socket.writable && socket.write(Buffer.concat([Buffer.from('10000\r\n'), sixtyFour, end])));
        };
        socket.on('drain', pour);
        pour();
      },
    },
    code: resourceNotFound,
    words: /larger than limits\.max_model_bytes/,
  },
  {
    what: 'breaks off in the middle of chunks',
    scripts: { [path]: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nmodel\r\n' },
    code: resourceNotFound,
    words: /closed the connection before the file was whole/,
  },
  {
    what: 'resets the connection in the middle',
    scripts: {
      [path]: (socket) => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nmodel', () => socket.resetAndDestroy());
      },
    },
    code: resourceNotFound,
    words: /closed the connection before the file was whole|the connection to the host failed/,
  },
  {
    what: 'closes at once',
    scripts: { [path]: (socket) => socket.destroy() },
    code: resourceNotFound,
    words: /closed the connection before the file was whole/,
  },
  {
    what: 'says neither a length nor chunks, so that half looks like all',
    scripts: { [path]: 'HTTP/1.1 200 OK\r\n\r\nmodel' },
    code: resourceNotFound,
    words: /does not say how long the file is; give its SHA-256/,
  },
  {
    what: 'sends trailers without an end',
    scripts: {
      [path]: (socket) => {
        const start = 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nmodel\r\n0\r\n';
        trickle(socket, start, () => `a: ${'b'.repeat(4000)}\r\n`, 1);
      },
    },
    code: resourceNotFound,
    words: /no sound HTTP/,
  },
  {
    what: 'sends it compressed chunk by chunk',
    scripts: {
      [path]: 'HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n5\r\nmodel\r\n0\r\n\r\n',
    },
    code: resourceNotFound,
    words: /in a form that was not asked for/,
    reason: /gzip, chunked/,
  },
  {
    what: 'sends nothing',
    scripts: { [path]: file('') },
    code: resourceNotFound,
    words: /an empty file/,
  },
  {
    what: 'sends nothing, in chunks',
    scripts: { [path]: 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n' },
    code: resourceNotFound,
    words: /an empty file/,
  },
  ...['text/html; charset=utf-8', 'Text/Plain'].map((type) => ({
    what: `sends a page: ${type}`,
    scripts: { [path]: file('<html>', `content-type: ${type}\r\n`) },
    code: resourceNotFound,
    words: /sends a text, perhaps a page for people, and not a model; give the URL of the file/,
    reason: /text\//i,
  })),
  {
    what: 'sends it compressed',
    scripts: { [path]: file('model', 'content-encoding: gzip\r\n') },
    code: resourceNotFound,
    words: /sends the file compressed/,
  },
  ...['404 Not Found', '500 Oops', '206 Partial Content', '204 No Content', '304 Not Modified'].map(
    (status) => ({
      what: `answers ${status}`,
      scripts: { [path]: statusLine(status, status.startsWith('2') ? '' : 'model') },
      code: resourceNotFound,
      words: new RegExp(`answers with status ${status.slice(0, 3)}$`),
    }),
  ),
  {
    what: 'wants to speak something else',
    scripts: { [path]: 'HTTP/1.1 101 Switching Protocols\r\nupgrade: a\r\nconnection: upgrade\r\n\r\n' },
    code: resourceNotFound,
    words: /./,
  },
  {
    what: 'speaks no HTTP',
    scripts: { [path]: 'SSH-2.0-OpenSSH_9\r\n\r\n' },
    code: resourceNotFound,
    words: /no sound HTTP/,
  },
];

const sixtyFour = Buffer.alloc(0x10000);
const end = Buffer.from('\r\n');

/** Writes the start, and then more and more until the connection is closed. */
function trickle(socket: Socket, start: string, more: () => string, everyMs: number): void {
  socket.write(start);
  const timer = setInterval(() => socket.write(more()), everyMs);
  socket.once('close', () => {
    clearInterval(timer);
  });
}
