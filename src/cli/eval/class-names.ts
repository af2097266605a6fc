// What classes are called: people name folders `defect-1`, models say `defected_pear`, and both mean the same.
import { StartupError } from '../../errors.js';

/** What a picture without a pear is said to show. */
export const noPear = 'no pear';

const usual: readonly (readonly [RegExp, string])[] = [
  [/^normal/i, 'normal'],
  [/^defect/i, 'defective'],
  [/^(empty|no[-_ ]?pear)([-_ .\d]|$)/i, noPear],
];

export class ClassNames {
  readonly #given: ReadonlyMap<string, string>;

  /** `given`: `NAME=CLASS,…` as on the command line; a NAME alone is its own class. Throws StartupError. */
  constructor(given = '') {
    const pairs = new Map<string, string>();
    for (const part of given === '' ? [] : given.split(',')) {
      const [name = '', meant = name, ...more] = part.split('=').map((word) => word.trim());
      if (name === '' || meant === '' || more.length > 0) {
        throw new StartupError(
          `--classes: "${part}" is no class`,
          'write NAME=CLASS, or a NAME alone, with commas between, such as bruise=defective,rot=defective',
        );
      }
      pairs.set(name.toLowerCase(), usualClassOf(meant) ?? meant);
    }
    this.#given = pairs;
  }

  /** The class that somebody has certainly meant: one of the command line, or a usual one. null: it may be any name. */
  known(name: string): string | null {
    return this.#given.get(name.toLowerCase()) ?? usualClassOf(name);
  }

  /** The class that `name` stands for, which may be itself. */
  of(name: string): string {
    return this.known(name) ?? name;
  }
}

function usualClassOf(name: string): string | null {
  return usual.find(([pattern]) => pattern.test(name))?.[1] ?? null;
}
