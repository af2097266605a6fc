// The supervisor of workers, and who in the primary hears what of them.
import type { Config } from '../config/schema.js';
import { describeError } from '../errors.js';
import type { Logger } from '../log.js';
import { forkWorker } from './fork-worker.js';
import type { FrontDoor } from './front-door.js';
import { workerCount } from './host.js';
import { PeerCounter } from './peer-counter.js';
import type { PrimaryKicker } from './primary-kicker.js';
import { followerOf, type PrimarySettings } from './primary-settings.js';
import type { PrimaryView } from './primary-view.js';
import type { PrimarySharing } from './sharing/primary-sharing.js';
import { Supervisor } from './supervisor.js';
import type { WorkerProcess } from './worker-process.js';
import type { CertificateWatch } from '../server/tls/certificate-watch.js';
import { textsOf } from '../server/tls/certificate.js';
import type { TokenDesk } from './token-desk.js';

/** Workers are given this much longer than their own deadline before they are killed. */
const killGraceMs = 2_000;

/** The parts of the primary that hear of workers. */
export interface SupervisedParts {
  readonly view: PrimaryView;
  readonly kicker: PrimaryKicker;
  readonly door: FrontDoor;
  readonly sharing: PrimarySharing;
  readonly settings: PrimarySettings;
  readonly tokens: TokenDesk;
  /** Of the client port; null: it speaks no TLS. */
  readonly certificates: Pick<CertificateWatch, 'current'> | null;
  /** The workers that serve. */
  readonly processes: Map<string, WorkerProcess>;
}

export function createSupervisor(
  config: Config,
  hostId: string,
  { view, kicker, door, sharing, processes, settings, tokens, certificates }: SupervisedParts,
  log: Logger,
): Supervisor {
  const slots = workerCount(config);
  const { keeper } = settings;
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
      tokens.addWorker(workerId);
      keeper.followers.expect(workerId, keeper.current);
      return {
        type: 'start',
        start: {
          config,
          settings: keeper.current,
          hostId,
          slot,
          workerId,
          serverStartedAt,
          certificate: certificates === null ? null : textsOf(certificates.current),
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
    onToken: (workerId, shown, reply) => {
      void tokens.look(workerId, shown).then((answer) => {
        reply({ type: 'token', ...answer });
      });
    },
    onTokensWithdrawn: (workerId, ids) => {
      tokens.withdraw(workerId, ids);
    },
    onKick: (_workerId, { id, ...kick }, reply) => {
      void kicker.kickFor(kick).then((answers) => {
        reply({ type: 'kick', id, answers });
      });
    },
    onDisconnected: (workerId, id, ids) => {
      kicker.disconnected(workerId, id, ids);
    },
    onArrival: (workerId, process, { settings: version, fingerprint }) =>
      keeper.followers.admit(workerId, followerOf(process), { version, fingerprint }),
    onChange: (_workerId, { id, change, by }, reply) => {
      void keeper.change(change, by).then((answer) => {
        reply({ type: 'changed', id, answer });
      });
    },
    onFollowed: (workerId, message) => {
      switch (message.type) {
        case 'prepared':
          keeper.followers.prepared(workerId, message.round, message.problem);
          return;
        case 'aborting':
          keeper.followers.aborting(workerId, message.round);
          return;
        case 'switched':
          keeper.followers.switched(workerId, message.round);
          return;
        case 'committed':
          keeper.followers.committed(workerId, message.round);
          return;
        default:
          message satisfies never;
      }
    },
    onFailed: (slot, { problem, cure }) => {
      log.error({ worker: slot, cure }, problem);
      if (processes.size > 0) return;
      settings.recover().catch((error: unknown) => {
        log.error({ reason: describeError(error) }, 'what the workers should load instead is not known');
      });
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
    onHeard: (workerId) => {
      door.heard(workerId);
    },
    onTaken: (workerId, connection) => {
      door.taken(workerId, connection);
    },
    onEnd: (workerId) => {
      counter.removeWorker(workerId);
      tokens.removeWorker(workerId);
      keeper.followers.remove(workerId);
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
