// The primary process: it checks what can be checked beforehand, forks the workers, keeps the embedded view, says
// in plain words what serves, and ends everything in order. It loads no image and no model.
import { hostname } from 'node:os';
import type { LoadedConfig } from '../config/loader.js';
import type { Config } from '../config/schema.js';
import { readTokens } from '../config/token-files.js';
import { AdminServer } from '../admin/admin-server.js';
import { chooseStore } from '../connections/choose-store.js';
import { probeRedis } from '../connections/redis/probe.js';
import type { ModelDownloader } from '../downloads/model-downloader.js';
import { unreadSidecar } from '../detector/models/sidecar.js';
import { createLogger, type Logger } from '../log.js';
import { Authenticator } from '../server/authenticator.js';
import { roleOptionsOf } from '../server/role-options.js';
import { version } from '../version.js';
import { certificateFiles } from '../server/tls/certificate.js';
import { CertificateWatch } from '../server/tls/certificate-watch.js';
import { networkOf } from './address-network.js';
import { usableCores } from './cores.js';
import { forkWorker, prepareForks } from './fork-worker.js';
import { FrontDoor } from './front-door.js';
import { tooFewFiles } from './open-files.js';
import { PeerCounter } from './peer-counter.js';
import { PrimaryKicker } from './primary-kicker.js';
import { followerOf, PrimarySettings } from './primary-settings.js';
import { PrimaryView } from './primary-view.js';
import type { SettingsKeeper } from '../settings/settings-keeper.js';
import { removeLeftFolders } from './sharing/left-folders.js';
import { PrimarySharing } from './sharing/primary-sharing.js';
import { stopOnSignal } from './stop-on-signal.js';
import { Supervisor, type ServingFacts, type WorkerProcess } from './supervisor.js';

/** Workers are given this much longer than their own deadline before they are killed. */
const killGraceMs = 2_000;

/**
 * Runs this process as the primary until it is told to stop; `workerFile` is what each worker executes. Resolves to
 * false where a second signal cut the stop short. Throws StartupError.
 */
export async function runPrimary(loaded: LoadedConfig, workerFile: string): Promise<boolean> {
  const { path } = loaded;
  const log = createLogger(loaded.config.logging, {});
  const { security, notes } = readTokens(loaded.config.security);
  const config: Config = { ...loaded.config, security };
  for (const note of [...loaded.notes, ...notes]) log.warn(note);
  for (const path of [config.model.preprocessor_path, config.model.model_path]) {
    const unread = path === null ? null : await unreadSidecar(path);
    if (unread !== null) log.warn(unread);
  }
  const hostId = config.cluster.host_id ?? defaultHostId(config.server.port);
  const store = chooseStore(config, `${hostId}:primary`);
  if (config.connections.store === 'redis' && store.kind === 'redis') await probeRedis(store.redis);
  prepareForks(workerFile);

  const view = new PrimaryView(store, {
    leaseMs: config.connections.lease_ms,
    sweepIntervalMs: config.connections.heartbeat_interval_ms,
    log,
  });
  const kicker = new PrimaryKicker({
    hostId,
    store,
    pingIntervalMs: config.connections.heartbeat_interval_ms,
    log,
  });
  const door = new FrontDoor({
    host: config.server.host,
    port: config.server.port,
    backlog: config.server.max_connections,
    maxWaiting: config.limits.max_peers,
    replyTerminator: config.server.reply_terminator,
    isTls: watchCertificate('server', config, log) !== null,
    log,
  });
  for (const folder of await removeLeftFolders())
    log.debug({ folder }, 'removed what a killed server had left');
  const processes = new Map<string, WorkerProcess>();
  const sharing = new PrimarySharing(
    config.cluster.share_images && workerCount(config) > 1,
    (helperId, lender, socketPath) => processes.get(helperId)?.send({ type: 'help', lender, socketPath }),
    log,
  );
  process.once('exit', () => {
    sharing.close();
  });
  const settings = await PrimarySettings.open({
    config,
    hostId,
    isStopping: () => supervisor.stopping,
    onChanged: (_settings, model) => {
      if (model === null) return;
      for (const workerId of processes.keys()) sharing.changeModel(workerId, model.fingerprint);
      for (const line of model.readAs) log.info(line);
    },
    log,
  });
  const { keeper } = settings;
  const supervisor = createSupervisor(
    config,
    hostId,
    { view, kicker, door, sharing, processes, keeper },
    log,
  );
  const admin = createAdmin(config, hostId, { view, kicker, supervisor, downloads: settings.downloads }, log);
  const stopped = stopOnSignal(supervisor, door, log);
  log.info({ version, config: path, workers: workerCount(config) }, 'starting');
  const fileTrouble = tooFewFiles(config.limits.max_peers, workerCount(config));
  if (fileTrouble !== null) log.warn(fileTrouble);
  try {
    const adminAddress = config.admin.enabled ? await admin.listen() : null;
    const serving = await supervisor.start();
    if (serving !== null) {
      kicker.listen();
      // Only now, so that whoever can connect is served.
      const { port } = await door.listen();
      announce(log, config, port, serving, keeper.current.images.name, store.sentence);
      if (adminAddress !== null) {
        log.info(
          `health and metrics at ${config.admin.tls.cert_path === null ? 'http' : 'https'}://${config.admin.host}:${adminAddress.port}`,
        );
      }
      // A process manager that waits for it (PM2) may now send clients here.
      process.send?.('ready');
    }
  } catch (error) {
    await supervisor.stop();
    throw error;
  }
  const inOrder = await stopped;
  admin.close();
  kicker.close();
  await view.close();
  await settings.close();
  log.info('stopped');
  return inOrder;
}

