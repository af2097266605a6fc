// Loads configurations in folders that exist only for the call.
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { ConfigLoader, type LoadedConfig } from '#src/config/loader.js';
import { ConfigError } from '#src/errors.js';

export interface Given {
  /** Content of config/server_config.yaml; without it there is no such file. */
  readonly file?: string | Uint8Array;
  /** Further files. */
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly argv?: readonly string[];
}

export const usualFile = 'config/server_config.yaml';

/** Calls `use` with a new folder that holds the given files. */
export function inFolder<T>(given: Given, use: (cwd: string) => T): T {
  const cwd = realpathSync(mkdtempSync(join(tmpdir(), 'pear-config-')));
  try {
    const usual = given.file === undefined ? {} : { [usualFile]: given.file };
    for (const [name, content] of Object.entries({ ...usual, ...given.files })) {
      mkdirSync(dirname(join(cwd, name)), { recursive: true });
      writeFileSync(join(cwd, name), content);
    }
    return use(cwd);
  } finally {
    rmSync(cwd, { recursive: true });
  }
}

export function load(given: Given): LoadedConfig {
  return inFolder(given, (cwd) => ConfigLoader.load({ argv: given.argv ?? [], env: given.env ?? {}, cwd }));
}

/** The mistakes that loading names; fails where it names none. */
export function problemsOf(given: Given): readonly string[] {
  try {
    load(given);
  } catch (error) {
    assert.ok(error instanceof ConfigError, String(error));
    assert.equal(error.message, error.problems.join('\n'));
    return error.problems;
  }
  assert.fail('the configuration was accepted');
}
