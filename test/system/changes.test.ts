// What one client changes all workers follow: at once, whole, and over restarts.
import assert from 'node:assert/strict';
import {
  existsSync,
  linkSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import type { LocalServer } from '#src/cli/local-server.js';
import { ChangeableServer, first, second } from '../support/changeable-server.js';
import { eventually } from '../support/deadline.js';
import { judge } from '../support/judged.js';
import { workerPids } from '../support/processes.js';
import { item, refused, reply, request } from '../support/replies.js';
import { Wire } from '../support/wire.js';

/** 0x26 and its answer. */
const change = (wire: Wire, name: string) => wire.ask(request(0x26, [name]));
const changed = (name: string) => reply(0x27, item(name, 2, 0));
const notThere = (name: string) => reply(0x27, item(name, 1, 2));

/** How often the model is changed under load; many more by `CHANGES`. */
const changes = Number(process.env['CHANGES'] ?? 20);
const hammers = 16;

/** The models that connections on all workers are judged by. */
async function models(port: number): Promise<string[]> {
  const names = new Set<string>();
  for (let index = 0; index < 4; index++) {
    await Wire.use(port, async (wire) => names.add((await judge(wire)).model ?? 'none'));
  }
  return [...names];
}

describe('a change', () => {
  const place = new ChangeableServer(null);
  let server: LocalServer;
  let wire: Wire;
  before(async () => {
    server = await place.start(null);
    wire = await Wire.open(server.port);
  });
  after(async () => {
    wire.close();
    assert.equal(await server.stop(), 0);
    place.remove();
  });

  test('of the model is in every reply that leaves after its success, and costs nobody a reply', async () => {
    /** What a reply may name now. */
    let allowed = new Set<string>([first]);
    let isOver = false;
    const hammer = async () => {
      const hammering = await Wire.open(server.port);
      let count = 0;
      for (; !isOver; count++) {
        const { result, code, model } = await judge(hammering);
        assert.deepEqual([result, code], [1, 0]);
        assert.ok(allowed.has(model ?? ''), `${model} where there should be ${[...allowed].join(' or ')}`);
      }
      hammering.close();
      return count;
    };
    const hammering = Promise.all(Array.from({ length: hammers }, hammer));
    for (let round = 1; round <= changes; round++) {
      const [from, to] = round % 2 === 1 ? [first, second] : [second, first];
      allowed = new Set([from, to]);
      assert.equal(await change(wire, to), changed(to));
      // What came with the success and before it is read first.
      await turn();
      allowed = new Set([to]);
    }
    isOver = true;
    const counts = await hammering;
    assert.ok(Math.min(...counts) >= changes, counts.join(', '));
    assert.equal(await change(wire, first), changed(first));
  });

  test('of the model is refused where the file is none that can serve, and the old one serves on', async () => {
    place.add('cut.onnx', `models/${second}`);
    truncateSync(join(place.models, 'cut.onnx'), 100_000);
    writeFileSync(join(place.models, 'text.onnx'), 'no model');
    mkdirSync(join(place.models, 'folder.onnx'));
    symlinkSync(join(process.cwd(), 'models', second), join(place.models, 'outside.onnx'));
    for (const name of ['cut.onnx', 'text.onnx', 'folder.onnx', 'outside.onnx', 'missing.onnx']) {
      assert.equal(await change(wire, name), notThere(name));
    }
    const { reason } = await server.line(({ msg, wanted }) => msg === 'not changed' && wanted === 'cut.onnx');
    assert.match(
      String(reason),
      /cut\.onnx is no model that can serve.*: the model cut\.onnx cannot be loaded/,
    );
    assert.deepEqual(await models(server.port), [first]);
    for (const name of ['cut.onnx', 'text.onnx', 'folder.onnx', 'outside.onnx']) {
      rmSync(join(place.models, name), { recursive: true });
    }
  });

  test('of the model to what serves already is a success that changes nothing', async () => {
    const { version } = place.kept();
    assert.equal(await change(wire, 'pear-starter-int8.pt'), changed('pear-starter-int8.pt'));
    assert.equal(place.kept().version, version);
  });

  test('to a file of the same name with other bytes loads those', async () => {
    place.add('other.onnx', `models/${second}`);
    place.add('other.yaml', `models/pear-starter.yaml`);
    assert.equal(await change(wire, 'other.onnx'), changed('other.onnx'));
    const before = await wire.ask(request(1, ['normal-01.jpg'], { detail: true }));
    place.add('new', `models/${first}`);
    renameSync(join(place.models, 'new'), join(place.models, 'other.onnx'));
    assert.equal(await change(wire, 'other.onnx'), changed('other.onnx'));
    const after = await wire.ask(request(1, ['normal-01.jpg'], { detail: true }));
    const hash = (text: string) => /"sha256": "(\w+)"/.exec(text)?.[1];
    assert.notEqual(hash(after), hash(before));
    assert.equal(await change(wire, first), changed(first));
  });

  test('of the image folder is followed by all workers at once', async () => {
    const folder = join(place.root, 'afternoon');
    mkdirSync(folder);
    linkSync(join(place.images, 'defective-01.jpg'), join(folder, 'normal-01.jpg'));
    const wires = await Promise.all(Array.from({ length: 6 }, () => Wire.open(server.port)));
    for (const [wanted, result] of [
      [folder, 0],
      [place.images, 1],
    ] as const) {
      assert.equal(await wire.ask(request(0x30, [wanted])), reply(0x31, item(wanted, 2, 0)));
      for (const each of wires) {
        assert.equal(await each.ask(request(0x32, null)), reply(0x33, item(wanted, 2, 0)));
        assert.equal((await judge(each)).result, result);
      }
    }
    for (const each of wires) each.close();
  });

  test('of a folder to one outside of what is allowed is answered like a missing one', async () => {
    symlinkSync('/etc', join(place.root, 'way-out'));
    for (const name of [
      '/etc',
      '/',
      join(place.root, 'way-out'),
      join(place.root, '..'),
      join(place.images, 'normal-01.jpg'),
    ]) {
      for (const cmd of [0x30, 0x34]) {
        assert.equal(await wire.ask(request(cmd, [name])), reply(cmd + 1, item(name, 1, 2)));
      }
    }
  });

  test('of the model folder is followed by lists and changes, and what serves goes on serving', async () => {
    const folder = join(place.root, 'spring');
    mkdirSync(folder);
    linkSync(join(place.models, second), join(folder, 'spring.onnx'));
    linkSync(join(place.models, 'pear-starter.yaml'), join(folder, 'spring.yaml'));
    assert.equal(await wire.ask(request(0x34, [folder])), reply(0x35, item(folder, 2, 0)));
    assert.equal(await wire.ask(request(0x24, null)), reply(0x25, item('spring.onnx', 2, 0)));
    assert.deepEqual(await models(server.port), [first]);
    assert.equal(await change(wire, second), notThere(second));
    assert.equal(await change(wire, 'spring.onnx'), changed('spring.onnx'));
    assert.deepEqual(await models(server.port), ['spring.onnx']);
    assert.equal(await wire.ask(request(0x34, [place.models])), reply(0x35, item(place.models, 2, 0)));
    assert.equal(await change(wire, first), changed(first));
  });

  test('that deletes a model takes its description along, and never the model in use', async () => {
    const remove = (name: string) => wire.ask(request(0x28, [name]));
    place.add('old.onnx', `models/${second}`);
    place.add('old.yaml', 'models/pear-starter.yaml');
    symlinkSync(first, join(place.models, 'link.onnx'));
    assert.equal(await remove('old.pt'), reply(0x29, item('old.pt', 2, 0)));
    assert.equal(await remove('old.onnx'), reply(0x29, item('old.onnx', 1, 2)));
    for (const name of [first, 'link.onnx', 'pear-starter-int8.pth']) {
      assert.equal(await remove(name), reply(0x29, item(name, 1, 1)));
    }
    rmSync(join(place.models, 'link.onnx'));
    assert.deepEqual(
      place.files().filter((name) => name.startsWith('old') || name === first),
      [first],
    );
  });

  test('is followed by a worker that comes later', async () => {
    assert.equal(await change(wire, second), changed(second));
    const pids = await workerPids(server.port);
    for (const pid of pids) process.kill(pid, 'SIGKILL');
    await eventually(
      'two new workers',
      async () => {
        const now = await workerPids(server.port).catch(() => []);
        return now.length === 2 && now.every((pid) => !pids.includes(pid)) ? now : null;
      },
      60_000,
    );
    assert.deepEqual(await models(server.port), [second]);
    wire.close();
    wire = await Wire.open(server.port);
    assert.equal(await change(wire, first), changed(first));
  });

  test('is answered with code 9 where another server has the folder of kept settings', async (t) => {
    const other = await place.start(t, '--admin.enabled', 'false');
    await Wire.use(other.port, async (wire) => {
      const message = 'settings cannot be kept, so nothing was changed; the log has the reason';
      assert.equal(await change(wire, second), refused(9, message));
    });
    assert.deepEqual(await models(other.port), [first]);
    const { reason } = await other.line(({ msg }) => msg === 'not changed');
    assert.match(String(reason), /another server has the folder/);
    assert.equal(await other.stop(), 0);
  });
});

describe('what was changed', () => {
  test('is what a server begins with after its primary was killed, until the configuration says something else', async (t) => {
    const place = new ChangeableServer(t);
    const server = await place.start(t);
    const pids = await workerPids(server.port);
    await Wire.use(server.port, async (wire) => {
      assert.equal(await change(wire, second), changed(second));
    });
    server.kill();
    await server.exited;
    for (const pid of pids) process.kill(pid, 'SIGKILL');

    const again = await place.start(t);
    assert.deepEqual(await models(again.port), [second]);
    assert.equal(await again.stop(), 0);

    const elsewhere = join(place.root, 'elsewhere');
    mkdirSync(elsewhere);
    for (const name of [first, 'pear-starter-int8.yaml'])
      linkSync(join(place.models, name), join(elsewhere, name));
    const told = await place.start(t, '--model.model_path', join(elsewhere, first));
    await told.line(({ msg }) => msg.startsWith('the configuration names another model.model_path'));
    assert.deepEqual(await models(told.port), [first]);
    assert.equal(await told.stop(), 0);

    rmSync(join(place.models, second));
    const missing = await place.start(t);
    await missing.line(
      ({ msg }) => msg === 'the model that served last is not there any more; the configured one serves',
    );
    assert.deepEqual(await models(missing.port), [first]);
    assert.equal(await missing.stop(), 0);

    writeFileSync(join(place.models, second), 'no model');
    const refusedModel = await place.start(t);
    await refusedModel.line(({ msg }) => msg.startsWith('the model that served last cannot serve any more'));
    assert.deepEqual(await models(refusedModel.port), [first]);
    assert.equal(await refusedModel.stop(), 0);

    writeFileSync(place.settingsFile, '{"version": 1');
    const damaged = await place.start(t);
    await damaged.line(({ msg }) =>
      msg.startsWith('settings.json, which keeps what clients have changed, cannot be used'),
    );
    assert.deepEqual(await models(damaged.port), [first]);
    assert.equal(await damaged.stop(), 0);
  });
});

describe('a worker that fails in the middle of a change', () => {
  const changeTimeoutMs = 6_000;
  const times = [
    '--limits.change_timeout_ms',
    String(changeTimeoutMs),
    '--cluster.commit_timeout_ms',
    '3000',
  ];

  test('leaves one truth, whenever it is killed or stopped', async (t) => {
    const place = new ChangeableServer(t);
    const server = await place.start(t, ...times);
    // From the proof over loading and the decision to the end of the old model.
    for (const [index, delayMs] of [0, 30, 80, 150, 300, 600, 1000, 1500].entries()) {
      const wanted = index % 2 === 0 ? second : first;
      const victim = (await workerPids(server.port))[index % 2] ?? 0;
      const wire = await Wire.open(server.port);
      const answered = change(wire, wanted).catch(() => 'lost');
      setTimeout(() => {
        signal(victim, index % 3 === 0 ? 'SIGSTOP' : 'SIGKILL');
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

  test('stopped before the decision, lets the change fail in time', async (t) => {
    const place = new ChangeableServer(t);
    const server = await place.start(t, ...times);
    const wire = await Wire.open(server.port);
    // Once proved, what is left of a change is loading and the decision.
    assert.equal(await change(wire, second), changed(second));
    const own = await pidOf(server.port, wire);
    const [other = 0] = (await workerPids(server.port)).filter((pid) => pid !== own);
    process.kill(other, 'SIGSTOP');
    assert.equal(await change(wire, first), reply(0x27, item(first, 1, 4)));
    signal(other, 'SIGCONT');
    assert.deepEqual(await models(server.port), [second]);
    assert.ok(place.kept().model.endsWith(second));
    assert.equal(await change(wire, first), changed(first), 'and the next one is made');
    wire.close();
    assert.equal(await server.stop(), 0);
  });
});

/** A worker may have ended before its turn to be killed came. */
function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It has ended.
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
