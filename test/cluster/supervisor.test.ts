import assert from 'node:assert/strict';
import { describe, mock, test } from 'node:test';
import fc from 'fast-check';
import { pino } from 'pino';
import type { ToPrimary, ToWorker } from '#src/cluster/messages.js';
import { Supervisor } from '#src/cluster/supervisor.js';
import type { WorkerProcess } from '#src/cluster/worker-process.js';
import { StartupError } from '#src/errors.js';

/** A process that does what the test says. */
class FakeProcess implements WorkerProcess {
  readonly pid: number;
  readonly sent: ToWorker['type'][] = [];
  readonly killed: NodeJS.Signals[] = [];
  ended = false;
  #message: (message: ToPrimary) => void = () => undefined;
  #exit: (how: string, orderly: boolean) => void = () => undefined;

  constructor(pid: number) {
    this.pid = pid;
  }

  send(message: ToWorker): void {
    this.sent.push(message.type);
  }
  kill(signal: NodeJS.Signals): void {
    this.killed.push(signal);
    this.end(signal, false);
  }
  onMessage(listener: (message: ToPrimary) => void): void {
    this.#message = listener;
  }
  onExit(listener: (how: string, orderly: boolean) => void): void {
    this.#exit = listener;
  }
  tell(message: ToPrimary): void {
    this.#message(message);
  }
  serve(): void {
    this.tell({ type: 'booted' });
    this.tell({
      type: 'serving',
      model: 'm.onnx',
      fingerprint: 'f00d',
      classes: ['a'],
      readAs: [],
      settings: 0,
      socketPath: null,
    });
  }
  end(how = 'SIGKILL', orderly = false): void {
    if (this.ended) return;
    this.ended = true;
    this.#exit(how, orderly);
  }
}

/** A worker that could serve does so once it has caught up with changes. */
const arrival = () => Promise.resolve().then(() => undefined);

/** `catchesUp`: whether workers that arrive may serve. */
function setUp(slots: number, catchesUp = () => true) {
  const processes: FakeProcess[] = [];
  const removed: string[] = [];
  const gone: string[] = [];
  const asked: string[] = [];
  const serving: string[] = [];
  const taken: number[] = [];
  const told: [workerId: string, news: string][] = [];
  const disconnected: [workerId: string, id: number, ids: readonly string[]][] = [];
  const supervisor = new Supervisor({
    slots,
    hostId: 'h',
    fork: () => {
      const forked = new FakeProcess(processes.length + 1);
      processes.push(forked);
      return forked;
    },
    start: () => ({ type: 'stop' }),
    onView: () => undefined,
    onPlaces: (_workerId, { arrived }) => {
      asked.push(...arrived);
    },
    onSharing: (workerId, { news }) => {
      told.push([workerId, news]);
    },
    onToken: (_workerId, { id }, reply) => {
      reply({ type: 'token', id, grant: null, busy: null });
    },
    onTokensWithdrawn: (workerId, ids) => {
      told.push([workerId, `withdrawn ${ids.join()}`]);
    },
    onKick: (_workerId, { id, ids }, reply) => {
      reply({ type: 'kick', id, answers: ids.map((peer) => ({ id: peer, outcome: 'not found' })) });
    },
    onDisconnected: (...word) => {
      disconnected.push(word);
    },
    onArrival: () => Promise.resolve(catchesUp()),
    onChange: (_workerId, { id }, reply) => {
      reply({ type: 'changed', id, answer: { ok: true } });
    },
    onFollowed: (workerId, { type }) => {
      told.push([workerId, type]);
    },
    onFailed: (slot, { problem }) => {
      told.push([`slot ${slot}`, problem]);
    },
    onServing: (workerId) => {
      serving.push(workerId);
    },
    onHeard: () => undefined,
    onTaken: (_workerId, connection) => {
      taken.push(connection);
    },
    onEnd: (workerId) => {
      gone.push(workerId);
    },
    onDeath: (workerId) => {
      removed.push(workerId);
      return Promise.resolve();
    },
    startTimeoutMs: 60_000,
    stopTimeoutMs: 10_000,
    restartDelayMaxMs: 1_000,
    log: pino({ level: 'silent' }),
  });
  return {
    supervisor,
    processes,
    removed,
    gone,
    asked,
    serving,
    taken,
    told,
    disconnected,
    alive: () => processes.filter(({ ended }) => !ended),
  };
}

