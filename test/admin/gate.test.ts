// Who may ask over HTTP: by role, Host, Origin and method.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { roles } from '#src/config/schema.js';
import { eventually } from '../support/deadline.js';
import { knownTokens, nameOf, tokens, wrongToken } from '../support/tokens.js';
import { Wire } from '../support/wire.js';
import { ask, errorOf, startAdmin } from './admin.js';
import { assertRole, body, json, kick, may, paths } from './route-roles.js';

const bearer = (token: string) => ({ authorization: `Bearer ${token}` });

describe('the gate of the admin HTTP', () => {
  test('has a role for every route, of which none is forgotten here', async (t) => {
    const { routes } = await startAdmin(t);
    const pathOf = (path: string) => path.replace(/\?.*/, '').replace(/\/[^/]+%2F.*$/, '/');
    const known = [...paths, [kick, 'admin'] as const].map(([path, role]) => `${pathOf(path)} ${role}`);
    const stated = routes.map(({ path, role }) => `${path} ${role ?? 'none'}`);
    assert.deepEqual(stated.toSorted(), known.toSorted());
  });

  for (const role of roles) {
    test(`asks for the role of each route, which ${role} is by address`, async (t) => {
      const admin = await startAdmin(t, { roles: { defaultRole: 'admin', loopbackRole: role } });
      await assertRole(admin, role, 403);
    });

    test(`asks for the role of each route, which ${role} is by token, or the address where that is more`, async (t) => {
      for (const loopbackRole of roles) {
        const admin = await startAdmin(t, {
          roles: { defaultRole: 'viewer', loopbackRole, tokens: knownTokens },
        });
        const highest = may(role, loopbackRole) ? role : loopbackRole;
        await assertRole(admin, highest, 403, { headers: bearer(tokens[role]) });
        await assertRole(admin, loopbackRole, 401);
      }
    });
  }

  test('refuses a wrong token everywhere but for health, with 401 and what would do', async (t) => {
    const admin = await startAdmin(t, {
      roles: { defaultRole: 'viewer', loopbackRole: 'admin', tokens: knownTokens },
    });
    for (const [path, needed] of paths) {
      const answer = await ask(admin.port, path, { headers: bearer(wrongToken) });
      assert.equal(answer.status === 401, needed !== 'none', path);
      if (needed === 'none') continue;
      assert.equal(answer.headers['www-authenticate'], 'Bearer realm="pear", error="invalid_token"');
      assert.match(errorOf(answer), /^this token is none of ours; /);
    }
    for (const authorization of ['Basic YTpi', 'Bearer', 'Bearer a b', tokens.admin]) {
      const answer = await ask(admin.port, '/api/status', { headers: { authorization } });
      assert.deepEqual([answer.status, answer.headers['www-authenticate']], [401, 'Bearer realm="pear"']);
    }
    const all = [...Object.values(tokens), wrongToken];
    assert.ok(
      all.every((token) => !admin.logged.join('').includes(token)),
      'no token is logged',
    );
    assert.match(admin.logged.join(''), /"reason":"a wrong one","times":\d+,"msg":"a token was refused"/);
    assert.match(admin.logged.join(''), /"msg":"a request over HTTP was not permitted"/);
  });

  test('says which token would help where one is missing, and no more where it does not suffice', async (t) => {
    const { port } = await startAdmin(t, {
      roles: { defaultRole: 'viewer', loopbackRole: 'viewer', tokens: knownTokens },
    });
    const missing = await ask(port, '/api/closed');
    assert.deepEqual([missing.status, missing.headers['www-authenticate']], [401, 'Bearer realm="pear"']);
    assert.equal(
      errorOf(missing),
      '/api/closed needs the role admin; this connection has the role viewer; show a token: authorization: Bearer TOKEN',
    );
    const low = await ask(port, '/api/closed', { headers: bearer(tokens.operator) });
    assert.equal(low.status, 403);
    assert.equal(errorOf(low), '/api/closed needs the role admin; this connection has the role operator');
  });

  test('answers wrong tokens late, and turns away those who come in great numbers meanwhile', async (t) => {
    const { port } = await startAdmin(t, {
      delayMs: 30_000,
      roles: { defaultRole: 'viewer', loopbackRole: 'viewer', tokens: knownTokens },
    });
    const wrong = Array.from({ length: 5 }, () => ask(port, '/metrics', { headers: bearer(wrongToken) }));
    // The end of the test cuts those that wait.
    for (const each of wrong) each.catch(() => null);
    const first = await Promise.race(wrong);
    assert.deepEqual([first.status, first.headers['retry-after']], [429, '30']);
    assert.equal(
      (await ask(port, '/readyz', { headers: bearer(wrongToken) })).status,
      200,
      'health is for all',
    );
    assert.equal((await ask(port, '/metrics')).status, 200, 'who shows none is not held up');
  });

  test('lets nobody who guesses through a proxy hold up those who ask without one', async (t) => {
    const { port, logged } = await startAdmin(t, {
      delayMs: 30_000,
      roles: { defaultRole: 'viewer', loopbackRole: 'viewer', tokens: knownTokens },
    });
    const guess = { ...bearer(wrongToken), 'x-forwarded-for': '192.0.2.7' };
    const wrong = Array.from({ length: 5 }, () => ask(port, '/metrics', { headers: guess }));
    // The end of the test cuts those that wait.
    for (const each of wrong) each.catch(() => null);
    assert.equal((await Promise.race(wrong)).status, 429);
    assert.equal((await ask(port, '/api/closed', { headers: bearer(tokens.admin) })).status, 200);
    const forwarded = { ...bearer(tokens.admin), forwarded: 'for=192.0.2.8' };
    assert.equal((await ask(port, '/api/closed', { headers: forwarded })).status, 429);
    assert.match(logged.join(''), /"address":"forwarded by 127\.0\.0\.1","reason":"a wrong one"/);
  });

  test('gives nobody behind a proxy of this machine the role of the machine', async (t) => {
    const { port } = await startAdmin(t, { roles: { defaultRole: 'viewer', loopbackRole: 'admin' } });
    for (const headers of [
      { 'x-forwarded-for': '127.0.0.1' },
      { forwarded: 'for=127.0.0.1' },
      { via: '1.1 proxy' },
      { 'X-Real-IP': '127.0.0.1' },
      { 'x-forwarded-host': 'localhost' },
      { 'x-forwarded-proto': 'https' },
      { 'x-forwarded-port': '' },
    ]) {
      const shown = JSON.stringify(headers);
      assert.equal((await ask(port, '/api/closed', { headers })).status, 403, shown);
      assert.equal((await ask(port, '/api/status', { headers })).status, 200, shown);
    }
  });

  test('tells by whose token somebody was kicked', async (t) => {
    const { port, kicks, logged } = await startAdmin(t, {
      roles: { defaultRole: 'viewer', loopbackRole: 'viewer', tokens: knownTokens },
    });
    const headers = { ...json, ...bearer(tokens.admin) };
    assert.equal((await ask(port, kick, { method: 'POST', headers, body })).status, 200);
    assert.deepEqual(kicks, [{ ids: ['a'], by: nameOf('admin') }]);
    assert.match(logged.join(''), /"by":"the-admin","asked":1/);
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

  test('shows a foreign Host and Origin short, and so that no terminal obeys them', async (t) => {
    const { port, logged } = await startAdmin(t);
    const hostile = `a\x9b2J\x85${'x'.repeat(1_000)}`;
    const shown = `a\\u009b2J\\u0085${'x'.repeat(75)}…`;
    for (const headers of [{ host: hostile }, { origin: hostile }]) {
      const answer = await ask(port, '/api/status', { headers });
      assert.equal(answer.status, 403);
      assert.ok(errorOf(answer).includes(` ${shown} `), errorOf(answer));
    }
    const answer = await ask(port, `/api/connections/${encodeURIComponent(hostile)}`);
    assert.deepEqual([answer.status, errorOf(answer).includes(` ${shown};`)], [404, true]);
    const says = (line: string) => line.includes('not permitted');
    const line = await eventually('a line says so', () => logged.find(says) ?? null);
    assert.doesNotMatch(line.trimEnd(), /\p{Cc}/u);
    assert.ok(line.length < 500, line);
  });

  test('takes one Host, not two', async (t) => {
    const { port } = await startAdmin(t);
    for (const path of ['/livez', '/api/status']) {
      const twice = `GET ${path} HTTP/1.1\r\nhost: localhost\r\nHost: pears.example\r\nconnection: close\r\n\r\n`;
      const answer = await Wire.conversation(port, twice);
      assert.match(answer, /^HTTP\/1\.1 400 [^]*there are several headers Host; send one/);
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
