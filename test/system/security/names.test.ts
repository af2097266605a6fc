// Names and folders: what a client names is looked for in the folder that is meant for it, and what is refused looks like
// what is missing. One server for all.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { LocalServer } from '#src/cli/local-server.js';
import { ChangeableServer, first, second } from '../../support/changeable-server.js';
import { judge } from '../../support/judged.js';
import { codesOf, item, reply, request } from '../../support/replies.js';
import { Wire } from '../../support/wire.js';

describe('what a client names', () => {
  const place = new ChangeableServer(null);
  const outside = join(place.root, 'outside');
  const socket = createServer();
  let server: LocalServer;
  let wire: Wire;

  before(async () => {
    mkdirSync(outside);
    copyFileSync(join(place.images, 'normal-01.jpg'), join(outside, 'secret.jpg'));
    copyFileSync(join(place.models, second), join(outside, 'secret.onnx'));
    for (const [folder, ending] of [
      [place.images, 'jpg'],
      [place.models, 'onnx'],
    ] as const) {
      assert.equal(spawnSync('mkfifo', [join(folder, `pipe.${ending}`)]).status, 0);
      mkdirSync(join(folder, `folder.${ending}`));
      for (const [name, target] of [
        ['zero', '/dev/zero'],
        ['terminal', '/dev/tty'],
        ['process', '/proc/self/environ'],
        ['absolute', join(outside, `secret.${ending}`)],
        ['relative', join('..', 'outside', `secret.${ending}`)],
        ['twice', `absolute.${ending}`],
        ['round', `round.${ending}`],
        ['nothing', 'nowhere'],
        ['wide', '/'],
      ] as const) {
        symlinkSync(target, join(folder, `${name}.${ending}`));
      }
    }
    socket.listen(join(place.images, 'socket.jpg'));
    await once(socket, 'listening');
    server = await place.start(null, '--cluster.workers', '1');
    wire = await Wire.open(server.port);
  });
  after(async () => {
    wire.close();
    socket.close();
    assert.equal(await server.stop(), 0);
    place.remove();
  });

  /** Names of what is there and must not be read. */
  const odd = [
    'pipe',
    'folder',
    'zero',
    'terminal',
    'process',
    'absolute',
    'relative',
    'twice',
    'round',
    'nothing',
  ];

  test('as an image: links that lead out, devices, pipes, sockets and folders look like what is missing', async () => {
    const names = [...odd, 'wide', 'socket', 'missing'].map((name) => `${name}.jpg`);
    const others = [
      ...['../outside/secret.jpg', '../images/normal-01.jpg', join(outside, 'secret.jpg'), 'a\0.jpg'],
      ...['wide.jpg/dev/zero.jpg', `wide.jpg${outside}/secret.jpg`, '//dev//zero.jpg', '....//secret.jpg'],
      ...['..\\outside\\secret.jpg', '%2e%2e/outside/secret.jpg', 'file:///etc/x.jpg', '~/x.jpg'],
    ];
    const all = [...names, ...others];
    // Behind each of them another one is judged: nothing waits for what never answers.
    const text = await wire.ask(request(1, [...all, 'normal-01.jpg']));
    assert.deepEqual(codesOf(text), [...all.map(() => 2), 0]);
    for (const name of names) assert.ok(text.includes(item(name, null, 2)), name);
    const [refused] = [...text.matchAll(/"file_name": "missing[^}]*/g)].map(([found]) => found);
    assert.equal(
      refused,
      '"file_name": "missing.jpg", "result": null, "error_code": 2',
      'no message tells them apart',
    );
  });

  test('as a model: the same, to serve by and to delete, and what the links lead to is untouched', async () => {
    for (const name of [...odd, 'missing'].map((each) => `${each}.onnx`)) {
      assert.equal(await wire.ask(request(0x26, [name])), reply(0x27, item(name, 1, 2)), name);
    }
    assert.equal(await wire.ask(request(0x28, ['pipe.onnx'])), reply(0x29, item('pipe.onnx', 1, 2)));
    assert.equal(await wire.ask(request(0x28, ['absolute.onnx'])), reply(0x29, item('absolute.onnx', 1, 2)));
    const list = await wire.ask(request(0x24, null));
    const listed = [...list.matchAll(/"file_name": "([^"]+)"/g)].map(([, name]) => name);
    assert.ok(listed.includes(first) && listed.includes(second));
    for (const name of odd) assert.ok(!listed.includes(`${name}.onnx`), name);
    assert.ok(place.files().includes('absolute.onnx'));
    assert.deepEqual(await judge(wire), { result: 1, code: 0, model: first });
  });

  test('as a model: 1 to 120 characters before the ending, the same composed or not', async () => {
    const longest = `${'\ubc30'.repeat(40)}${'x'.repeat(80)}.onnx`;
    assert.deepEqual(codesOf(await wire.ask(request(0x26, [longest]))), [2], 'it may be there');
    assert.deepEqual(codesOf(await wire.ask(request(0x26, [`x${longest}`]))), [1], 'there is none such');
    writeFileSync(join(place.models, '\u00e9.onnx'), '');
    assert.equal(codesOf(await wire.ask(request(0x28, ['e\u0301.onnx']))).join(), '0');
    assert.ok(!place.files().includes('\u00e9.onnx'));
  });

  test('as a folder: below the roots that are allowed, which are those of the configured ones, by real path', async () => {
    symlinkSync('/etc', join(place.root, 'link-out'));
    for (const folder of [
      ...['/', '/etc', '/proc/self', '/dev', '/nowhere', homedir(), join(place.root, '..')],
      ...[join(place.root, 'link-out'), join(place.images, '../../..'), join(outside, 'secret.jpg')],
      ...[join(place.images, 'pipe.jpg'), `${place.root}-of-others`],
    ]) {
      for (const cmd of [0x30, 0x34]) {
        assert.equal(await wire.ask(request(cmd, [folder])), reply(cmd + 1, item(folder, 1, 2)), folder);
      }
    }
    for (const folder of [outside, place.images]) {
      assert.equal(await wire.ask(request(0x30, [folder])), reply(0x31, item(folder, 2, 0)));
    }
  });
});
