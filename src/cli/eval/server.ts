// The server that judges: one that runs, or one that is started for this and ends with it.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Config } from '../../config/schema.js';
import { Problems } from '../../config/problems.js';
import { readCommandLine } from '../../config/sources.js';
import { LocalServer } from '../local-server.js';
import { connectTo, judgingTimeoutMs, withClient } from '../target.js';
import { shownToken } from '../token.js';
import type { Enter } from './ask.js';
import type { EvalOptions } from './options.js';

export interface Judging {
  readonly enter: Enter;
  readonly close: () => Promise<void>;
}

export interface Place {
  readonly options: EvalOptions;
  readonly config: Pick<Config, 'server' | 'limits'>;
  readonly argv: readonly string[];
  readonly signal: AbortSignal;
}

/** Throws StartupError. */
export function openServer(place: Place): Promise<Judging> {
  return place.options.connect === undefined ? startOwn(place) : Promise.resolve(running(place));
}

function running({ options, config, signal }: Place): Judging {
  const coming = { answerTimeoutMs: judgingTimeoutMs(config.limits), signal };
  return {
    enter: (use) => withClient({ config, options }, use, coming),
    close: () => Promise.resolve(),
  };
}

/** With the configuration of whoever asks, but apart from every other server: in a state and a view of its own. */
async function startOwn({ options, config, argv, signal }: Place): Promise<Judging> {
  const token = options['token-file'] === undefined ? undefined : shownToken(options);
  const stateFolder = await mkdtemp(join(tmpdir(), 'pear-eval-'));
  const removeState = () => rm(stateFolder, { recursive: true, force: true });
  try {
    const server = await LocalServer.start({
      args: [
        ...configurationIn(argv),
        ...(options.model === undefined ? [] : ['--model.model_path', options.model]),
        ...['--cluster.state_dir', stateFolder, '--connections.store', 'embedded'],
      ],
    });
    const target = { host: '127.0.0.1', port: server.port };
    const coming = { token, answerTimeoutMs: judgingTimeoutMs(config.limits), signal };
    return {
      enter: async (use) => {
        const client = await connectTo(target, coming);
        try {
          await use(client);
        } finally {
          await client.close();
        }
      },
      close: async () => {
        await server.stop();
        await removeState();
      },
    };
  } catch (error) {
    await removeState();
    throw error;
  }
}

/** What a command line says of the configuration, as a command line. */
function configurationIn(argv: readonly string[]): string[] {
  const { file, assignments } = readCommandLine(argv, new Problems());
  return [
    ...(file === undefined ? [] : [`--config=${file.path}`]),
    ...assignments.map(({ path, text }) => `--${path.join('.')}=${text}`),
  ];
}
