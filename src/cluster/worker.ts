// A worker process: a whole server on the shared port. It starts with what the primary tells it, and ends when it
// is asked to, when its primary is gone, or when it has found a fault of its own.
import cluster from 'node:cluster';
import type { Kicker } from '../connections/kick.js';
import type { Changer } from '../settings/change.js';
import type { CurrentSettings } from '../settings/settings.js';
import type { ConnectionStore } from '../connections/store.js';
import { PearDetector } from '../detector/pear-detector.js';
import { StartupError } from '../errors.js';
import { AuthenticationHandler } from '../handlers/authentication-handler.js';
import { CommandRegistry } from '../handlers/base-handler.js';
import { ClassificationHandler } from '../handlers/classification-handler.js';
import { ConnectionHandler } from '../handlers/connection-handler.js';
import { DirectoryHandler } from '../handlers/directory-handler.js';
import { DownloadHandler } from '../handlers/download-handler.js';
import { ModelHandler } from '../handlers/model-handler.js';
import { createLogger, type Logger } from '../log.js';
import type { TokenCheck } from '../server/authenticator.js';
import { Handshakes } from '../server/entrance/handshakes.js';
import type { PeerAdmission } from '../server/entrance/peer-admission.js';
import { ConnectionManager } from '../server/connection-manager.js';
import { roleOptionsOf } from '../server/role-options.js';
import { Room } from '../server/room.js';
import { TCPServer } from '../server/tcp-server.js';
import { withSharedReads } from '../socket-reads.js';
import { textDecoder } from '../text-encoding.js';
import { version } from '../version.js';
import { networkOf } from './address-network.js';
import type { WorkerStart } from './messages.js';
import { PrimaryAdmission } from './primary-admission.js';
import { PrimaryLink } from './primary-link.js';
import type { ImageSharing } from './sharing/image-sharing.js';
import { threadOptions } from './thread-options.js';
import { createStore, followSettings, letEventLoopGoFirst, openSharing, tokenCheck } from './worker-parts.js';
import { WorkerStatus } from './worker-status.js';

/** Orphans end by themselves in their time; this much later they are ended, whatever holds them. */
const orphanGraceMs = 1_000;

/** So often it tells the primary that it is there; where it did not for long, and takes no connections, it is ended. */
const aliveIntervalMs = 2_000;

/** No element of a request needs as many commas and strings; fields that are not ours may be among them. */
const tokensPerImage = 16;
/** Read in some milliseconds. */
const tokensSpare = 65_536;

/** Runs this process as a worker until it is told to end; then ends it. */
export async function runWorker(): Promise<never> {
  // Without this a worker whose primary is killed exits at once, and the replies that it owes are lost.
  if (cluster.worker !== undefined) cluster.worker.exitedAfterDisconnect = true;
  // A terminal sends these to the whole group, but it is the primary that leads the way out.
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);
  const link = new PrimaryLink();
  const start = await Promise.race([link.start(), link.ending]);
  if (typeof start === 'string') process.exit(0);

  const log = createLogger(start.config.logging, { worker: start.slot });
  process.on('uncaughtException', (error) => {
    log.fatal({ err: error }, 'a fault of the worker; it ends');
    endAtOnce();
  });
  const { drain_timeout_ms, orphan_timeout_ms } = start.config.cluster;
  void link.ending.then((why) => {
    // A worker that still starts waits for answers that will never come.
    if (why === 'orphan') setTimeout(endAtOnce, orphan_timeout_ms + orphanGraceMs);
  });
  try {
    const worker = await Worker.open(start, link, log);
    const why = await link.ending;
    await worker.close(why === 'asked' ? drain_timeout_ms : orphan_timeout_ms);
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    await link.send({ type: 'failed', problem: error.message, cure: error.cure });
    process.exit(1);
  }
  process.exit(0);
}

/** exit() would wait for the thread that infers, which may be what is stuck. */
function endAtOnce(): void {
  process.kill(process.pid, 'SIGKILL');
}

/** The parts of a serving worker. */
class Worker {
  readonly #detector: PearDetector;
  readonly #sharing: ImageSharing | null;
  readonly #connections: ConnectionManager;
  readonly #server: TCPServer;
  readonly #status: WorkerStatus;
  readonly #log: Logger;

