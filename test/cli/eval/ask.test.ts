// What a server does at rare moments only: it is busy, it breaks off, it says nothing sensible.
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test, type TestContext } from 'node:test';
import { PearClient } from '#src/client/index.js';
import { askAll } from '#src/cli/eval/ask.js';
import { ClassNames } from '#src/cli/eval/class-names.js';
import { ConnectionLostError } from '#src/errors.js';
import { oddServer } from '../odd-server.js';

const folder = mkdtempSync(join(tmpdir(), 'pear-ask-'));
after(() => {
  rmSync(folder, { recursive: true });
});
/** By this the server of a test knows that a photo is whole. */
const end = 'END';
const names = Array.from({ length: 10 }, (_, index) => `photo-${index}.jpg`);
for (const name of names) writeFileSync(join(folder, name), `${name}${end}`);

const right = (label: string) =>
  `{"cmd": 2, "response_data": [{"file_name": "x", "result": 0, "error_code": 0, "label": "${label}", "confidence": 0.9, "bbox": [1, 2, 3, 4]}]}`;
const failed = (code: number) =>
  `{"cmd": 2, "response_data": [{"file_name": "x", "result": null, "error_code": ${code}}]}`;
const refused = (code: number) =>
  `{"cmd": null, "response_data": [{"error_code": ${code}, "message": "for a reason"}]}`;

/** Judges the first `count` photos by a server that does `answer` with each that is whole. */
async function ask(
  t: TestContext,
  count: number,
  answer: (name: string, socket: Socket, time: number) => void,
  parallel = 1,
) {
  const received = new Map<Socket, string>();
  const times = new Map<string, number>();
  const { port } = await oddServer(t, (socket, text) => {
    const all = (received.get(socket) ?? '') + text;
    received.set(socket, all.endsWith(end) ? '' : all);
    const name = /\}(photo-\d\.jpg)END$/.exec(all)?.[1];
    if (name === undefined) return;
    times.set(name, (times.get(name) ?? 0) + 1);
    answer(name, socket, times.get(name) ?? 0);
  });
  const judged = await askAll(
    names.slice(0, count).map((name) => ({ name, label: undefined, boxes: undefined, origin: () => '' })),
    {
      ...{ folder, classes: new ClassNames(), parallel, signal: new AbortController().signal },
      enter: async (use) => {
        const client = await PearClient.connect({ host: '127.0.0.1', port });
        try {
          await use(client);
        } finally {
          client.destroy();
        }
      },
      onJudged: () => undefined,
    },
  );
  return judged.map(({ photo, outcome }) => [
    photo.name,
    outcome.type === 'verdict' ? outcome.said : outcome.reason,
  ]);
}

describe('asking a server', () => {
  test('waits and asks again while it is busy, as a whole or for the image', async (t) => {
    const answers = [refused(6), failed(6), right('normal_pear')];
    const said = await ask(t, 1, (_name, socket, time) => socket.write(answers[time - 1] ?? ''));
    assert.deepEqual(said, [['photo-0.jpg', 'normal']]);
  });

  test('sends once more what lost its connection, then counts it as not judged, and loses no other photo', async (t) => {
    const said = await ask(
      t,
      6,
      (name, socket, time) => {
        if (name === 'photo-1.jpg' || (name === 'photo-4.jpg' && time === 1)) socket.destroy();
        else socket.write(right('defect'));
      },
      3,
    );
    assert.deepEqual(
      said.map(([, what]) => what),
      [
        'defective',
        'the connection was lost each time that it was sent',
        'defective',
        'defective',
        'defective',
        'defective',
      ],
    );
  });

  test('gives up a server that breaks off again and again', async (t) => {
    await assert.rejects(
      ask(t, 10, (_name, socket) => socket.destroy(), 2),
      ConnectionLostError,
    );
  });

  test('gives up where it is not permitted, and goes on after every other refusal', async (t) => {
    await assert.rejects(
      ask(t, 2, (_name, socket) => socket.write(refused(5))),
      /for a reason/,
    );
    const said = await ask(t, 2, (name, socket) =>
      socket.write(name === 'photo-0.jpg' ? refused(1) : failed(9)),
    );
    assert.deepEqual(said, [
      ['photo-0.jpg', 'error 1: for a reason'],
      ['photo-1.jpg', 'error 9, internal error'],
    ]);
  });
});
