// Workers that die or hang in the middle of a change.
import assert from 'node:assert/strict';
import { existsSync, renameSync, rmSync, watch, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import sharp from 'sharp';
import { z } from 'zod';
import { writeOnnx } from '#src/cli/bench/onnx-writer.js';
import { codeOf } from '#src/errors.js';
import { endless, endlessNear, sidecar } from '../support/bad-models.js';
import { ChangeableServer, first, second } from '../support/changeable-server.js';
import { eventually } from '../support/deadline.js';
import { judge } from '../support/judged.js';
import { change, changed, models } from '../support/model-changes.js';
import { signalTo, workerPids } from '../support/processes.js';
import { codesOf, item, reply, request } from '../support/replies.js';
import { Wire } from '../support/wire.js';

describe('a worker that fails in the middle of a change', () => {
  /** Far above what a change takes with others at work; a change that fails by it takes as long. */
  const changeTimeoutMs = 15_000;
  const times = [
    '--limits.change_timeout_ms',
    String(changeTimeoutMs),
    '--limits.model_proof_timeout_ms',
    String(changeTimeoutMs - 1),
    '--cluster.commit_timeout_ms',
    '3000',
  ];

  /** A server that has changed to `second`: both models are proved, so what is left of a change is loading and the decision. */
  const changedOnce = async (t: TestContext) => {
    const place = new ChangeableServer(t);
    const server = await place.start(t, ...times);
    const wire = await Wire.open(server.port);
    assert.equal(await change(wire, second), changed(second));
    return { place, server, wire, own: await pidOf(server.port, wire) };
  };

  test('leaves one truth, whenever it is killed or stopped', async (t) => {
    const place = new ChangeableServer(t);
    const server = await place.start(t, ...times);
    // From the proof over loading and the decision to the end of the old model.
    for (const [index, delayMs] of [30, 150, 400, 900].entries()) {
      const wanted = index % 2 === 0 ? second : first;
      const [even = assert.fail(), odd = assert.fail()] = await eventually('two workers', async () => {
        const pids = await workerPids(server.port).catch(() => []);
        return pids.length === 2 ? pids : null;
      });
      const victim = index % 2 === 0 ? even : odd;
      const wire = await Wire.open(server.port);
      const answered = change(wire, wanted).catch(() => 'lost');
      setTimeout(() => {
        signal(victim, index === 2 ? 'SIGSTOP' : 'SIGKILL');
      }, delayMs);
      // A client of the stopped worker itself hears of it when that goes on.
      const goesOn = setTimeout(() => {
        signal(victim, 'SIGCONT');
      }, 2 * changeTimeoutMs);
      const answer = await answered;
      clearTimeout(goesOn);
      signal(victim, 'SIGCONT');
      wire.close();
      const served = await eventually(
        'both workers serve by the same model',
        async () => {
          const pids = await workerPids(server.port).catch(() => []);
          const names = pids.length === 2 ? await models(server.port).catch(() => []) : [];
          return names.length === 1 ? names[0] : null;
        },
        60_000,
      );
      if (answer === changed(wanted)) assert.equal(served, wanted);
      else if (answer !== 'lost') assert.equal(answer, reply(0x27, item(wanted, 1, 4)));
      if (existsSync(place.settingsFile)) assert.ok(place.kept().model.endsWith(served ?? 'none'));
    }
    assert.equal(await server.stop(), 0);
  });

  test('killed or stopped between the decision and its part in it, undoes nothing', async (t) => {
    const { place, server, wire, own } = await changedOnce(t);
    for (const [name, wanted] of [
      ['SIGKILL', first],
      ['SIGSTOP', second],
    ] as const) {
      const other = await eventually('two workers', async () => {
        const pids: readonly number[] = await workerPids(server.port).catch(() => []);
        return pids.length === 2 ? (pids.find((pid) => pid !== own) ?? null) : null;
      });
      let isWritten = false;
      // All have prepared when the settings are written beside the old ones; the decision is the new name.
      const watching = watch(dirname(place.settingsFile), (_, file) => {
        if (isWritten || file?.startsWith(basename(place.settingsFile)) !== true) return;
        isWritten = true;
        signal(other, name);
      });
      const answer = await change(wire, wanted);
      watching.close();
      signal(other, 'SIGCONT');
      assert.equal(answer, changed(wanted), name);
      assert.ok(isWritten);
      assert.ok(place.kept().model.endsWith(wanted));
      await eventually(
        'both workers serve by it',
        async () => {
          const pids = await workerPids(server.port).catch(() => []);
          const names = pids.length === 2 ? await models(server.port).catch(() => []) : [];
          return names.length === 1 && names[0] === wanted;
        },
        60_000,
      );
    }
    wire.close();
    assert.equal(await server.stop(), 0);
  });

  test('stopped before the decision for good, lets the change fail in time and is ended', async (t) => {
    const { place, server, wire, own } = await changedOnce(t);
    const other = (await workerPids(server.port)).find((pid) => pid !== own);
    signalTo(other, 'SIGSTOP');
    assert.equal(await change(wire, first), reply(0x27, item(first, 1, 4)));
    assert.ok(place.kept().model.endsWith(second));
    assert.equal(await change(wire, first), changed(first), 'and the next one is made');
    wire.close();
    const replaced = async () => {
      const pids: readonly number[] = await workerPids(server.port).catch(() => []);
      return pids.length === 2 && !pids.some((pid) => pid === other) ? true : null;
    };
    await eventually('another worker has taken its place', replaced, 60_000);
    assert.deepEqual(await models(server.port), [first]);
    assert.equal(await server.stop(), 0);
  });
});

describe('a change that is on its way when the server is told to stop', () => {
  test('is answered with code 6, which says nothing of the model', async (t) => {
    const place = new ChangeableServer(t);
    const server = await place.start(t);
    writeFileSync(join(place.models, 'slow.onnx'), writeOnnx(endless));
    writeFileSync(join(place.models, 'slow.yaml'), sidecar);
    const wire = await Wire.open(server.port);
    const answered = change(wire, 'slow.onnx');
    await server.line(({ msg }) => msg === 'trying a model in a process of its own');
    const stopped = server.stop();
    assert.match(await answered, /"error_code": 6\b/);
    wire.close();
    assert.equal(await stopped, 0);
  });
});

describe('the last worker dies, and the file of the model is', () => {
  /** Kills the only worker; resolves to the model that its successor serves by. */
  const afterDeath = async (port: number) => {
    const [pid] = await workerPids(port);
    signalTo(pid, 'SIGKILL');
    return eventually(
      'another one serves',
      async () => {
        const pids = await workerPids(port).catch(() => []);
        const names = pids.length === 1 && pids[0] !== pid ? await models(port).catch(() => []) : [];
        return names[0] ?? null;
      },
      60_000,
    );
  };

  test('another one by now: that serves; gone: the configured model serves', async (t) => {
    const place = new ChangeableServer(t);
    const server = await place.start(t, '--cluster.workers', '1');
    place.add('new.onnx', `models/${second}`);
    renameSync(join(place.models, 'new.onnx'), join(place.models, first));
    assert.equal(await afterDeath(server.port), first);
    await server.line(({ msg }) => msg.startsWith('no worker is left that has the model that served'));

    await Wire.use(server.port, async (wire) => {
      assert.equal(await change(wire, second), changed(second));
    });
    rmSync(join(place.models, second));
    assert.equal(await afterDeath(server.port), first);
    assert.equal(await server.stop(), 0);
  });
});

describe('a model that never answers for one kind of picture', () => {
  /** The worker is ended after twice that and five seconds. */
  const requestTimeoutMs = 500;

  /** 0x44 tells of images as of the last heartbeat. */
  const quickStatus = ['--connections.heartbeat_interval_ms', '100'];

  /** A place with the model `trap.onnx` and the picture `trap.png`, for which it never answers. */
  const trapped = async (t: TestContext): Promise<ChangeableServer> => {
    const place = new ChangeableServer(t);
    writeFileSync(join(place.models, 'trap.onnx'), writeOnnx(endlessNear(0.3)));
    writeFileSync(join(place.models, 'trap.yaml'), sidecar);
    const background = { r: 77, g: 77, b: 77 };
    const picture = sharp({ create: { width: 64, height: 64, channels: 3, background } });
    await picture.png().toFile(join(place.images, 'trap.png'));
    return place;
  };

  test('holds up no image of the model that serves after it, in the same worker', async (t) => {
    const place = await trapped(t);
    // The limits leave the worker alive for longer than this takes.
    const server = await place.start(t, '--cluster.workers', '1', ...quickStatus);
    await Wire.use(server.port, async (wire) => {
      assert.equal(await change(wire, 'trap.onnx'), changed('trap.onnx'));
      const pid = await pidOf(server.port, wire);
      await Wire.use(server.port, async (leaver) => {
        for (let count = 0; count < 2; count++) leaver.send(request(1, ['trap.png']));
        await eventually('both images hang', async () =>
          /"in_flight": 2\b/.test(await wire.ask(request(0x44, null))),
        );
        // Nobody waits for them any more.
        leaver.socket.resetAndDestroy();
      });
      assert.equal(await change(wire, first), changed(first));
      for (let count = 0; count < 3; count++) assert.equal((await judge(wire)).model, first);
      assert.equal(await pidOf(server.port, wire), pid);
    });
  });

  test('holds up the success until it is answered, no other image, and ends no worker that has followed', async (t) => {
    const place = await trapped(t);
    const server = await place.start(
      t,
      ...['--cluster.workers', '1', '--cluster.commit_timeout_ms', '100'],
      // Far above what a change to a known model takes while two images keep the cores busy.
      ...['--limits.request_timeout_ms', '12000', ...quickStatus],
    );
    await Wire.use(server.port, async (wire) => {
      // Once both are proved, what is left of a change is loading and the decision.
      for (const name of ['trap.onnx', first, 'trap.onnx'])
        assert.equal(await change(wire, name), changed(name));
      const pid = await pidOf(server.port, wire);
      const order: string[] = [];
      await Wire.use(server.port, async (waiting) => {
        // Two hang, and the third one waits for the model that they hang in.
        const late = ['trap.png', 'trap.png', 'normal-01.jpg'];
        const asked = waiting.ask(request(1, late)).then((answer) => {
          order.push('late');
          return answer;
        });
        await eventually('they hang', async () => {
          const status = await wire.ask(request(0x44, null));
          return /"in_flight": 2\b/.test(status) && /"queued": 1\b/.test(status);
        });
        const changing = Wire.use(server.port, (changer) => change(changer, first)).then((answer) => {
          order.push('success');
          return answer;
        });
        await eventually('the new model serves', async () =>
          (await wire.ask(request(0x22, null))).includes(first) ? true : null,
        );
        assert.equal((await judge(wire)).model, first);
        order.push('new');
        assert.deepEqual(codesOf(await asked), [4, 4, 4]);
        assert.equal(await changing, changed(first));
      });
      assert.deepEqual(order, ['new', 'late', 'success']);
      assert.equal(await pidOf(server.port, wire), pid);
    });
  });

  test('costs the worker that judges one; another one takes its place, and another model heals all', async (t) => {
    const place = await trapped(t);
    const limits = ['--limits.request_timeout_ms', String(requestTimeoutMs)];
    const server = await place.start(t, '--cluster.workers', '1', ...limits);
    await Wire.use(server.port, async (wire) => {
      assert.equal(await change(wire, 'trap.onnx'), changed('trap.onnx'));
      for (let count = 0; count < 3; count++) assert.equal((await judge(wire, 'trap.png')).code, 4);
    });
    // The worker may end meanwhile, and this connection with it.
    await eventually(
      'the model is changed back',
      async () =>
        (await Wire.use(server.port, (wire) => change(wire, first)).catch(() => null)) === changed(first),
      60_000,
    );
    await server.line((line) => /has judged an image for more than/.test(JSON.stringify(line)));
    await eventually(
      'images are judged again',
      async () => (await models(server.port).catch(() => [])).at(0) === first,
      60_000,
    );
    assert.equal(await server.stop(), 0);
  });
});

/** A worker may have ended before its turn to be killed came. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    signalTo(pid, name);
  } catch (error) {
    if (codeOf(error) !== 'ESRCH') throw error;
  }
}

/** Of the worker that has this connection. */
async function pidOf(port: number, wire: Wire): Promise<number> {
  const listed = await wire.ask(request(0x40, [{ address: '127.0.0.1' }]));
  const status = await wire.ask(request(0x44, null));
  const peer = z
    .object({
      response_data: z.array(z.object({ result: z.looseObject({ port: z.int(), worker: z.string() }) })),
    })
    .parse(JSON.parse(listed))
    .response_data.find(({ result }) => result.port === wire.socket.localPort);
  assert.ok(peer !== undefined, `${port} lists its peer`);
  const worker = peer.result.worker;
  const pid = new RegExp(`"worker": "${worker}", "pid": (\\d+)`).exec(status)?.[1];
  return Number(pid);
}
