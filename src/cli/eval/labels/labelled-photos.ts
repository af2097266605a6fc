// The photos of a folder and what they are said to show: by a file of labels, or else by the names of subfolders and
// files (`normal/…`, `defect-1/…`, `empty-03.jpg`).
import { existsSync, readdirSync, readFileSync, statSync, type Dirent } from 'node:fs';
import { extname, join, normalize, sep } from 'node:path';
import { StartupError } from '../../../errors.js';
import type { ClassNames } from '../class-names.js';
import { readCsvLabels } from './csv-labels.js';
import { readJsonLabels } from './json-labels.js';
import type { Label } from './label.js';

export interface LabelledPhotos {
  readonly photos: readonly Label[];
  /** Photos of the folder that the file of labels does not name: they are not judged. */
  readonly unnamed: number;
}

/** Longest file of labels; what is longer is none. */
const fileBytesMax = 256 * 1024 * 1024;

const isPhoto = (name: string) => /\.(jpe?g|png|webp)$/i.test(name);

/** `annotations` defaults to `annotations.json` in the folder, where there is one. Throws StartupError. */
export function labelledPhotos(
  folder: string,
  annotations: string | undefined,
  classes: ClassNames,
): LabelledPhotos {
  const names = photosBelow(folder);
  const file = annotations ?? join(folder, 'annotations.json');
  if (annotations === undefined && !existsSync(file)) {
    return { photos: names.map((name) => labelOfPath(name, classes)), unnamed: 0 };
  }
  const present = new Set(names);
  const seen = new Map<string, Label>();
  const photos = readLabels(file, classes).map((label) => {
    const name = normalize(label.name).split(sep).join('/');
    const earlier = seen.get(name);
    if (earlier !== undefined)
      throw new StartupError(
        `${label.origin()}: ${label.name} stands already in ${earlier.origin()}`,
        'say of each photo once what it shows',
      );
    if (!present.has(name))
      throw new StartupError(
        `${label.origin()}: there is no photo ${label.name} below ${folder}`,
        'write its path from that folder on; .jpg, .png and .webp are photos',
      );
    seen.set(name, label);
    return { ...label, name };
  });
  if (photos.length === 0) throw new StartupError(`${file} names no photos`, 'add them');
  return { photos, unnamed: names.length - photos.length };
}

function readLabels(file: string, classes: ClassNames): readonly Label[] {
  const isCsv = extname(file).toLowerCase() === '.csv';
  if (!isCsv && extname(file).toLowerCase() !== '.json')
    throw new StartupError(
      `${file} is neither .json nor .csv`,
      'docs/models.md shows the forms that are read',
    );
  return (isCsv ? readCsvLabels : readJsonLabels)(textOf(file), file, classes);
}

function textOf(file: string): string {
  try {
    const found = statSync(file);
    if (!found.isFile() || found.size > fileBytesMax) throw new Error('it is no file of labels');
    return new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new StartupError(
      `${file} cannot be read (${reason})`,
      'name another with --annotations; it has to be UTF-8',
      {
        cause,
      },
    );
  }
}

/** The innermost folder that says something counts, and the file's own name after all of them. */
function labelOfPath(name: string, classes: ClassNames): Label {
  const parts = name.split('/');
  const file = parts.pop() ?? '';
  const label = [...parts.reverse(), file].map((part) => classes.known(part)).find((known) => known !== null);
  return { name, label: label ?? undefined, boxes: undefined, origin: () => name };
}

/** Not through links to folders: they may lead back, and a photo would count many times. */
function below(folder: string, prefix: string): string[] {
  return readdirSync(join(folder, prefix), { withFileTypes: true }).flatMap((entry) => {
    const name = `${prefix}${entry.name}`;
    if (entry.isDirectory()) return below(folder, `${name}/`);
    return isPhoto(name) && isFile(entry, join(folder, name)) ? [name] : [];
  });
}

function isFile(entry: Dirent, path: string): boolean {
  if (!entry.isSymbolicLink()) return entry.isFile();
  try {
    return statSync(path).isFile();
  } catch {
    // It leads nowhere, or round in a circle.
    return false;
  }
}

/** Only what is a file, or a link to one: to read a pipe would take for ever. */
function photosBelow(folder: string): string[] {
  let names: string[];
  try {
    names = below(folder, '').sort();
  } catch (cause) {
    const reason = cause instanceof Error ? ` (${cause.message})` : '';
    throw new StartupError(`the folder ${folder} cannot be read${reason}`, 'name a folder with photos', {
      cause,
    });
  }
  if (names.length > 0) return names;
  throw new StartupError(
    `there are no photos below ${folder}`,
    'name a folder with .jpg, .png or .webp files',
  );
}
