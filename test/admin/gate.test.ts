// Who may ask over HTTP: by role, Host, Origin and method.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Role } from '#src/config/schema.js';
import { ask, errorOf, startAdmin } from './admin.js';

const paths = [
  ['/livez', 'none'],
  ['/readyz', 'none'],
  ['/metrics', 'viewer'],
  ['/api/status', 'viewer'],
  ['/api/connections', 'admin'],
  ['/api/connections/line-1%2F1.aaaa.1', 'admin'],
  ['/api/closed', 'admin'],
  ['/api/events?format=json', 'admin'],
] as const;
const kick = '/api/connections/kick';
const json = { 'content-type': 'application/json', 'x-pear-request': '1' };
const body = '{"ids": ["a"]}';

describe('the gate of the admin HTTP', () => {
  test('asks for the role of each route', async (t) => {
    for (const loopbackRole of ['viewer', 'operator', 'admin'] satisfies Role[]) {
      const { port, kicks } = await startAdmin(t, { roles: { defaultRole: 'admin', loopbackRole } });
      const isAdmin = loopbackRole === 'admin';
      for (const [path, needed] of paths) {
        const { status } = await ask(port, path);
        assert.equal(status === 403, needed === 'admin' && !isAdmin, `${path} as ${loopbackRole}`);
      }
      const kicked = await ask(port, kick, { method: 'POST', headers: json, body });
      assert.equal(kicked.status, isAdmin ? 200 : 403);
      assert.equal(kicks.length, isAdmin ? 1 : 0);
    }
  });

  test('refuses a foreign Host everywhere but for health', async (t) => {
    const { port } = await startAdmin(t);
    for (const [path, needed] of paths) {
      const answer = await ask(port, path, { headers: { host: `pears.example:${port}` } });
      assert.equal(answer.status === 403, needed !== 'none', path);
      if (needed !== 'none')
        assert.match(errorOf(answer), /^the Host pears\.example:\d+ is not served here; /);
    }
    for (const host of [
      'localhost',
      `LOCALHOST:${port}`,
      '127.0.0.1',
      '192.0.2.1',
      '[::1]',
      `[::1]:${port}`,
    ]) {
      assert.equal((await ask(port, '/api/status', { headers: { host } })).status, 200, host);
    }
  });

  test('takes a change only with no Origin or our own, and said to be JSON', async (t) => {
    const { port, kicks } = await startAdmin(t);
    const own = `http://127.0.0.1:${port}`;
    for (const [headers, status] of [
      [json, 200],
      [{ ...json, origin: own }, 200],
      [{ ...json, origin: `http://localhost:${port}`, host: `localhost:${port}` }, 200],
      [{ ...json, 'content-type': 'application/json; charset=utf-8' }, 200],
      [{ 'content-type': 'application/json' }, 403],
      [{ ...json, origin: `http://localhost:${port}` }, 403],
      [{ ...json, origin: 'http://127.0.0.1' }, 403],
      [{ ...json, origin: 'http://pears.example' }, 403],
      [{ ...json, origin: `${own}.pears.example` }, 403],
      [{ ...json, origin: 'null' }, 403],
      [{ ...json, origin: '' }, 403],
      [{ ...json, host: 'pears.example', origin: 'http://pears.example' }, 403],
      [{ ...json, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }, 403],
      [{ ...json, 'content-type': 'text/plain' }, 415],
      [{ ...json, 'content-type': 'application/jsonp' }, 415],
      [{ 'x-pear-request': '1' }, 415],
      [{}, 403],
    ] as const) {
      const before = kicks.length;
      const answer = await ask(port, kick, { method: 'POST', headers, body });
      assert.equal(answer.status, status, JSON.stringify(headers));
      assert.equal(kicks.length - before, status === 200 ? 1 : 0);
      if (status !== 200) assert.notEqual(errorOf(answer), '');
    }
  });

  test('lets no foreign page read, but people follow a link', async (t) => {
    const { port } = await startAdmin(t);
    for (const [headers, status] of [
      [{ origin: 'http://pears.example' }, 403],
      [{ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }, 403],
      [{ 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' }, 200],
      [{ 'sec-fetch-site': 'same-origin', 'sec-fetch-mode': 'cors' }, 200],
    ] as const) {
      assert.equal((await ask(port, '/api/status', { headers })).status, status, JSON.stringify(headers));
    }
  });

  test('answers HEAD with headers only, and 405 with the methods that would do', async (t) => {
    const { port } = await startAdmin(t);
    for (const path of ['/livez', '/api/status', '/api/events']) {
      const head = await ask(port, path, { method: 'HEAD' });
      assert.deepEqual([head.status, head.text], [200, ''], path);
    }
    for (const [path, method, allow] of [
      ['/livez', 'POST', 'GET, HEAD'],
      ['/api/connections', 'DELETE', 'GET, HEAD'],
      ['/api/connections/x', 'POST', 'GET, HEAD'],
      [kick, 'GET', 'POST'],
      [kick, 'PUT', 'POST'],
    ] as const) {
      const answer = await ask(port, path, { method });
      assert.deepEqual([answer.status, answer.headers.allow], [405, allow], `${method} ${path}`);
      assert.equal(errorOf(answer), `${path} answers ${allow} only`);
    }
  });

  test('names what there is where there is no such page', async (t) => {
    const { port } = await startAdmin(t);
    for (const path of ['/nothing', '/api', '/api/connections/', '/livez/x']) {
      const answer = await ask(port, path);
      assert.equal(answer.status, 404, path);
      assert.match(errorOf(answer), /known are \/livez, .*\/api\/connections, /);
    }
    assert.equal((await ask(port, '//')).status, 400);
  });
});
