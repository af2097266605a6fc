// Plain text tables for terminals.
import { printable } from './fitted-table.js';

/** Columns as wide as their widest cell, two spaces between; numbers are for the caller to format. */
export function table(header: readonly string[], content: readonly (readonly string[])[]): string {
  const rows = content.map((row) => row.map(printable));
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd();
  return [header, ...rows].map((row) => line(row) + '\n').join('');
}