/** The parts of the primary that hear of workers. */
interface SupervisedParts {
  readonly view: PrimaryView;
  readonly kicker: PrimaryKicker;
  readonly door: FrontDoor;
  readonly sharing: PrimarySharing;
  readonly keeper: SettingsKeeper;
  /** The workers that serve. */
  readonly processes: Map<string, WorkerProcess>;
}

function createSupervisor(
  config: Config,
  hostId: string,
  { view, kicker, door, sharing, processes, keeper }: SupervisedParts,
  log: Logger,
): Supervisor {
  const slots = workerCount(config);
  const serverStartedAt = Date.now();
  const counter = new PeerCounter({
    maxPeers: config.limits.max_peers,
    maxPeersPerNetwork: config.limits.max_peers_per_address,
  });
  return new Supervisor({
    slots,
    hostId,
    fork: () => forkWorker(log),
    start: (slot, workerId) => {
      counter.addWorker(workerId);
      return {
        type: 'start',
        start: {
          config,
          settings: keeper.current,
          hostId,
          slot,
          workerId,
          serverStartedAt,
          shareFolder: sharing.folder,
        },
      };
    },
    onView: (workerId, { id, request }, reply) => {
      reply({ type: 'view', id, reply: view.answer(workerId, request) });
    },
    onPlaces: (workerId, { id, left, arrived }, reply) => {
      const answers = counter.update(workerId, left, arrived);
      if (answers.length > 0) reply({ type: 'places', id, answers });
    },
    onKick: (_workerId, { id, ...kick }, reply) => {
      void kicker.kickFor(kick).then((answers) => {
        reply({ type: 'kick', id, answers });
      });
    },
    onDisconnected: (workerId, id, ids) => {
      kicker.disconnected(workerId, id, ids);
    },
    onArrival: (workerId, process, { settings, fingerprint }) =>
      keeper.admit(workerId, followerOf(process), { version: settings, fingerprint }),
    onChange: (_workerId, { id, change, by }, reply) => {
      void keeper.change(change, by).then((answer) => {
        reply({ type: 'changed', id, answer });
      });
    },
    onFollowed: (workerId, message) => {
      if (message.type === 'committed') keeper.committed(workerId, message.round);
      else keeper.prepared(workerId, message.round, message.problem);
    },
    onServing: (workerId, process, facts) => {
      processes.set(workerId, process);
      kicker.addWorker(workerId, (message) => {
        process.send(message);
      });
      view.serves(workerId);
      // It may have caught up with another model since it loaded its first one.
      sharing.add(workerId, { ...facts, fingerprint: keeper.current.fingerprint ?? facts.fingerprint });
      door.add(workerId, {
        hand: (connection, socket) => {
          process.send({ type: 'connection', connection }, socket);
        },
        kill: () => {
          process.kill('SIGKILL');
        },
      });
    },
    onSharing: (workerId, news) => {
      sharing.tell(workerId, news);
    },
    onTaken: (workerId, connection) => {
      door.taken(workerId, connection);
    },
    onEnd: (workerId) => {
      counter.removeWorker(workerId);
      keeper.remove(workerId);
      door.remove(workerId);
      sharing.remove(workerId);
      kicker.removeWorker(workerId);
      processes.delete(workerId);
      view.ended(workerId);
    },
    onDeath: (workerId) => view.removeDead(workerId),
    startTimeoutMs: config.cluster.start_timeout_ms,
    stopTimeoutMs: config.cluster.drain_timeout_ms + killGraceMs,
    restartDelayMaxMs: config.cluster.restart_delay_max_ms,
    log,
  });
}

function createAdmin(
  config: Config,
  hostId: string,
  parts: Pick<SupervisedParts, 'view' | 'kicker'> & {
    readonly supervisor: Supervisor;
    readonly downloads: ModelDownloader;
  },
  log: Logger,
): AdminServer {
  const { view, kicker, supervisor, downloads } = parts;
  const roles = roleOptionsOf(config.security);
  return new AdminServer({
    host: config.admin.host,
    port: config.admin.port,
    hostId,
    roles,
    authenticator: new Authenticator({
      tokens: roles.tokens,
      delayMs: config.security.failed_authentication_delay_ms,
      networkOf,
      log,
    }),
    view,
    kicker,
    downloads,
    certificates: config.admin.enabled ? watchCertificate('admin', config, log) : null,
    workers: () => ({
      serving: supervisor.serving,
      wanted: workerCount(config),
      stopping: supervisor.stopping,
    }),
    log,
  });
}

/** Tells of the certificate and of what becomes of its files; null where none is named. Throws StartupError. */
function watchCertificate(section: 'server' | 'admin', config: Config, log: Logger): CertificateWatch | null {
  const files = certificateFiles(`${section}.tls`, config[section].tls);
  return files === null ? null : new CertificateWatch(files, { log, tells: true });
}

/** Where it listens, with which model, folder and store, in plain words; the numbers also as fields. */
function announce(
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

function workerCount(config: Config): number {
  const { workers } = config.cluster;
  return workers === 'auto' ? Math.max(1, Math.floor(usableCores() / config.model.threads)) : workers;
}

/** Unique on a machine, since the port is; where the port is any free one, the process is. */
function defaultHostId(port: number): string {
  const name =
    hostname()
      .replaceAll(/[^A-Za-z0-9._-]/g, '-')
      .slice(0, 50) || 'host';
  return `${name}-${port === 0 ? `p${process.pid}` : port}`;
}
