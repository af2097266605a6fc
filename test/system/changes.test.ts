// What one client changes all workers follow: at once, whole, and over restarts.
import assert from 'node:assert/strict';
import { linkSync, mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { after, before, describe, test } from 'node:test';
import { z } from 'zod';
import type { LocalServer } from '#src/cli/local-server.js';
import { storedEventSchema } from '#src/connections/record.js';
import { ChangeableServer, first, second } from '../support/changeable-server.js';
import { eventually } from '../support/deadline.js';
import { judge } from '../support/judged.js';
import { change, changed, models, notThere } from '../support/model-changes.js';
import { rssBytes, signalTo, workerPids } from '../support/processes.js';
import { item, refused, reply, request } from '../support/replies.js';
import { Wire } from '../support/wire.js';

/** How often the model is changed under load; many more by `CHANGES`. */
const changes = Number(process.env['CHANGES'] ?? 20);
const hammers = 16;
/** Few changes say nothing of memory: buffers are only finding their size. */
const isMemoryAsked = changes >= 200;

const eventsSchema = z.object({ events: z.array(storedEventSchema) });

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

  test('of the model is in every reply that leaves after its success, and costs nobody a reply', async (t) => {
    /** What a reply may name now. */
    let allowed = new Set<string>([first]);
    let isOver = false;
    const hammer = async () => {
      const hammering = await Wire.open(server.port);
      let count = 0;
      for (; !isOver; count++) {
        const { result, code, model } = await judge(hammering);
        assert.deepEqual([result, code], [1, 0]);
        judged += 1;
        assert.ok(allowed.has(model ?? ''), `${model} where there should be ${[...allowed].join(' or ')}`);
      }
      hammering.close();
      return count;
    };
    const pids = [server.pid, ...(await workerPids(server.port))];
    let judged = 0;
    const hammering = Promise.all(Array.from({ length: hammers }, hammer));
    // What fails is told at the end, when no change is on its way that the next test would get the answer of.
    hammering.catch(() => undefined);
    // What the load alone takes, and the first images of a process, is there before any change.
    const images = (isMemoryAsked ? 30 : 1) * hammers;
    await eventually('the load has begun', () => (judged >= images ? true : null));
    const before = pids.map(rssBytes);
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
    if (isMemoryAsked) {
      // The old model ends when its last image is answered; until then there are two.
      let grown: readonly number[] = [];
      const isFlat = () => {
        grown = pids.map((pid, index) => rssBytes(pid) / (before[index] ?? 0));
        return Math.max(...grown) <= 1.3;
      };
      const flat = await eventually('memory is what it was', isFlat).catch(() => false);
      const told = `memory of the processes by that before: ${grown.map((times) => times.toFixed(2)).join(', ')}`;
      t.diagnostic(told);
      assert.ok(flat, told);
    }
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

  test('is told in the events of the view, by every worker', async () => {
    const { msg } = await server.line(({ msg }) => msg.startsWith('health and metrics'));
    const adminPort = Number(/:(\d+)$/.exec(msg)?.[1]);
    assert.equal(await change(wire, second), changed(second));
    await eventually('both workers have told', async () => {
      const answer = await fetch(`http://127.0.0.1:${adminPort}/api/events?format=json`);
      const { events } = eventsSchema.parse(await answer.json());
      const last = events.filter(({ type }) => type === 'model changed').slice(-2);
      return new Set(last.map(({ worker }) => worker)).size === 2 &&
        last.every(({ model }) => model === second)
        ? true
        : null;
    });
  });

  test('is followed by a worker that comes later', async () => {
    const pids = await workerPids(server.port);
    for (const pid of pids) signalTo(pid, 'SIGKILL');
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
