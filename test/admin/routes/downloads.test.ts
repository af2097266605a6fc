import assert from 'node:assert/strict';
import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { test } from 'node:test';
import { downloadsRoute } from '#src/admin/routes/downloads.js';
import type { DownloadProgress } from '#src/downloads/download-record.js';

test('/api/downloads has what is told of downloads, for admins', async () => {
  const progress: DownloadProgress = {
    url: 'https://models.example.org/pear-2.onnx',
    name: 'pear-2.onnx',
    state: 'receiving',
    bytes: 5,
    total: 10,
    sha256: null,
    started_at: 1,
    finished_at: null,
    error: null,
  };
  const route = downloadsRoute({ progress: () => [progress] });
  assert.deepEqual([route.path, route.method, route.role], ['/api/downloads', 'GET', 'admin']);
  const message = new IncomingMessage(new Socket());
  const answer = await route.answer({
    query: new URLSearchParams(),
    rest: '',
    by: '127.0.0.1',
    message,
  });
  assert.ok('body' in answer);
  assert.deepEqual([answer.status, JSON.parse(answer.body)], [200, { downloads: [progress] }]);
});
