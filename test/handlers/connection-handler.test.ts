import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import type { ConnectionsReader, PeerPage, PeerQuery } from '#src/connections/store.js';
import type { CommandContext } from '#src/handlers/command.js';
import { ConnectionHandler } from '#src/handlers/connection-handler.js';

const context: CommandContext = {
  owner: {},
  detail: false,
  signals: [],
  attachments: [],
  onImage: () => undefined,
  stopClassifications: () => undefined,
};

test('a list asks for what it was asked for: 1000 connections unless it says otherwise, any number by its value', async () => {
  const asked: PeerQuery[] = [];
  const view: ConnectionsReader = {
    list: (query: PeerQuery) => {
      asked.push(query);
      const page: PeerPage = { peers: [], cursor: null, unread: [], parts: [], scope: 'this host' };
      return Promise.resolve(page);
    },
    find: () => Promise.resolve([]),
    closed: () => Promise.reject(new Error('not asked for')),
    events: () => Promise.reject(new Error('not asked for')),
    workers: () => Promise.resolve([]),
  };
  const facts = { version: '1', modelName: () => 'm', startedAt: 0, store: 'embedded' as const };
  const list = new ConnectionHandler(view, facts).commands.find(({ code }) => code === 0x40);
  for (const text of ['[]', '[{}]', '[{"limit": 7.0, "address": "192.0.2.7"}]']) {
    await list?.prepare(z.array(z.unknown()).parse(JSON.parse(text))).run(context);
  }
  assert.deepEqual(asked, [
    { filter: {}, limit: 1000, cursor: null },
    { filter: {}, limit: 1000, cursor: null },
    { filter: { address: '192.0.2.7' }, limit: 7, cursor: null },
  ]);
});
