import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pino } from 'pino';
import { StartupError } from '#src/errors.js';
import { SettingsFollower } from '#src/settings/settings-follower.js';
import type { Settings } from '#src/settings/settings.js';
import { eventually } from '../support/deadline.js';

const folder = { name: 'f', path: '/f' };
const settings = (version: number, fingerprint: string): Settings => ({
  version,
  modelPath: `${fingerprint}.onnx`,
  fingerprint,
  images: folder,
  models: folder,
});

/** A follower whose detector notes what it does; models are named after their fingerprints. */
function followerWith({
  loads = (wanted: string) => wanted,
  loading = Promise.resolve(),
  maxWaitMs = 60_000,
  startTimeoutMs = 60_000,
} = {}) {
  const events: string[] = [];
  let serving = 'old';
  let next: string | null = null;
  let onAnswered: () => void = () => undefined;
  const model = (fingerprint: string) => ({
    name: fingerprint,
    sha256: 's',
    fingerprint,
    classes: [],
    readAs: [],
  });
  const follower = new SettingsFollower({
    settings: settings(1, 'old'),
    detector: {
      get model() {
        return model(serving);
      },
      prepare: async ({ fingerprint }) => {
        events.push(`loads ${fingerprint}`);
        await loading;
        next = loads(fingerprint ?? '');
        return model(next);
      },
      commit: () => {
        if (next === null) return Promise.resolve();
        serving = next;
        events.push(`serves ${next}`);
        return new Promise((resolve) => (onAnswered = resolve));
      },
      discard: () => {
        next = null;
        events.push('discarded');
        return Promise.resolve();
      },
    },
    maxWaitMs,
    startTimeoutMs,
    onPrepared: (round, problem) => events.push(`prepared ${round}: ${problem}`),
    onAborting: (round) => events.push(`aborting ${round}`),
    onSwitched: (round) => events.push(`switched ${round}`),
    onCommitted: (round) => events.push(`committed ${round}`),
    log: pino({ level: 'silent' }),
  });
  const until = (event: string) => eventually(event, () => (events.includes(event) ? true : null));
  return {
    follower,
    events,
    until,
    answered: () => {
      onAnswered();
    },
  };
}

describe('a worker that follows changes', () => {
  test('serves by the new settings from the word on, says so, and says when the old model has answered', async () => {
    const { follower, events, until, answered } = followerWith();
    follower.prepare(1, settings(2, 'new'));
    await until('prepared 1: null');
    assert.equal(follower.current.version, 1);
    follower.commit(1);
    await until('switched 1');
    assert.deepEqual(events.slice(-2), ['serves new', 'switched 1']);
    assert.equal(follower.current.version, 2);
    assert.equal(events.includes('committed 1'), false);
    answered();
    await until('committed 1');
  });

  test('does not wait longer for the old model than it may', async () => {
    const { follower, until } = followerWith({ maxWaitMs: 5 });
    follower.prepare(1, settings(2, 'new'));
    follower.commit(1);
    await until('committed 1');
  });

  test('loads nothing where the model stays', async () => {
    const { follower, events, until } = followerWith();
    follower.prepare(1, settings(2, 'old'));
    follower.commit(1);
    await until('committed 1');
    assert.deepEqual(events, ['prepared 1: null', 'switched 1', 'committed 1']);
    assert.equal(follower.current.version, 2);
  });

  test('says at once that it gives up what it is still loading, and does', async () => {
    let onLoaded: () => void = () => undefined;
    const loading = new Promise<void>((resolve) => (onLoaded = resolve));
    const { follower, events, until, answered } = followerWith({ loading });
    follower.prepare(1, settings(2, 'new'));
    await until('loads new');
    follower.abort(1);
    assert.deepEqual(events, ['loads new', 'aborting 1']);
    follower.commit(1);
    onLoaded();
    await until('discarded');
    follower.prepare(2, settings(2, 'newer'));
    follower.commit(2);
    await until('serves newer');
    answered();
    await until('committed 2');
    assert.equal(events.includes('committed 1'), false);
    assert.equal(events.includes('serves new'), false);
  });

  test('does not begin to load what has been given up while it loaded something else', async () => {
    let onLoaded: () => void = () => undefined;
    const loading = new Promise<void>((resolve) => (onLoaded = resolve));
    const { follower, events, until } = followerWith({ loading });
    follower.prepare(1, settings(2, 'first'));
    await until('loads first');
    follower.abort(1);
    follower.prepare(2, settings(2, 'second'));
    follower.abort(2);
    follower.prepare(3, settings(2, 'third'));
    onLoaded();
    await until('prepared 3: null');
    assert.ok(events.includes('prepared 2: it was given up'));
    assert.equal(events.includes('loads second'), false);
  });

  test('says what it cannot load, and what is not what was proved', async () => {
    const cannot = followerWith({
      loads: () => {
        throw new StartupError('no memory', 'buy some');
      },
    });
    cannot.follower.prepare(1, settings(2, 'new'));
    await cannot.until('prepared 1: no memory');
    const changed = followerWith({ loads: () => 'something else' });
    changed.follower.prepare(1, settings(2, 'new'));
    await changed.until('prepared 1: something else is not what was proved: its file has changed');
    assert.ok(changed.events.includes('discarded'));
    const slow = followerWith({ startTimeoutMs: -1 });
    slow.follower.prepare(1, settings(2, 'new'));
    await slow.until('discarded');
    await eventually(
      'it says why',
      () =>
        slow.events.some((event) => /load new; .* unless cluster\.start_timeout_ms is raised$/.test(event)) ||
        null,
    );
  });
});