/** Runs `body` with a clock that stands still unless the test moves it. */
async function withClock(body: () => Promise<void> | void): Promise<void> {
  mock.timers.enable({ apis: ['setTimeout', 'Date'] });
  try {
    await body();
  } finally {
    mock.timers.reset();
  }
}

describe('the supervisor', () => {
  test('is started when every worker serves', () =>
    withClock(async () => {
      const { supervisor, processes } = setUp(2);
      let started = false;
      const start = supervisor.start().then((facts) => {
        started = true;
        return facts;
      });
      processes[0]?.serve();
      await Promise.resolve();
      assert.equal(started, false);
      processes[1]?.serve();
      assert.equal((await start)?.model, 'm.onnx');
      assert.equal(supervisor.serving, 2);
    }));

  test('told to stop before every worker serves, ends, and its start with it', () =>
    withClock(async () => {
      const { supervisor, processes } = setUp(2);
      const start = supervisor.start();
      processes[0]?.serve();
      const stop = supervisor.stop();
      for (const forked of processes) forked.end('exit code 0', true);
      await stop;
      assert.equal(await start, null);
    }));

  test('takes no word of a worker that has ended for one of its successor', () =>
    withClock(async () => {
      const { supervisor, processes, asked } = setUp(1);
      const start = supervisor.start();
      processes[0]?.serve();
      await start;
      processes[0]?.tell({ type: 'places', id: 1, left: [], arrived: ['192.0.2.1'] });
      processes[0]?.end();
      processes[0]?.tell({ type: 'places', id: 2, left: [], arrived: ['192.0.2.2'] });
      mock.timers.tick(0);
      processes[0]?.tell({ type: 'places', id: 3, left: [], arrived: ['192.0.2.3'] });
      assert.deepEqual(asked, ['192.0.2.1']);
      processes[0]?.serve();
      assert.equal(supervisor.serving, 0);
      processes[1]?.serve();
      await arrival();
      assert.equal(supervisor.serving, 1);
    }));

  test('lets a worker serve only when it has caught up with changes', () =>
    withClock(async () => {
      let catchesUp = false;
      const { supervisor, processes, serving } = setUp(1, () => catchesUp);
      const start = supervisor.start();
      processes[0]?.serve();
      await arrival();
      assert.deepEqual([supervisor.serving, serving], [0, []]);
      processes[0]?.end();
      mock.timers.tick(200);
      catchesUp = true;
      processes[1]?.serve();
      await start;
      assert.equal(supervisor.serving, 1);
    }));

  test('tells which worker serves, what it has taken, and that it has ended', () =>
    withClock(async () => {
      const { supervisor, processes, serving, taken, told, gone } = setUp(1);
      const start = supervisor.start();
      processes[0]?.tell({ type: 'booted' });
      assert.deepEqual(serving, []);
      processes[0]?.serve();
      await start;
      processes[0]?.tell({ type: 'taken', connection: 7 });
      processes[0]?.tell({ type: 'sharing', news: { news: 'images wait', announcement: 1 } });
      assert.deepEqual([serving.length, taken], [1, [7]]);
      assert.deepEqual(told, [[serving[0], 'images wait']]);
      processes[0]?.end();
      assert.deepEqual(gone, serving);
      mock.timers.tick(0);
      processes[1]?.serve();
      await arrival();
      assert.equal(new Set(serving).size, 2);
    }));

  test('passes on whom a worker wants disconnected, the answer, and whom it has disconnected', () =>
    withClock(async () => {
      const { supervisor, processes, serving, disconnected } = setUp(1);
      const start = supervisor.start();
      const process = processes[0] ?? assert.fail('none was forked');
      process.serve();
      await start;
      process.tell({ type: 'kick', id: 3, ids: ['h/1.a.1'], by: 'a', untilMs: 0 });
      assert.equal(process.sent.at(-1), 'kick');
      process.tell({ type: 'disconnected', id: 4, ids: ['h/1.a.2'] });
      assert.deepEqual(disconnected, [[serving[0], 4, ['h/1.a.2']]]);
    }));

  test('fails to start with what a worker says', () =>
    withClock(async () => {
      const { supervisor, processes } = setUp(2);
      const start = supervisor.start();
      processes[0]?.tell({ type: 'failed', problem: 'no model', cure: 'get one' });
      await assert.rejects(start, new StartupError('no model', 'get one'));
    }));

  test('hands on what a worker says that cannot load later', () =>
    withClock(async () => {
      const { supervisor, processes, told, alive } = setUp(1);
      const start = supervisor.start();
      processes[0]?.serve();
      await start;
      processes[0]?.end('SIGKILL');
      mock.timers.tick(1_000);
      alive()[0]?.tell({ type: 'failed', problem: 'another model', cure: 'restore it' });
      assert.deepEqual(told.at(-1), ['slot 1', 'another model']);
    }));

  test('fails to start when a worker ends three times before it serves', () =>
    withClock(async () => {
      const { supervisor, alive } = setUp(1);
      const start = supervisor.start();
      for (let deaths = 0; deaths < 3; deaths++) {
        alive()[0]?.end('SIGSEGV');
        mock.timers.tick(1_000);
      }
      await assert.rejects(start, /ended 3 times before it served \(SIGSEGV\)/);
    }));

  test('replaces a dead worker at once, a dying one after growing waits, up to the longest', () =>
    withClock(async () => {
      const { supervisor, processes, removed, alive } = setUp(1);
      const start = supervisor.start();
      processes[0]?.serve();
      await start;
      const waits: number[] = [];
      for (let deaths = 0; deaths < 6; deaths++) {
        alive()[0]?.end();
        let waited = 0;
        mock.timers.tick(0);
        while (alive().length === 0) {
          mock.timers.tick(100);
          waited += 100;
        }
        waits.push(waited);
      }
      assert.deepEqual(waits, [0, 200, 400, 800, 1_000, 1_000]);
      assert.equal(new Set(removed).size, 6, 'each under a name of its own');
    }));

  test('forgets the deaths of a worker that has served for a while', () =>
    withClock(async () => {
      const { supervisor, alive } = setUp(1);
      const start = supervisor.start();
      alive()[0]?.serve();
      await start;
      alive()[0]?.end();
      mock.timers.tick(0);
      alive()[0]?.serve();
      await arrival();
      mock.timers.tick(10_000);
      alive()[0]?.end();
      mock.timers.tick(0);
      assert.equal(alive().length, 1, 'forked anew without a wait');
    }));

  test('kills a worker that does not start in time, and forks it anew', () =>
    withClock(() => {
      const { supervisor, processes, alive } = setUp(1);
      void supervisor.start();
      mock.timers.tick(60_000);
      assert.deepEqual(processes[0]?.killed, ['SIGKILL']);
      mock.timers.tick(0);
      assert.equal(alive().length, 1);
    }));

  test('stops when all have ended, removes no records of those that ended in order, kills those that do not', () =>
    withClock(async () => {
      const { supervisor, processes, removed, gone } = setUp(2);
      const start = supervisor.start();
      for (const forked of processes) forked.serve();
      await start;
      const stop = supervisor.stop();
      assert.ok(processes.every(({ sent }) => sent.at(-1) === 'stop'));
      processes[0]?.end('exit code 0', true);
      assert.deepEqual(removed, []);
      mock.timers.tick(10_000);
      await stop;
      assert.deepEqual(processes[1]?.killed, ['SIGKILL']);
      assert.equal(removed.length, 1);
      assert.equal(new Set(gone).size, 2, 'both are told of as ended');
    }));

  const event = fc.oneof(
    fc.record({ type: fc.constantFrom('serve', 'die', 'end in order'), which: fc.nat(5) }),
    fc.record({ type: fc.constant('wait'), ms: fc.integer({ min: 0, max: 70_000 }) }),
  );

  test('whatever happens, has one process a slot at most, brings each back, and ends when told to', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 1, max: 3 }), fc.array(event, { maxLength: 30 }), (slots, events) =>
        withClock(async () => {
          const { supervisor, processes, alive } = setUp(slots);
          const start = supervisor.start();
          for (const forked of processes) forked.serve();
          await start;
          for (const step of events) {
            if ('ms' in step) mock.timers.tick(step.ms);
            else {
              const forked = alive()[step.which % Math.max(1, alive().length)];
              if (step.type === 'serve') forked?.serve();
              else forked?.end('x', step.type === 'end in order');
            }
            assert.ok(alive().length <= slots);
          }
          // Those that live come to serve, so that none is killed for being late; the others are due within a second.
          for (const forked of alive()) forked.serve();
          mock.timers.tick(1_000);
          assert.equal(alive().length, slots, 'every slot has its process again');
          const stop = supervisor.stop();
          mock.timers.tick(10_000);
          await stop;
          assert.deepEqual(alive(), []);
          mock.timers.tick(100_000);
          assert.deepEqual(alive(), [], 'nothing is forked after the end');
        }),
      ),
      { numRuns: 50 },
    );
  });
});
