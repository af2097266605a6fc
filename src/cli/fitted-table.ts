// Tables that fit the width of a terminal: what matters least is left out first; and text of others on a terminal.
import { escapeControls } from '../shown-text.js';

export interface Column<Row> {
  readonly title: string;
  readonly cell: (row: Row) => string;
  /** Numbers stand to the right. */
  readonly isNumber?: boolean;
  /** Of the columns that do not fit those with the least go first. */
  readonly weight: number;
}

const gap = '  ';

/** The lines, the titles first; none is longer than `width`. A column in which every cell is empty is left out. */
export function fittedTable<Row>(
  columns: readonly Column<Row>[],
  rows: readonly Row[],
  width: number,
): string[] {
  let shown = columns
    .map((column) => {
      const cells = rows.map((row) => printable(column.cell(row)));
      const size = longest([column.title, ...cells]);
      return { ...column, cells, size };
    })
    .filter(({ cells }) => cells.length === 0 || cells.some((cell) => cell !== ''));
  while (shown.length > 1 && widthOf(shown) > width) {
    const least = Math.min(...shown.map(({ weight }) => weight));
    const last = shown.findLastIndex(({ weight }) => weight === least);
    shown = shown.filter((_, index) => index !== last);
  }
  const line = (cell: (column: (typeof shown)[number]) => string) =>
    cut(
      shown
        .map((column) => {
          const content = cell(column);
          return column.isNumber === true ? content.padStart(column.size) : content.padEnd(column.size);
        })
        .join(gap)
        .trimEnd(),
      width,
    );
  return [line(({ title }) => title), ...rows.map((_, index) => line(({ cells }) => cells[index] ?? ''))];
}

/** The text in at most `width` characters. */
export function cut(text: string, width: number): string {
  return text.length <= width ? text : `${text.slice(0, Math.max(0, width - 1))}…`;
}

/** What others have chosen, such as a name, must not steer the terminal. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, '?');
}

/** The same of JSON, which means what it did. */
export function printableJson(value: unknown, indent?: number): string {
  return escapeControls(JSON.stringify(value, null, indent));
}

/** Not Math.max(...): a hundred thousand arguments would exceed the stack. */
function longest(texts: readonly string[]): number {
  return texts.reduce((most, { length }) => Math.max(most, length), 0);
}

function widthOf(columns: readonly { readonly size: number }[]): number {
  return columns.reduce((sum, { size }) => sum + size, gap.length * (columns.length - 1));
}
