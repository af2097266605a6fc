// Models, names, folders and downloads: what a client may bring to the server, and what it may not. One server for all.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import sharp from 'sharp';
import { writeOnnx } from '#src/cli/bench/onnx-writer.js';
import type { LocalServer } from '#src/cli/local-server.js';
import { file, redirect, startHost, type ModelHost } from '../../downloads/model-host.js';
import * as bad from '../../support/bad-models.js';
import { ChangeableServer, first, second } from '../../support/changeable-server.js';
import { judge } from '../../support/judged.js';
import { workerPids } from '../../support/processes.js';
import { codesOf, item, reply, request } from '../../support/replies.js';
import { Wire } from '../../support/wire.js';

/** How long a model may take to show that it can serve: far longer than a small one needs on a busy machine. */
const proofTimeoutMs = 15_000;

describe('what a client may bring', () => {
  const place = new ChangeableServer(null);
  const ends: (() => Promise<void> | void)[] = [];
  let host: ModelHost;
  let server: LocalServer;
  let wire: Wire;
  const model = readFileSync(`models/${second}`);

  before(async () => {
    host = await startHost(
      { after: (end) => void ends.push(end) },
      {
        '/good.onnx': file(model),
        '/bad.onnx': file('no model at all'),
        '/moved.onnx': redirect('http://127.0.0.1:1/good.onnx'),
        [`/${first}`]: file(model),
      },
    );
    server = await place.start(
      null,
      ...['--security.download_hosts', JSON.stringify([host.origin])],
      ...['--limits.model_proof_timeout_ms', String(proofTimeoutMs), '--limits.max_model_bytes', '50000000'],
      ...['--limits.max_model_memory_bytes', String(500 * 1024 * 1024)],
    );
    wire = await Wire.open(server.port);
  });
  after(async () => {
    wire.close();
    assert.equal(await server.stop(), 0);
    for (const end of ends) await end();
    place.remove();
  });

  const change = (name: string) => wire.ask(request(0x26, [name]));
  const download = (url: string, ...more: string[]) => wire.ask(request(0x20, [url, ...more]));

  test('names of models: letters and digits of any script, inside the folder by real path, and nothing else', async () => {
    for (const name of ['best (1).onnx', '배.onnx', 'É-1+2_3.onnx']) {
      writeFileSync(join(place.models, name), '');
      assert.equal(codesOf(await wire.ask(request(0x28, [name]))).join(), '0', name);
    }
    for (const name of [
      '../a.onnx',
      'a/b.onnx',
      'a\\b.onnx',
      '.a.onnx',
      'a\0.onnx',
      'a.txt',
      '/etc/passwd',
      ' a.onnx',
      '',
    ]) {
      for (const cmd of [0x26, 0x28]) {
        assert.deepEqual(codesOf(await wire.ask(request(cmd, [name]))), [1], JSON.stringify(name));
      }
    }
    symlinkSync('/etc/hostname', join(place.models, 'link.onnx'));
    for (const cmd of [0x26, 0x28]) {
      assert.equal(await wire.ask(request(cmd, ['link.onnx'])), reply(cmd + 1, item('link.onnx', 1, 2)));
    }
    rmSync(join(place.models, 'link.onnx'));
  });

  test('folders: only below the allowed roots, by real path; what is outside looks like what is missing', async () => {
    symlinkSync('/', join(place.root, 'everything'));
    for (const folder of [
      '/etc',
      join(place.root, 'everything'),
      join(place.images, '../..'),
      '/nowhere',
      'models',
    ]) {
      for (const cmd of [0x30, 0x34]) {
        assert.equal(await wire.ask(request(cmd, [folder])), reply(cmd + 1, item(folder, 1, 2)));
      }
    }
    assert.deepEqual(codesOf(await wire.ask(request(0x30, ['a\0b']))), [1]);
  });

  test('models: whatever it is that bites, it is refused with code 2, and serving is untouched', async () => {
    const pids = await workerPids(server.port);
    const put = (name: string, content: Parameters<typeof writeOnnx>[0]) => {
      writeFileSync(join(place.models, `${name}.onnx`), writeOnnx(content));
      writeFileSync(join(place.models, `${name}.yaml`), bad.sidecar);
    };
    put('sound', bad.sound);
    assert.equal(await change('sound.onnx'), reply(0x27, item('sound.onnx', 2, 0)));
    assert.equal(await change(first), reply(0x27, item(first, 2, 0)));
    for (const [name, graph] of Object.entries({
      'nan-always': bad.nanAlways,
      infinite: bad.infinite,
      'wrong-rank': bad.wrongRank,
      'wrong-type': bad.wrongType,
      boastful: bad.boastful(1_000_000),
      endless: bad.endless,
      hungry: bad.hungry(16_384n),
    })) {
      put(name, graph);
    }
    writeFileSync(join(place.models, 'truncated.onnx'), model.subarray(0, 60_000));
    writeFileSync(join(place.models, 'external.onnx'), bad.external('/etc/passwd'));
    writeFileSync(join(place.models, 'huge.onnx'), '');
    truncateSync(join(place.models, 'huge.onnx'), 2 ** 32);
    const served = await Wire.open(server.port);
    for (const name of place.files().filter((file) => file.endsWith('.onnx'))) {
      if ([first, second, 'sound.onnx'].includes(name)) continue;
      const refused = change(name);
      assert.deepEqual(await judge(served), { result: 1, code: 0, model: first });
      assert.equal(await refused, reply(0x27, item(name, 1, 2)), name);
      const line = await server.line(({ msg, wanted }) => msg === 'not changed' && wanted === name);
      assert.ok(String(line['reason']).length > name.length + 20, `the log says why ${name} is refused`);
    }
    served.close();
    assert.deepEqual(await workerPids(server.port), pids, 'no worker was harmed');
  });

  test('models: one that answers NaN for a picture gives that picture code 9, and no verdict', async () => {
    // The proof shows it other pictures than this grey.
    writeFileSync(join(place.models, 'grey.onnx'), writeOnnx(bad.nanNear(0.3)));
    writeFileSync(join(place.models, 'grey.yaml'), bad.sidecar);
    assert.equal(await change('grey.onnx'), reply(0x27, item('grey.onnx', 2, 0)));
    const grey = (value: number) =>
      sharp({ create: { width: 64, height: 64, channels: 3, background: { r: value, g: value, b: value } } })
        .png()
        .toFile(join(place.images, `grey-${value}.png`));
    await Promise.all([grey(77), grey(200)]);
    const [odd, fine] = [await judge(wire, 'grey-77.png'), await judge(wire, 'grey-200.png')];
    assert.deepEqual([odd.code, odd.result, fine.code], [9, null, 0]);
    assert.equal(await change(first), reply(0x27, item(first, 2, 0)));
  });

  test('downloads: from listed hosts, checked by hash, proved, and then there to be served', async () => {
    const sha256 = createHash('sha256').update(model).digest('hex');
    writeFileSync(join(place.models, 'good.yaml'), readFileSync('models/pear-starter.yaml'));
    assert.equal(await download(`${host.origin}/good.onnx`, sha256), reply(0x21, item('good.onnx', 2, 0)));
    assert.equal(await change('good.onnx'), reply(0x27, item('good.onnx', 2, 0)));
    assert.deepEqual(await judge(wire), { result: 1, code: 0, model: 'good.onnx' });
    assert.equal(await change(first), reply(0x27, item(first, 2, 0)));
  });

  test('downloads: from elsewhere, by a redirect too, with another hash, or of what is no model, leave nothing', async () => {
    const before = place.files();
    const refusals = [
      ['https://models.example.org/a.onnx', 'a.onnx', 5],
      ['https://127.0.0.1/a.onnx', 'a.onnx', 5],
      [`${host.origin}/moved.onnx`, 'moved.onnx', 5],
      [`${host.origin}/missing.onnx`, 'missing.onnx', 2],
      [`${host.origin}/bad.onnx`, 'bad.onnx', 2],
      [`${host.origin}/${first}`, first, 2],
    ] as const;
    for (const [url, name, code] of refusals) {
      assert.equal(await download(url), reply(0x21, item(name, 1, code)), url);
    }
    assert.equal(
      await download(`${host.origin}/good.onnx`, 'f'.repeat(64)),
      reply(0x21, item('good.onnx', 1, 2)),
    );
    assert.deepEqual(place.files(), before);
    const { msg } = await server.line((line) => line.msg.startsWith('health and metrics at'));
    const listed = await (await fetch(`${msg.split(' ').at(-1) ?? ''}/api/downloads`)).text();
    assert.match(listed, /"name":"good\.onnx","state":"failed".*"name":"good\.onnx","state":"done"/s);
  });
});
