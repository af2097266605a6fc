// Logging, and the only importer of pino: JSON lines, or readable ones on a terminal, and a file if wanted. Whatever clients
// have written, no line steers the terminal that shows it.
import { mkdirSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { destination, multistream, pino, type Logger, type StreamEntry } from 'pino';
import pretty from 'pino-pretty';
import type { Config } from './config/schema.js';
import { StartupError } from './errors.js';
import { escapeControls } from './shown-text.js';

export type { Logger } from 'pino';

/** A logger whose lines all carry `bindings`. Throws StartupError where the file cannot be written. */
export function createLogger(
  options: Config['logging'],
  bindings: Readonly<Record<string, unknown>>,
): Logger {
  const { level, format, file } = options;
  if (level === 'silent') return pino({ level, base: bindings });
  const readable = format === 'pretty' || (format === 'auto' && process.stdout.isTTY);
  const console = readable ? prettyStream() : destination({ fd: 1, sync: true });
  const streams: StreamEntry[] = [{ level, stream: console }];
  if (file !== null) streams.push({ level, stream: openFile(file) });
  return pino(
    { level, base: { pid: process.pid, ...bindings }, hooks: { streamWrite: escapeControls } },
    multistream(streams),
  );
}

function prettyStream(): StreamEntry['stream'] {
  const lines = pretty({
    ...{ sync: true, destination: 1, ignore: 'pid,hostname,worker' },
    translateTime: 'SYS:HH:MM:ss.l',
  });
  return { write: (line) => void lines.write(escapedTwice(line)) };
}

/**
 * A line of JSON whose control characters are still escaped once it has been parsed: what makes it readable writes them
 * as they are. Ends of lines and tabs stay, as in the stack of an error.
 */
function escapedTwice(line: string): string {
  return line.replaceAll(/\\(u[0-9a-f]{4}|.)/g, (whole: string, escape: string) =>
    /^(u|[bfr]$)/.test(escape) ? `\\${whole}` : whole,
  );
}

function openFile(file: string): StreamEntry['stream'] {
  const path = resolve(file);
  try {
    mkdirSync(dirname(path), { recursive: true });
    // Opened synchronously, so that a wrong path is an error of the start and not of the first line.
    return destination({ dest: path, append: true, sync: true });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StartupError(`the log file ${file} cannot be written (${reason})`, 'correct logging.file', {
      cause,
    });
  }
}
