// The primary process: it checks what can be checked beforehand, forks the workers, keeps the embedded view, says
// in plain words what serves, and ends everything in order. It loads no image and no model.
import { fileNotes } from '../config/file-notes.js';
import type { LoadedConfig } from '../config/loader.js';
import type { Config } from '../config/schema.js';
import { readTokens } from '../config/token-files.js';
import { chooseStore } from '../connections/choose-store.js';
import { probeRedis } from '../connections/redis/probe.js';
import { unreadSidecar } from '../detector/models/sidecar.js';
import { createLogger } from '../log.js';
import { version } from '../version.js';
import { announce } from './announce.js';
import { prepareForks } from './fork-worker.js';
import { FrontDoor } from './front-door.js';
import { defaultHostId, workerCount } from './host.js';
import { tooFewFiles } from './open-files.js';
import { createAuthenticator } from './host-authenticator.js';
import { createAdmin, watchCertificate } from './primary-admin.js';
import { PrimaryKicker } from './primary-kicker.js';
import { PrimarySettings } from './primary-settings.js';
import { createSupervisor } from './primary-supervisor.js';
import { PrimaryView } from './primary-view.js';
import { removeLeftFolders } from './sharing/left-folders.js';
import { PrimarySharing } from './sharing/primary-sharing.js';
import { stopOnSignal } from './stop-on-signal.js';
import type { WorkerProcess } from './worker-process.js';
import { TokenDesk } from './token-desk.js';

/**
 * Runs this process as the primary until it is told to stop; `workerFile` is what each worker executes. Resolves to
 * false where a second signal cut the stop short. Throws StartupError.
 */
export async function runPrimary(loaded: LoadedConfig, workerFile: string): Promise<boolean> {
  const { path } = loaded;
  const log = createLogger(loaded.config.logging, {});
  const { security, notes } = readTokens(loaded.config.security);
  const config: Config = { ...loaded.config, security };
  for (const note of [...loaded.notes, ...notes, ...fileNotes(config, path)]) log.warn(note);
  for (const path of [config.model.preprocessor_path, config.model.model_path]) {
    const unread = path === null ? null : await unreadSidecar(path);
    if (unread !== null) log.warn(unread);
  }
  const hostId = config.cluster.host_id ?? defaultHostId(config.server.port);
  const store = chooseStore(config, `${hostId}:primary`);
  if (config.connections.store === 'redis' && store.kind === 'redis') await probeRedis(store.redis);
  prepareForks(workerFile);

  const processes = new Map<string, WorkerProcess>();
  // Before anything is made that a signal now would leave behind: a model may have to be tried first.
  const settings = await PrimarySettings.open({
    config,
    hostId,
    onChanged: (_settings, model) => {
      if (model === null) return;
      for (const workerId of processes.keys()) sharing.changeModel(workerId, model.fingerprint);
      for (const line of model.readAs) log.info(line);
    },
    log,
  });
  const view = new PrimaryView(store, {
    leaseMs: config.connections.lease_ms,
    sweepIntervalMs: config.connections.heartbeat_interval_ms,
    log,
  });
  const kicker = new PrimaryKicker({
    hostId,
    store,
    pingIntervalMs: config.connections.heartbeat_interval_ms,
    drainTimeoutMs: config.cluster.drain_timeout_ms,
    log,
  });
  const certificates = watchCertificate('server', config, log);
  const door = new FrontDoor({
    host: config.server.host,
    port: config.server.port,
    backlog: config.server.max_connections,
    maxWaiting: config.limits.max_peers,
    replyTerminator: config.server.reply_terminator,
    isTls: certificates !== null,
    log,
  });
  for (const folder of await removeLeftFolders())
    log.debug({ folder }, 'removed what a killed server had left');
  const sharing = new PrimarySharing(
    config.cluster.share_images && workerCount(config) > 1,
    (helperId, lender, socketPath) => processes.get(helperId)?.send({ type: 'help', lender, socketPath }),
    log,
  );
  process.once('exit', () => {
    sharing.close();
  });
  const { keeper } = settings;
  const authenticator = createAuthenticator(config, log);
  const tokens = new TokenDesk(authenticator);
  const supervisor = createSupervisor(
    config,
    hostId,
    { view, kicker, door, sharing, processes, settings, tokens, certificates },
    log,
  );
  const { downloads } = settings;
  const admin = createAdmin(config, hostId, { view, kicker, supervisor, downloads, authenticator }, log);
  const stopped = stopOnSignal({ settings, door, authenticator, supervisor }, log);
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
