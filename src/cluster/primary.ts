// The primary process: it checks what can be checked beforehand, forks the workers, keeps the embedded view, says
// in plain words what serves, and ends everything in order. It loads no image and no model.
import cluster, { type Worker } from 'node:cluster';
import { availableParallelism, hostname } from 'node:os';
import type { LoadedConfig } from '../config/loader.js';
import type { Config } from '../config/schema.js';
import { chooseStore, type StoreChoice } from '../connections/choose-store.js';
import { EmbeddedView } from '../connections/embedded-view.js';
import { probeRedis } from '../connections/redis-probe.js';
import { RedisReaper } from '../connections/redis-reaper.js';
import { describeError } from '../errors.js';
import { createLogger, type Logger } from '../log.js';
import { version } from '../version.js';
import { openFolders } from './folders.js';
import { toPrimarySchema } from './messages.js';
import { Supervisor, type ServingFacts, type WorkerProcess } from './supervisor.js';

/** Workers are given this much longer than their own deadline before they are killed. */
const killGraceMs = 2_000;

/** Runs this process as the primary; `workerFile` is what each worker executes. Throws StartupError. */
export async function runPrimary(loaded: LoadedConfig, workerFile: string): Promise<void> {
  const { config, path, notes } = loaded;
  const log = createLogger(config.logging, {});
  for (const note of notes) log.warn(note);
  const folders = await openFolders(config.model);
  const store = chooseStore(config);
  if (config.connections.store === 'redis' && store.kind === 'redis') {
    await probeRedis(store.redis.url, store.redis.commandTimeoutMs);
  }
  cluster.setupPrimary({ exec: workerFile, args: [], serialization: 'advanced' });
  cluster.schedulingPolicy = cluster.SCHED_RR;

  const supervisor = createSupervisor(config, store, log);
  const stopped = stopOnSignal(supervisor, log);
  log.info({ version, config: path, workers: workerCount(config) }, 'starting');
  try {
    announce(log, config, await supervisor.start(), folders.images.name, store.sentence);
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
  // A process manager that waits for it (PM2) may now send clients here.
  process.send?.('ready');
  await stopped;
  log.info('stopped');
}

function createSupervisor(config: Config, store: StoreChoice, log: Logger): Supervisor {
  const hostId = config.cluster.host_id ?? defaultHostId(config.server.port);
  const slots = workerCount(config);
  const view = new EmbeddedView({ leaseMs: config.connections.lease_ms });
  const reaper =
    store.kind === 'redis'
      ? new RedisReaper(store.redis, (message) => {
          log.debug(message);
        })
      : view;
  return new Supervisor({
    slots,
    hostId,
    fork: forkWorker,
    start: (slot, workerId) => ({
      type: 'start',
      start: { config, hostId, slot, workerId, workerCount: slots },
    }),
    onView: (workerId, { id, request }, reply) => {
      reply({ type: 'view', id, reply: view.handle(workerId, request) });
    },
    onDeath: (workerId) =>
      reaper.removeWorker(workerId, 'worker died').catch((error: unknown) => {
        log.warn(
          { worker: workerId, reason: describeError(error) },
          'records of a dead worker stay until their lease ends',
        );
      }),
    startTimeoutMs: config.cluster.start_timeout_ms,
    stopTimeoutMs: config.cluster.drain_timeout_ms + killGraceMs,
    restartDelayMaxMs: config.cluster.restart_delay_max_ms,
    log,
  });
}

function forkWorker(): WorkerProcess {
  const worker: Worker = cluster.fork();
  return {
    pid: worker.process.pid ?? 0,
    send: (message) => {
      // A worker that is going cannot be told anything any more; its exit says so.
      if (worker.isConnected()) worker.send(message, () => undefined);
    },
    kill: (signal) => {
      worker.process.kill(signal);
    },
    onMessage: (listener) => {
      worker.on('message', (raw: unknown) => {
        listener(toPrimarySchema.parse(raw));
      });
    },
    onExit: (listener) => {
      worker.on('exit', (code: number | null, signal: string | null) => {
        listener(signal ?? `exit code ${code ?? 'unknown'}`, code === 0);
      });
    },
  };
}

/** Resolves when a signal, or PM2's message, has ended all workers. A second signal ends them at once. */
function stopOnSignal(supervisor: Supervisor, log: Logger): Promise<void> {
  return new Promise((resolve, reject) => {
    let stopping = false;
    const stop = (why: string) => {
      if (stopping) {
        log.warn({ why }, 'told to stop again; killing the workers');
        supervisor.killAll();
        return;
      }
      stopping = true;
      log.info({ why }, 'stopping: answering what was asked for');
      supervisor.stop().then(resolve, reject);
    };
    for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
      process.on(signal, () => {
        stop(signal);
      });
    }
    process.on('message', (message) => {
      if (message === 'shutdown') stop('the process manager');
    });
  });
}

/** Where it listens, with which model, folder and store, in plain words; the numbers also as fields. */
function announce(
  log: Logger,
  config: Config,
  { port, model, classes }: ServingFacts,
  imageFolder: string,
  store: string,
): void {
  const { host } = config.server;
  const workers = workerCount(config);
  log.info(
    { model, imageFolder },
    `the model is ${model} (${classes.join(', ')}), the image folder ${imageFolder}`,
  );
  log.info(store);
  log.info({ host, port, workers }, `listening on ${host}, port ${port}, with ${plural(workers, 'worker')}`);
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

function workerCount(config: Config): number {
  return config.cluster.workers === 'auto' ? availableParallelism() : config.cluster.workers;
}

/** Unique on a machine, since the port is; where the port is any free one, the process is. */
function defaultHostId(port: number): string {
  const name =
    hostname()
      .replaceAll(/[^A-Za-z0-9._-]/g, '-')
      .slice(0, 50) || 'host';
  return `${name}-${port === 0 ? `p${process.pid}` : port}`;
}
