import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import type { Kicker, KickOutcome } from '#src/connections/kick.js';
import type { ConnectionsReader, PeerPage, PeerQuery } from '#src/connections/store.js';
import type { CommandContext } from '#src/handlers/command.js';
import { ConnectionHandler } from '#src/handlers/connection-handler.js';

const context: CommandContext = {
  owner: {},
  name: '192.0.2.9',
  detail: false,
  signals: [],
  attachments: [],
  onImage: () => undefined,
  stopClassifications: () => undefined,
  authenticate: () => Promise.resolve(false),
};

const facts = { version: '1', modelName: () => 'm', startedAt: 0, store: 'embedded' as const };
const emptyView: ConnectionsReader = {
  list: () => Promise.reject(new Error('not asked for')),
  find: () => Promise.resolve([]),
  closed: () => Promise.reject(new Error('not asked for')),
  events: () => Promise.reject(new Error('not asked for')),
  workers: () => Promise.resolve({ workers: [], unread: [], scope: 'this host' }),
};
const nobody: Kicker = { kick: () => Promise.resolve([]) };

test('a list asks for what it was asked for: 1000 connections unless it says otherwise, any number by its value', async () => {
  const asked: PeerQuery[] = [];
  const view: ConnectionsReader = {
    ...emptyView,
    list: (query: PeerQuery) => {
      asked.push(query);
      const page: PeerPage = { peers: [], cursor: null, unread: [], parts: [], scope: 'this host' };
      return Promise.resolve(page);
    },
  };
  const list = new ConnectionHandler(view, nobody, facts).commands.find(({ code }) => code === 0x40);
  for (const text of ['[]', '[{}]', '[{"limit": 7.0, "address": "192.0.2.7"}]']) {
    await list?.prepare(z.array(z.unknown()).parse(JSON.parse(text))).run(context);
  }
  assert.deepEqual(asked, [
    { filter: {}, limit: 1000, cursor: null },
    { filter: {}, limit: 1000, cursor: null },
    { filter: { address: '192.0.2.7' }, limit: 7, cursor: null },
  ]);
});

test('a kick says who wants it, and answers each id in order with what became of it', async () => {
  const outcomes: readonly KickOutcome[] = ['kicked', 'not found', 'owner unreachable', 'no answer'];
  const names: string[] = [];
  const kicker: Kicker = {
    kick: (ids, by) => {
      names.push(by);
      return Promise.resolve(ids.map((id, index) => ({ id, outcome: outcomes[index] ?? 'kicked' })));
    },
  };
  const kick = new ConnectionHandler(emptyView, kicker, facts).commands.find(({ code }) => code === 0x42);
  assert.deepEqual(await kick?.prepare(['a/1', 'a/2', 'b/1', 'c/1', 'a/1']).run(context), [
    { file_name: 'a/1', result: 2, error_code: 0 },
    { file_name: 'a/2', result: 1, error_code: 2 },
    { file_name: 'b/1', result: 1, error_code: 9, message: 'owner unreachable' },
    { file_name: 'c/1', result: 1, error_code: 9, message: 'no answer' },
    { file_name: 'a/1', result: 2, error_code: 0 },
  ]);
  assert.deepEqual(names, ['192.0.2.9']);
});
