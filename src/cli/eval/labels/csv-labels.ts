// Labels in a CSV file, as spreadsheets write it (RFC 4180; semicolons and tabs, too): a line a photo, or a line a box.
import { StartupError } from '../../../errors.js';
import type { Box } from '../../../detector/images/frame.js';
import { noPear, type ClassNames } from '../class-names.js';
import { boxMistake, isBox } from './box.js';
import type { Label } from './label.js';

const edges = ['left', 'top', 'right', 'bottom'] as const;
const columns = ['file', 'class', ...edges] as const;
type Column = (typeof columns)[number];

interface Row {
  readonly line: number;
  readonly cells: readonly string[];
}

/** `file`: for messages. Throws StartupError. */
export function readCsvLabels(text: string, file: string, classes: ClassNames): readonly Label[] {
  const [header, ...rows] = rowsOf(text.replace(/^\u{feff}/u, ''), file);
  const places = placesOf(header, file);
  const labels = new Map<string, Label>();
  for (const { line, cells } of rows) {
    const origin = `${file}, line ${line}`;
    const cell = (column: Column) => cells[places.get(column) ?? -1]?.trim() ?? '';
    const name = cell('file');
    if (name === '')
      throw new StartupError(`${origin}: the file is missing`, 'write its name, or take the line out');
    if (cells.length > places.size)
      throw new StartupError(
        `${origin}: it has ${cells.length} cells, the first line has ${places.size}`,
        'put names that hold a comma in double quotes',
      );
    const said = cell('class');
    const box = boxOf(edges.map(cell), origin);
    const label = !places.has('class') ? undefined : said === '' ? noPear : classes.of(said);
    const earlier = labels.get(name);
    if (earlier !== undefined && (earlier.label !== label || box === undefined))
      throw new StartupError(
        `${origin}: ${name} stands already in ${earlier.origin()}, ${earlier.label === label ? 'and this line has no box' : 'with another class'}`,
        'a file may stand in several lines, of the same class, a box in each',
      );
    labels.set(name, {
      ...{ name, label, origin: earlier?.origin ?? (() => origin) },
      boxes: box !== undefined ? [...(earlier?.boxes ?? []), box] : boxesUnsaid(places, label),
    });
  }
  return [...labels.values()];
}

function placesOf(header: Row | undefined, file: string): ReadonlyMap<Column, number> {
  const cure = `the first line names the columns: file,class or ${columns.join(',')}`;
  if (header === undefined) throw new StartupError(`${file} is empty`, cure);
  const places = new Map<Column, number>();
  header.cells.forEach((cell, index) => {
    const title = cell.trim().toLowerCase();
    const column = columns.find((each) => each === title);
    if (column === undefined || places.has(column))
      throw new StartupError(
        `${file}, line ${header.line}: there is no column "${title}", or it stands twice`,
        cure,
      );
    places.set(column, index);
  });
  const boxColumns = edges.filter((edge) => places.has(edge)).length;
  if (!places.has('file') || (boxColumns !== 0 && boxColumns !== edges.length))
    throw new StartupError(`${file}, line ${header.line}: a column is missing`, cure);
  return places;
}

/** A line without a box says that a photo has none, unless it says that it shows a pear. */
function boxesUnsaid(
  places: ReadonlyMap<Column, number>,
  label: string | undefined,
): readonly Box[] | undefined {
  return places.has('left') && (label === undefined || label === noPear) ? [] : undefined;
}

function boxOf(written: readonly string[], origin: string): Box | undefined {
  if (written.every((cell) => cell === '')) return undefined;
  const [left = Number.NaN, top = Number.NaN, right = Number.NaN, bottom = Number.NaN] = written.map(
    (cell) => (cell === '' ? Number.NaN : Number(cell)),
  );
  const box = [left, top, right, bottom] as const;
  if (isBox(box)) return box;
  throw new StartupError(`${origin}: ${written.join(',')} is no box`, boxMistake);
}

/** Lines that are empty are left out. */
function rowsOf(text: string, file: string): Row[] {
  const separator = /[,;\t]/.exec(text.split('\n', 1)[0] ?? '')?.[0] ?? ',';
  const rows: Row[] = [];
  let cells: string[] = [];
  let line = 1;
  let begin = 1;
  // A cell, in quotes or not, and what ends it.
  const cell = new RegExp(
    `(?:"((?:[^"]|"")*)"|([^"${separator}\\r\\n][^${separator}\\r\\n]*)?)(${separator}|\\r?\\n|\\r|$)`,
    'uy',
  );
  while (cell.lastIndex < text.length) {
    const match = cell.exec(text);
    if (match === null)
      throw new StartupError(
        `${file}, line ${line}: a double quote is not closed, or stands in the middle of a cell`,
        'close it; inside quotes write it twice',
      );
    const [whole, quoted, bare = '', end] = match;
    cells.push(quoted?.replaceAll('""', '"') ?? bare);
    line += whole.match(/\r?\n|\r/g)?.length ?? 0;
    if (end === separator) continue;
    if (cells.some((each) => each.trim() !== '')) rows.push({ line: begin, cells });
    cells = [];
    begin = line;
  }
  // The text ends behind a separator, so that the last cell is empty.
  if (cells.length > 0) rows.push({ line: begin, cells: [...cells, ''] });
  return rows;
}
