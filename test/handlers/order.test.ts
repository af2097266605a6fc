// How commands stand to the others of their peer: a client cannot see it of each, since replies leave in order.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AuthenticationHandler } from '#src/handlers/authentication-handler.js';
import { DirectoryHandler } from '#src/handlers/directory-handler.js';
import { DownloadHandler } from '#src/handlers/download-handler.js';

test('what may change something is a barrier, what only looks is not', () => {
  const folder = { name: 'a', path: '/a' };
  const settings = { version: 0, modelPath: 'm', fingerprint: null, images: folder, models: folder };
  const changer = { change: () => Promise.resolve({ ok: true } as const) };
  const handlers = [
    new AuthenticationHandler(),
    new DownloadHandler(changer),
    new DirectoryHandler({ current: settings }, changer),
  ];
  const orders = handlers.flatMap(({ commands }) => commands.map(({ code, order }) => [code, order]));
  assert.deepEqual(
    orders.sort(([a], [b]) => Number(a) - Number(b)),
    [
      [0x10, 'barrier'],
      [0x20, 'barrier'],
      [0x30, 'barrier'],
      [0x32, 'read'],
      [0x34, 'barrier'],
      [0x36, 'read'],
    ],
  );
});
