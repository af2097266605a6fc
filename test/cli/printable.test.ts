// What the tools print of others' text: no terminal obeys it, and JSON means what the server said.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pear, type Ended } from './pear.js';
import { peer, scriptedServer, status } from './scripted.js';

const hostile = 'a\x1b[2J\x9b2J\r\u202eb';

function assertPrintable({ stdout, stderr }: Ended): void {
  assert.doesNotMatch((stdout + stderr).replaceAll('\n', ''), /[\p{Cc}\p{Bidi_Control}]/u);
}

describe('text that a server sends', () => {
  test('is printable in lists of connections and warnings', async (t) => {
    const { port } = await scriptedServer(t, ({ cmd }) =>
      cmd === 0x40
        ? [
            { result: peer(hostile, { identity: hostile, worker: hostile }) },
            { result: { unread: [hostile] } },
          ]
        : [{ result: status({ [hostile]: 1 }) }],
    );
    const [listed, json, watched] = await Promise.all([
      pear('peers', '--connect', `${port}`),
      pear('peers', '--json', '--connect', `${port}`),
      pear('kick', '--address', '10.0.0.7', '--connect', `${port}`),
    ]);
    for (const ended of [listed, json, watched]) assertPrintable(ended);
    assert.match(listed.stdout, /a\?\[2J\?2J\?\?b/);
    assert.match(listed.stdout, /the connections of a\?\[2J\?2J\?\?b cannot be read now/);
    assert.ok(json.stdout.includes('"identity": "a\\u001b[2J\\u009b2J\\r\\u202eb"'), json.stdout);
  });

  test('is printable in outcomes, names of models and refusals', async (t) => {
    const { port } = await scriptedServer(t, ({ cmd }) => {
      if (cmd === 0x42) return [{ file_name: hostile, result: 1, error_code: 1, message: hostile }];
      return cmd === 0x22 || cmd === 0x24 ? [{ file_name: hostile }] : hostile;
    });
    const [kicked, models, modelsJson, refused] = await Promise.all([
      pear('kick', 'x', '--connect', `${port}`),
      pear('models', '--connect', `${port}`),
      pear('models', '--json', '--connect', `${port}`),
      pear('peers', '--connect', `${port}`),
    ]);
    for (const ended of [kicked, models, modelsJson, refused]) assertPrintable(ended);
    assert.equal(kicked.stdout, 'a?[2J?2J??b  a?[2J?2J??b\n');
    assert.match(models.stdout, /\* +a\?\[2J\?2J\?\?b\n/);
    assert.ok(modelsJson.stdout.includes('"current": "a\\u001b[2J\\u009b2J\\r\\u202eb"'), modelsJson.stdout);
    assert.match(refused.stderr, /the server refuses \(error 1\): a\?\[2J\?2J\?\?b/);
  });
});
