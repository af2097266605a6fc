// Reads the configuration: the file, then the environment, then the command line; what comes later wins.
// It either gives a whole, checked, frozen configuration or throws with every mistake at once.
import { ConfigError } from '../errors.js';
import { findConfigFile, readConfigFile } from './config-file.js';
import { checkTogether, notesTogether } from './cross-checks.js';
import { Problems } from './problems.js';
import type { Config } from './schema.js';
import { Settings } from './settings.js';
import { readCommandLine, readEnvironment, type Environment } from './sources.js';

export interface ConfigInput {
  /** The arguments behind the program's name. */
  readonly argv: readonly string[];
  readonly env: Environment;
  /** The working directory, absolute. */
  readonly cwd: string;
}

export interface LoadedConfig {
  /** Frozen, all the way down. */
  readonly config: Config;
  /** The file it was read from, absolute. */
  readonly path: string;
  /** What was ignored or read differently than it says, one line each, for the log. */
  readonly notes: readonly string[];
  /** The arguments that are not configuration. */
  readonly rest: readonly string[];
}

const redisUrlKey = 'connections.redis.url';

/** An instance holds what a single load has found so far. */
export class ConfigLoader {
  readonly #problems = new Problems();
  readonly #settings = new Settings(this.#problems);

  /** Throws ConfigError, naming every mistake. */
  static load(input: ConfigInput): LoadedConfig {
    return new ConfigLoader().#load(input);
  }

  #load({ argv, env, cwd }: ConfigInput): LoadedConfig {
    const environment = readEnvironment(env, this.#problems);
    const commandLine = readCommandLine(argv, this.#problems);

    const file = findConfigFile(commandLine.file ?? environment.file, cwd);
    const document = readConfigFile(file, this.#problems);
    if (document) {
      this.#settings.addMapping(document.value, (path) => {
        const line = document.lineOf(path);
        return line === undefined ? file.shown : `${file.shown}, line ${line}`;
      });
    }
    for (const assignment of [...environment.assignments, ...commandLine.assignments]) {
      this.#settings.addText(assignment);
    }
    this.#addRedisUrl(env);

    const config = this.#settings.check();
    checkTogether(config, this.#settings, this.#problems);
    if (this.#problems.any) throw new ConfigError(this.#problems.lines);

    const notes = [...this.#settings.notes, ...notesTogether(config, this.#settings)];
    return { config: deepFreeze(config), path: file.path, notes, rest: commandLine.rest };
  }

  // The name that hosting platforms give it; anything said to us alone counts more.
  #addRedisUrl({ REDIS_URL: url }: Environment): void {
    if (url === undefined || url === '' || this.#settings.has(redisUrlKey)) return;
    this.#settings.addText({
      path: redisUrlKey.split('.'),
      text: url,
      origin: 'environment variable REDIS_URL',
    });
  }
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}
