// The command line is no way around the gate: every tool that asks a server, with every role.
import assert from 'node:assert/strict';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import { AdminHttpError } from '#src/cli/admin-http.js';
import { classifyTool } from '#src/cli/classify.js';
import { eventsTool } from '#src/cli/events/tool.js';
import { kickTool } from '#src/cli/kick.js';
import type { LocalServer } from '#src/cli/local-server.js';
import { modelsTool } from '#src/cli/models.js';
import { peersTool } from '#src/cli/peers/tool.js';
import { ConfigLoader } from '#src/config/loader.js';
import { roles, type Role } from '#src/config/schema.js';
import { NotPermittedError } from '#src/errors.js';
import { pear, pearWith, placesOf } from '../../cli/pear.js';
import { may } from '../../support/role-matrix.js';
import { startServer } from '../../support/server.js';
import { sha256, tokens, withTokens, wrongToken } from '../../support/tokens.js';

/** Each with what it needs, and by which door it goes. */
const tools: readonly (readonly [args: readonly string[], door: 'connect' | 'admin', needed: Role])[] = [
  [['models'], 'connect', 'viewer'],
  [['classify', 'normal-01.jpg'], 'connect', 'operator'],
  [['peers'], 'connect', 'admin'],
  [['kick', 'line-7/1.a.1'], 'connect', 'admin'],
  [['peers', '--closed'], 'admin', 'admin'],
  [['events'], 'admin', 'admin'],
];

const asked = [classifyTool, eventsTool, kickTool, modelsTool, peersTool];

