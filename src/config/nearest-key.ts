// Which key somebody meant who wrote one that does not exist: the least typing errors away, wherever in the
// configuration it stands. It knows paths only, not what they mean.

/** Longer texts are no misspelt keys; comparing them would only cost time. */
const keyLengthMax = 64;

/**
 * The path in `known` that the unknown `path` most likely means; `undefined` where none is near, that is
 * within a third of the length of its last key. Case and hyphens do not count. Of equally near ones the first.
 */
export function nearestKey(path: string, known: readonly string[]): string | undefined {
  if (path.length > keyLengthMax) return undefined;
  const nearMax = Math.max(1, Math.floor(lastKey(path).length / 3));
  let nearest: string | undefined;
  let least = nearMax + 1;
  for (const candidate of known) {
    const distance = keyDistance(path, candidate);
    if (distance >= least) continue;
    least = distance;
    nearest = candidate;
  }
  return nearest;
}

/** How far the path of a key is from another: in typing errors, where a wrong section counts as one. */
export function keyDistance(path: string, known: string): number {
  const [written, meant] = [foldKey(path), foldKey(known)];
  return Math.min(editDistance(written, meant), editDistance(lastKey(written), lastKey(meant)) + 1);
}

/**
 * Letters to insert, remove, replace or swap with their neighbour until `a` is `b`
 * (Damerau-Levenshtein distance, the "optimal string alignment" variant).
 */
export function editDistance(a: string, b: string): number {
  let beforeLast: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const replaced = at(last, column - 1) + (a[row - 1] === b[column - 1] ? 0 : 1);
      let least = Math.min(replaced, at(last, column) + 1, at(current, column - 1) + 1);
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        least = Math.min(least, at(beforeLast, column - 2) + 1);
      }
      current.push(least);
    }
    beforeLast = last;
    last = current;
  }
  return at(last, b.length);
}

function at(row: readonly number[], column: number): number {
  return row[column] ?? Infinity;
}

function foldKey(path: string): string {
  return path.toLowerCase().replaceAll('-', '_');
}

function lastKey(path: string): string {
  return path.slice(path.lastIndexOf('.') + 1);
}
