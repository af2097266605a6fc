// The parts of a worker that belong to its place in the cluster: what it shares, follows, and where its peers are listed.
import { join } from 'node:path';
import type { Config } from '../config/schema.js';
import { chooseStore } from '../connections/choose-store.js';
import { EmbeddedStore } from '../connections/embedded-store.js';
import { FallbackStore } from '../connections/fallback-store.js';
import { RedisStore } from '../connections/redis/store.js';
import type { ConnectionStore } from '../connections/store.js';
import { UnlistedStore } from '../connections/unlisted-store.js';
import type { PearDetector } from '../detector/pear-detector.js';
import type { Logger } from '../log.js';
import type { TokenCheck } from '../server/authenticator.js';
import { SettingsFollower } from '../settings/settings-follower.js';
import { putEventLoopFirst } from './event-loop-first.js';
import { createAuthenticator } from './host-authenticator.js';
import type { WorkerStart } from './messages.js';
import type { PrimaryLink } from './primary-link.js';
import { PrimaryTokens } from './primary-tokens.js';
import { ImageSharing } from './sharing/image-sharing.js';
import { threadOptions } from './thread-options.js';

/** The primary answers from its memory; it is late only when the machine is. */
const viewTimeoutMs = 5_000;

/** All threads are there by now: the detector has judged an image. */
export function letEventLoopGoFirst(niceness: number, log: Logger): void {
  try {
    putEventLoopFirst(niceness);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    log.warn({ reason }, 'the event loop has no priority over decoding and inference, and may answer late');
  }
}

/** Where no token gives anything there is nothing to guess, and the primary need not hear of it. */
export function tokenCheck(config: Config, link: PrimaryLink, log: Logger): TokenCheck {
  return config.security.tokens.length > 0 ? new PrimaryTokens(link) : createAuthenticator(config, log);
}

/** Makes the changes that the primary leads. `onModelChanged`: from now on the detector judges by another one. */
export function followSettings(
  { config, settings }: WorkerStart,
  detector: PearDetector,
  link: PrimaryLink,
  onModelChanged: () => void,
  log: Logger,
): SettingsFollower {
  return new SettingsFollower({
    settings,
    detector: {
      get model() {
        return detector.model;
      },
      prepare: (wanted) => detector.prepare(threadOptions(config, wanted)),
      commit: () => {
        const { fingerprint } = detector.model;
        const done = detector.commit();
        if (detector.model.fingerprint !== fingerprint) onModelChanged();
        return done;
      },
      discard: () => detector.discard(),
    },
    // No image waits longer for its verdict.
    maxWaitMs: config.limits.request_timeout_ms,
    startTimeoutMs: config.cluster.start_timeout_ms,
    onPrepared: (round, problem) => {
      void link.send({ type: 'prepared', round, problem });
    },
    onAborting: (round) => {
      void link.send({ type: 'aborting', round });
    },
    onSwitched: (round) => {
      void link.send({ type: 'switched', round });
    },
    onCommitted: (round) => {
      void link.send({ type: 'committed', round });
    },
    log,
  });
}

/** Null where this worker shares no images. */
export async function openSharing(
  { shareFolder, slot, workerId, config }: WorkerStart,
  detector: PearDetector,
  link: PrimaryLink,
  log: Logger,
): Promise<ImageSharing | null> {
  if (shareFolder === null) return null;
  const sharing = await ImageSharing.open({
    detector,
    // Short, since the path of a socket may have some hundred bytes only; a worker that died may have left its own.
    socketPath: join(shareFolder, `${slot}-${workerId.slice(-8)}`),
    maxImageBytes: config.limits.max_image_bytes,
    tell: (news) => {
      void link.send({ type: 'sharing', news });
    },
    log,
  });
  link.onHelp = (lender, socketPath) => sharing?.help(lender, socketPath);
  return sharing;
}

export function createStore(
  { config, hostId, slot }: WorkerStart,
  link: PrimaryLink,
  log: Logger,
): ConnectionStore {
  const choice = chooseStore(config, `${hostId}:${slot}`);
  const memory = new EmbeddedStore(link, { requestTimeoutMs: viewTimeoutMs });
  if (choice.kind !== 'redis') return choice.kind === 'none' ? new UnlistedStore(memory) : memory;
  const redis = new RedisStore(choice.redis, (message) => {
    log.warn(message);
  });
  return new FallbackStore(redis, memory, choice.redis.leaseMs);
}