describe('the tools', () => {
  let server: LocalServer;
  let places: Awaited<ReturnType<typeof placesOf>>;
  let folder: string;
  before(async () => {
    server = await startServer(
      null,
      '--cluster.workers',
      '1',
      '--security.default_role',
      'viewer',
      ...withTokens(),
    );
    places = await placesOf(server);
    folder = await mkdtemp(join(tmpdir(), 'pear-tools-'));
  });
  after(async () => {
    await rm(folder, { recursive: true, force: true });
    assert.equal(await server.stop(), 0);
  });

  /** In this process: starting one for each takes its time. `token`: what PEAR_TOKEN has. */
  async function isRefused(
    [name, ...args]: readonly string[],
    door: 'connect' | 'admin',
    token: string | undefined,
  ): Promise<boolean> {
    const { config, rest } = ConfigLoader.load({
      argv: [...args, ...places[door]],
      env: {},
      cwd: process.cwd(),
    });
    const tool = asked.find((each) => each.name === name);
    assert.ok(tool);
    process.env['PEAR_TOKEN'] = token ?? '';
    try {
      await tool.run(rest, { config, out: new PassThrough() });
      return false;
    } catch (error) {
      if (error instanceof NotPermittedError) return true;
      assert.ok(
        error instanceof AdminHttpError && (error.status === 401 || error.status === 403),
        String(error),
      );
      return true;
    } finally {
      delete process.env['PEAR_TOKEN'];
    }
  }
  const writeToken = async (name: string, content: string) => {
    const path = join(folder, name);
    await writeFile(path, content);
    await chmod(path, 0o600);
    return path;
  };

  test('are as many as are asked here', async () => {
    const { stdout } = await pear('--help');
    const named = [...stdout.matchAll(/^ {2}pear (\w+)/gm)].map(([, name]) => name);
    const known = new Set(tools.map(([[name]]) => name));
    assert.deepEqual(named.toSorted(), [...known, 'token'].toSorted(), 'pear token asks no server');
  });

  for (const role of roles) {
    test(`do what ${role} may, by the token in PEAR_TOKEN, and nothing else`, async () => {
      for (const [args, door, needed] of tools) {
        const refused = await isRefused(args, door, tokens[role]);
        assert.equal(refused, !may(role, needed), `${args.join(' ')} as ${role}`);
      }
    });
  }

  test('do without a token what the address may', async () => {
    for (const [args, door, needed] of tools) {
      assert.equal(await isRefused(args, door, undefined), !may('viewer', needed), args.join(' '));
    }
  });

  test('take the token from a file, and warn where others can read it', async () => {
    const path = await writeToken('admin.token', `${tokens.admin}\n`);
    for (const [args, door] of [
      [['peers', '--json'], 'connect'],
      [['events', '--json'], 'admin'],
    ] as const) {
      const ended = await pear(...args, ...places[door], '--token-file', path);
      assert.deepEqual([ended.code, ended.stderr], [0, ''], args.join(' '));
    }
    await chmod(path, 0o644);
    const warned = await pear('models', ...places.connect, '--token-file', path);
    assert.equal(warned.code, 0);
    assert.equal(
      warned.stderr,
      `--token-file: everybody on this machine can read ${path}; take that right away: chmod o-rwx ${path}\n`,
    );
  });

  test('say once where a token goes to another machine without TLS, and not where none is shown', async () => {
    // Every address of this machine is no loopback address, though it leads there.
    const elsewhere = (place: string) => place.replace('127.0.0.1', '0.0.0.0');
    const env = { PEAR_TOKEN: tokens.admin };
    const peers = await pearWith(env, 'peers', '--json', ...places.connect.map(elsewhere));
    assert.equal(peers.code, 0);
    assert.equal(
      peers.stderr,
      'the token goes to 0.0.0.0 without TLS: whoever is on the way can read it; ' +
        'give --tls or --ca FILE where the server speaks TLS\n',
    );
    const events = await pearWith(env, 'events', '--json', ...places.admin.map(elsewhere));
    assert.match(events.stderr, /^the token goes to 0\.0\.0\.0 without TLS: .*; write --admin https:/);
    assert.equal((await pear('models', ...places.connect.map(elsewhere))).stderr, '');
  });

  test('say that a token is wrong, or that its file will not do, and never the token', async () => {
    const path = await writeToken('wrong.token', wrongToken);
    const short = await writeToken('short.token', 'short-secret');
    for (const [args, said] of [
      [
        ['models', ...places.connect, '--token-file', path],
        'the server refuses (error 5): the server does not know this token\n',
      ],
      [
        ['events', ...places.admin, '--token-file', path],
        'the server refuses (HTTP 401); this token is none of ours; pear token makes one, security.tokens knows it\n',
      ],
      [
        ['models', '--token-file', short],
        `--token-file: the token in ${short} has 12 characters; 16 to 1024 are allowed; make one with pear token\n`,
      ],
      [
        ['models', '--token', wrongToken],
        'pear models has no option --token; known are --json, --connect, --token-file, --tls, --ca, --cert, --key, --servername, --help; see pear models --help\n',
      ],
    ] as const) {
      assert.equal((await pear(...args)).stderr, said);
    }
    const odd = await pearWith({ PEAR_TOKEN: 'two words' }, 'models', ...places.connect);
    assert.match(odd.stderr, /^PEAR_TOKEN holds a space, a line break or characters beyond ASCII; /);
  });
});

test('pear token makes a token: itself on standard output, what the configuration needs on standard error', async (t) => {
  const made = await pear('token', '--name', 'line-1', '--role', 'viewer');
  const token = made.stdout.trimEnd();
  assert.match(token, /^[A-Za-z0-9_-]{43}$/, '32 random bytes');
  assert.equal(
    made.stderr,
    `security:\n  tokens:\n    - name: line-1\n      role: viewer\n      sha256: ${sha256(token)}\n`,
  );
  assert.notEqual((await pear('token')).stdout.trimEnd(), token);
  assert.match(
    (await pear('token', '--name', 'a b')).stderr,
    /^pear token: --name a b will not do; 1 to 64 characters/,
  );

  const folder = await mkdtemp(join(tmpdir(), 'pear-token-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const config = join(folder, 'config.yaml');
  await writeFile(config, made.stderr);
  const server = await startServer(
    t,
    '--config',
    config,
    '--cluster.workers',
    '1',
    '--security.default_role',
    'viewer',
  );
  const { connect } = await placesOf(server);
  assert.equal(
    (await pearWith({ PEAR_TOKEN: token }, 'models', ...connect)).code,
    0,
    'pasted as it stands, it works',
  );
  assert.equal(await server.stop(), 0);
});