  private constructor(
    detector: PearDetector,
    sharing: ImageSharing | null,
    start: WorkerStart,
    settings: CurrentSettings,
    store: ConnectionStore,
    admission: PeerAdmission,
    tokens: TokenCheck,
    primary: Kicker & Changer,
    log: Logger,
  ) {
    const { config } = start;
    this.#detector = detector;
    this.#sharing = sharing;
    this.#log = log;
    this.#status = new WorkerStatus(start, () => ({
      model: detector.model.name,
      peers: this.#connections.peerCount,
      queued: detector.queued,
      inFlight: detector.inFlight,
      helped: sharing?.judged ?? 0,
      ...this.#server.totals,
    }));
    this.#connections = new ConnectionManager({
      store,
      describeWorker: () => this.#status.record(),
      flushIntervalMs: config.connections.flush_interval_ms,
      heartbeatIntervalMs: config.connections.heartbeat_interval_ms,
      log,
    });
    const roles = roleOptionsOf(config.security);
    const registry = new CommandRegistry([
      new ClassificationHandler({
        detector,
        settings,
        maxBatch: config.limits.max_batch,
        maxImageBytes: config.limits.max_image_bytes,
      }),
      new AuthenticationHandler(),
      new ModelHandler(detector, settings, primary),
      new DownloadHandler(primary),
      new DirectoryHandler(settings, primary),
      new ConnectionHandler(this.#connections, primary, {
        version,
        modelName: () => detector.model.name,
        startedAt: start.serverStartedAt,
        store: store.kind,
      }),
    ]);
    this.#server = new TCPServer({
      maxPeers: config.limits.max_peers,
      admission,
      hostId: start.hostId,
      workerId: start.workerId,
      roles,
      balancers: config.server.proxy_protocol,
      handshakes: Handshakes.open(config.server.tls, start.certificate, {
        replyTerminator: config.server.reply_terminator,
        networkOf,
        log,
      }),
      limits: {
        maxMessageBytes: config.limits.max_message_bytes,
        messageTimeoutMs: config.limits.message_timeout_ms,
        writeTimeoutMs: config.limits.write_timeout_ms,
        idleTimeoutMs: config.limits.idle_timeout_ms,
        maxInFlightBytes: config.limits.max_in_flight_bytes,
        readAheadBytes: config.limits.read_ahead_bytes,
      },
      processor: {
        registry,
        authenticator: tokens,
        decode: textDecoder(config.server.encoding),
        replyTerminator: config.server.reply_terminator,
        maxImageBytes: config.limits.max_image_bytes,
        requestTimeoutMs: config.limits.request_timeout_ms,
        maxQueuedImages: config.limits.max_queued_images,
        maxInFlightBytes: config.limits.max_in_flight_bytes,
        maxPendingRequests: config.limits.max_pending_requests,
        maxTokens: config.limits.max_batch * tokensPerImage + tokensSpare,
      },
      room: new Room({
        maxImages: config.limits.max_queued_images_total,
        maxBytes: config.limits.max_held_bytes_total,
      }),
      connections: this.#connections,
      networkOf,
      log,
    });
  }

  /** Resolves when this worker serves and the primary knows it. Throws StartupError. */
  static async open(start: WorkerStart, link: PrimaryLink, log: Logger): Promise<Worker> {
    const { config } = start;
    const detector = await PearDetector.start({
      thread: threadOptions(config, start.settings),
      onFault: (reason) => {
        log.error({ reason }, 'judging an image failed');
      },
    });
    letEventLoopGoFirst(config.cluster.judging_niceness, log);
    const sharing = await openSharing(start, detector, link, log);
    const store = createStore(start, link, log);
    const admission = new PrimaryAdmission(link);
    const tokens = tokenCheck(start.config, link, log);
    const follower = followSettings(
      start,
      detector,
      link,
      () => {
        worker.#connections.modelChanged();
      },
      log,
    );
    const worker = new Worker(detector, sharing, start, follower, store, admission, tokens, link, log);
    try {
      link.onConnection = (socket) => {
        worker.#server.welcome(withSharedReads(socket));
      };
      link.onDisconnect = (ids, by) => worker.#server.kick(ids, by);
      link.follower = follower;
      worker.#status.state = 'serving';
      await worker.#connections.start();
      await link.send({
        type: 'serving',
        model: detector.model.name,
        fingerprint: detector.model.fingerprint,
        classes: [...detector.model.classes],
        readAs: [...detector.model.readAs],
        settings: start.settings.version,
        socketPath: sharing?.socketPath ?? null,
      });
      setInterval(() => {
        void link.send({ type: 'alive' });
      }, aliveIntervalMs).unref();
      sharing?.start();
      return worker;
    } catch (error) {
      sharing?.close();
      await detector.close();
      throw error;
    }
  }

  /** Answers what was asked for, closes everything in order. */
  async close(timeoutMs: number): Promise<void> {
    this.#log.debug('stopping');
    this.#status.state = 'draining';
    const helped = this.#sharing?.stopHelping();
    void this.#connections.announce();
    await this.#server.drain(timeoutMs);
    await this.#connections.stop();
    // The detector waits for the same images.
    await helped;
    this.#sharing?.close();
    await this.#detector.close();
  }
}
