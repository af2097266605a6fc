// Holds docs/protocol.md to the server: every example byte for byte, the tables of commands and limits.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import type { LocalServer } from '#src/cli/local-server.js';
import { configSchema } from '#src/config/schema.js';
import { startServer } from '../support/server.js';
import { Wire } from '../support/wire.js';
import { assertReply, commandsIn, play, readExamples } from './examples.js';

/** Far above what an example takes; one that waits for a reply in vain would wait for ever. */
const patience = { timeout: 60_000 };

const page = readFileSync('docs/protocol.md', 'utf8');
const examples = readExamples(page);

let server: LocalServer;
let viewers: LocalServer;
before(async () => {
  server = await startServer(null, '--cluster.workers', '1');
  viewers = await startServer(null, '--cluster.workers', '1', '--security.loopback_role', 'viewer');
});
after(async () => {
  assert.deepEqual([await server.stop(), await viewers.stop()], [0, 0]);
});

describe('an example of docs/protocol.md', () => {
  for (const example of examples) {
    test(`is what happens: ${example.heading}, line ${example.line}`, patience, () =>
      play(example, server.port),
    );
  }

  const current = '→ {"cmd": 0x36, "request_data": null}';
  const answer = (result: number) =>
    `← {"cmd": 55, "response_data": [{"file_name": "models", "result": ${result}, "error_code": 0}], "request_data": null}`;
  const wrong: readonly (readonly [what: string, lines: readonly string[], complaint: RegExp])[] = [
    ['a value is wrong', [current, answer(1)], /line 3: the server answers/],
    ['a reply is missing', [current + current.slice(2), answer(2)], /answers more than the example says/],
    [
      'the server closes earlier',
      ['→ {"cmd": 1, "request_data": [{"bytes": 0}]}', '← ‹end›'],
      /answers more/,
    ],
  ];
  for (const [what, lines, complaint] of wrong) {
    test(`is noticed where ${what}`, patience, async () => {
      const [example] = readExamples(['```wire', ...lines, '```'].join('\n'));
      assert.ok(example);
      await assert.rejects(play(example, server.port), complaint);
    });
  }

  test('leaves open only the values that it marks', () => {
    const text = '{"id": "‹a/1›", "ms": ‹0.1›, "bbox": [‹1, 2›], "last": null}';
    assertReply('{"id": "b/2", "ms": 17, "bbox": [3.5, 4], "last": null}', text, 1);
    for (const other of [
      '{"id": "", "ms": 17, "bbox": [3.5, 4], "last": null}',
      '{"id": "b/2", "ms": [], "bbox": [3.5, 4], "last": null}',
      '{"id": "b/2", "ms": 17, "bbox": [3.5, 4], "last": null}}',
      '{"id": "b/2", "ms": 17, "more": "", "bbox": [3.5, 4], "last": null}',
    ]) {
      assert.throws(() => {
        assertReply(other, text, 1);
      }, /line 1/);
    }
  });
});

describe('the texts of docs/protocol.md that tell verdicts apart', () => {
  const texts = [...page.matchAll(/^\| `("result": [^`]+)` \|/gm)].map(([, text = '']) => text);

  test('are each in one item of a reply, and the C# client looks for the same', () => {
    const [item1, item2, item3, ...others] = (examples[0]?.steps[1]?.text ?? '').split('}, {');
    assert.equal(others.length, 0);
    for (const [index, item] of [item1, item2, item3].entries()) {
      assert.deepEqual(
        texts.map((text) => item?.includes(text)),
        texts.map((_, at) => at === index),
      );
    }
    for (const text of texts) assert.ok(page.includes(`reply.Contains("${text.replaceAll('"', '\\"')}")`));
  });
});

describe('the commands of docs/protocol.md', () => {
  test('are those of the server, each with its name, its role, a section and an example', async () => {
    const shown = new Set(examples.flatMap((example) => commandsIn(example)));
    const rows = [...page.matchAll(/^\| (0x\w\w) \| (0x\w\w) \| ([^|]+) \| (\w+) \|$/gm)];
    const commands = await commandsOf(server, viewers);
    assert.deepEqual(
      rows.map(([, code]) => code),
      commands.map(({ code }) => hex(code)),
    );
    for (const [index, { code, name, role }] of commands.entries()) {
      const [, , replyCode, shownName, shownRole = ''] = rows[index] ?? [];
      assert.deepEqual([replyCode, shownName], [hex(code + 1), name]);
      assert.ok(shown.has(code), `${hex(code)} has no example`);
      const section = page.split(`### ${hex(code)} ${name}\n\n`)[1] ?? '';
      const start = shownRole === 'none' ? 'No role.' : `Role ${shownRole}.`;
      assert.ok(section.startsWith(start), `the section of ${hex(code)} has to start with "${start}"`);
      // Where the lowest role is enough, nothing tells whether any is needed.
      assert.ok(role === null ? ['none', 'viewer'].includes(shownRole) : role === shownRole, hex(code));
    }
  });
});

describe('the limits of docs/protocol.md', () => {
  test('are those of the configuration, with their defaults', () => {
    const rows = [...page.matchAll(/^\| `limits\.(\w+)` \| `([^`]+)` \|/gm)];
    const defaults = Object.entries(configSchema.parse({}).limits);
    assert.deepEqual(
      new Map(rows.map(([, key, value]) => [key, value])),
      new Map(defaults.map(([key, value]) => [key, JSON.stringify(value)])),
    );
  });

  test('are named as they are elsewhere in the page', () => {
    const keys = Object.keys(configSchema.parse({}).limits);
    const named = [...page.matchAll(/`(?:limits\.)?((?:max|message|request|write|idle|read)_\w+)`/g)];
    const unknown = named.map(([, key = '']) => key).filter((key) => !keys.includes(key));
    assert.deepEqual(
      unknown.filter((key) => !['request_data', 'request_id'].includes(key)),
      [],
    );
  });
});

/** Every command there is, found by asking for each code with arguments that none takes. */
async function commandsOf(forAdmins: LocalServer, forViewers: LocalServer) {
  const codes = Array.from({ length: 256 }, (_, code) => code);
  const [toAdmin, toViewer] = await Promise.all(
    [forAdmins, forViewers].map(async ({ port }) => {
      const wire = await Wire.open(port);
      for (const code of codes) wire.send(`{"cmd": ${code}, "request_data": [7, 7, 7]}`);
      const replies = await wire.replies(codes.length);
      wire.close();
      return replies;
    }),
  );
  return codes.flatMap((code) => {
    const reply = toAdmin?.[code] ?? '';
    if (reply.includes('"error_code": 3')) return [];
    const [, name] = /"message": "(.+): request_data must be/.exec(reply) ?? [];
    const [, role = null] = /needs the role (\w+);/.exec(toViewer?.[code] ?? '') ?? [];
    return [{ code, name, role }];
  });
}

function hex(code: number): string {
  return `0x${code.toString(16).padStart(2, '0')}`;
}
