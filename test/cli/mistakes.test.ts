// What the tools of `pear` say to options that are none, and to servers that cannot answer.
import assert from 'node:assert/strict';
import { PassThrough } from 'node:stream';
import { describe, test } from 'node:test';
import { classifyTool } from '#src/cli/classify.js';
import { eventsTool } from '#src/cli/events/tool.js';
import { kickTool } from '#src/cli/kick.js';
import { modelsTool } from '#src/cli/models.js';
import { peersTool } from '#src/cli/peers/tool.js';
import { ConfigLoader } from '#src/config/loader.js';
import { StartupError } from '#src/errors.js';
import { startServer } from '../support/server.js';
import { pear, placesOf } from './pear.js';

const tools = [classifyTool, peersTool, kickTool, eventsTool, modelsTool];

/** Resolves to what it prints. */
async function runTool(...[name, ...args]: readonly string[]): Promise<string> {
  const { config, rest } = ConfigLoader.load({ argv: args, env: {}, cwd: process.cwd() });
  const out = new PassThrough({ encoding: 'utf8' });
  await tools.find((tool) => tool.name === name)?.run(rest, { config, out });
  return String(out.read());
}

describe('what is wrong is named with the cure', () => {
  const refusals: readonly (readonly [readonly string[], string])[] = [
    [
      ['peers', '--adress', 'x'],
      'pear peers has no option --adress; did you mean --address? see pear peers --help',
    ],
    [
      ['peers', '--state', 'activ'],
      'pear peers: --state activ will not do; did you mean active? see pear peers --help',
    ],
    [
      ['peers', '--sort', '-image'],
      'pear peers: --sort -image will not do; there is no key image to sort by; did you mean images? see pear peers --help',
    ],
    [['peers', '--limit'], 'pear peers: the value of --limit is missing; write --limit N'],
    [['peers', '--address', '--json'], 'pear peers: the value of --address is missing; write --address IP'],
    [['peers', '--json=yes'], 'pear peers: --json takes no value; write --json alone'],
    [
      ['peers', '--limit', 'few'],
      'pear peers: --limit few will not do; it must be a whole number from 1 to 1000000; see pear peers --help',
    ],
    [
      ['peers', '--watch', '--closed'],
      'pear peers: --watch and --closed do not go together; give one of them',
    ],
    [
      ['peers', '--address', '[::1]:5000'],
      'pear peers: --address [::1]:5000 will not do; leave out the port: ::1; see pear peers --help',
    ],
    [
      ['peers', '--address', '[::1]'],
      'pear peers: --address [::1] will not do; leave out the brackets: ::1; see pear peers --help',
    ],
    [
      ['kick', '--address', '10.0.0.7:5000'],
      'pear kick: --address 10.0.0.7:5000 will not do; leave out the port: 10.0.0.7; see pear kick --help',
    ],
    [
      ['kick', '--address', 'line-7'],
      'pear kick: --address line-7 will not do; write an address, not a name; see pear kick --help',
    ],
    [['peers', 'all'], 'pear peers takes no all; see pear peers --help'],
    [
      ['kick'],
      'pear kick: nobody is named; give ids, as pear peers shows them, or --address IP for all from there',
    ],
    [
      ['kick', 'a', '--address', '::1'],
      'pear kick: ids and --address do not go together; give the ones or the other',
    ],
    [['events', '--admin', 'x'], '--admin x names no server; write HOST:PORT, such as 127.0.0.1:9091'],
    [
      ['events', '--admin', '127.0.0.1:99999'],
      '--admin 127.0.0.1:99999 names no server; write HOST:PORT, such as 127.0.0.1:9091',
    ],
    [['peers', '--connect', '0'], '--connect 0 names no server; write HOST:PORT, such as 127.0.0.1:9090'],
    [
      ['events', '--admin', '1'],
      'no admin HTTP answers at 127.0.0.1 port 1 (ECONNREFUSED); start the server with npm start, or name its admin HTTP with --admin HOST:PORT',
    ],
    [
      ['events', '--admin.enabled', 'false'],
      'the admin HTTP is switched off (admin.enabled); switch it on, or name the one of another server with --admin HOST:PORT',
    ],
  ];
  for (const [args, line] of refusals) {
    test(line, async () => {
      await assert.rejects(runTool(...args), (error) => {
        assert.ok(error instanceof StartupError);
        assert.equal(`${error.message}; ${error.cure}`, line);
        return true;
      });
    });
  }

  test('each tool explains its options, in lines that fit a terminal', async () => {
    for (const { name } of tools) {
      const text = await runTool(name, '--help');
      assert.match(text, new RegExp(`^pear ${name}.*: `));
      assert.match(text, /^ {2}--json +print/m);
      assert.ok(Math.max(...text.split('\n').map(({ length }) => length)) <= 110);
    }
  });

  test('a server that keeps no view says so', async (t) => {
    const none = await startServer(t, '--cluster.workers', '1', '--connections.store', 'none');
    const places = await placesOf(none);
    const said = 'this server keeps no view of connections (connections.store is none); it cannot list them';
    assert.equal((await pear('peers', ...places.connect)).stderr, `the server refuses (error 5): ${said}\n`);
    for (const args of [['peers', '--closed'], ['events'], ['events', '--follow']]) {
      assert.equal((await pear(...args, ...places.admin)).stderr, `the server refuses (HTTP 403); ${said}\n`);
    }
  });
});
