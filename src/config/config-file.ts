// Which file is the configuration, and its text as a mapping whose keys know their lines.
// What may stand in it is left to settings.ts.
import { isUtf8 } from 'node:buffer';
import { closeSync, existsSync, openSync, readSync } from 'node:fs';
import { isAbsolute, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { kindOf, maskPasswords, shownKey, type Problems } from './problems.js';
import type { NamedFile } from './sources.js';
import { parseYamlDocument, YamlError, type YamlDocument } from './yaml.js';

const usualPath = 'config/server_config.yaml';
const ownPath = fileURLToPath(new URL(`../../${usualPath}`, import.meta.url));

/** More than any hand writes; a file is read into memory before anything is known of it. */
export const fileBytesMax = 1024 * 1024;

export interface ConfigFile {
  /** Absolute. */
  readonly path: string;
  /** The path for messages: relative where the file lies in the working directory. */
  readonly shown: string;
  /** What named it; `undefined` where nobody did. */
  readonly namedBy: string | undefined;
}

/** The file that somebody named, else the one in the working directory, else the package's own. */
export function findConfigFile(named: NamedFile | undefined, cwd: string): ConfigFile {
  const usual = resolve(cwd, usualPath);
  const path = named ? resolve(cwd, named.path) : existsSync(usual) ? usual : ownPath;
  const inside = relative(cwd, path);
  const shown = inside.startsWith('..') || isAbsolute(inside) ? path : inside;
  return { path, shown: shownKey(shown), namedBy: named?.by };
}

/** The file's content; `undefined` where it has none, or where it is a mistake as a whole (which is added). */
export function readConfigFile(file: ConfigFile, problems: Problems): YamlDocument | undefined {
  try {
    const document = parseYamlDocument(decodeText(readBytes(file.path)));
    for (const { key, line } of document.duplicates) {
      problems.add(() => `${shownKey(key)}: this key stands twice`, `${file.shown}, line ${line}`);
    }
    const { value } = document;
    if (value === undefined || value === null) return undefined;
    if (typeof value === 'object' && !Array.isArray(value)) return document;
    problems.add(() => `the file holds ${kindOf(value)}, not sections with keys`, file.shown);
  } catch (error) {
    const origin = file.namedBy === undefined ? file.shown : `named by ${file.namedBy}`;
    if (error instanceof YamlError) {
      problems.add(() => `not readable as YAML: ${maskPasswords(error.message)}`, file.shown);
    } else {
      problems.add(() => `${file.shown}: ${readFailure(error, file.path)}`, origin);
    }
  }
  return undefined;
}

/** The file can be read, but cannot be a configuration. */
class UnfitError extends Error {}

function readBytes(path: string): Uint8Array {
  const buffer = new Uint8Array(fileBytesMax + 1);
  const descriptor = openSync(path, 'r');
  try {
    let length = 0;
    for (let count = 1; count > 0 && length < buffer.length; length += count) {
      count = readSync(descriptor, buffer, length, buffer.length - length, null);
    }
    if (length > fileBytesMax)
      throw new UnfitError(`longer than ${fileBytesMax} bytes; is this the configuration?`);
    return buffer.subarray(0, length);
  } finally {
    closeSync(descriptor);
  }
}

function decodeText(bytes: Uint8Array): string {
  if (!isUtf8(bytes)) throw new UnfitError('not a UTF-8 text');
  return new TextDecoder().decode(bytes); // leaves out a byte order mark
}

function readFailure(error: unknown, path: string): string {
  if (error instanceof UnfitError) return error.message;
  if (!(error instanceof Error) || !('code' in error)) throw error;
  switch (error.code) {
    case 'ENOENT':
    case 'ENOTDIR':
      return `no such file; looked for ${path}`;
    case 'EISDIR':
      return 'a folder, not a file';
    case 'EACCES':
    case 'EPERM':
      return 'this user may not read it';
    default:
      return `cannot be read (${String(error.code)})`;
  }
}
