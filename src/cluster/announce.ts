// What the log says once everybody serves.
import type { Config } from '../config/schema.js';
import type { Logger } from '../log.js';
import { workerCount } from './host.js';
import type { ServingFacts } from './supervisor-options.js';

/** Where it listens, with which model, folder and store, in plain words; the numbers also as fields. */
export function announce(
  log: Logger,
  config: Config,
  port: number,
  { model, classes, readAs }: ServingFacts,
  imageFolder: string,
  store: string,
): void {
  const { host } = config.server;
  const workers = workerCount(config);
  for (const line of readAs) log.info(line);
  log.info(
    { model, imageFolder },
    `the model is ${model} (${classes.join(', ')}), the image folder ${imageFolder}`,
  );
  log.info(store);
  const over = config.server.tls.cert_path === null ? '' : ' (TLS)';
  log.info(
    { host, port, workers },
    `listening on ${host}, port ${port}${over}, with ${plural(workers, 'worker')}`,
  );
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
