// What the tools do with a server that accepts connections and says nothing.
import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { describe, test } from 'node:test';
import { LivePear, pear } from './pear.js';
import { oddServer } from './odd-server.js';

describe('a server that hangs', () => {
  test('is told of, and not waited for', async (t) => {
    const { port } = await oddServer(t);
    assert.deepEqual(await pear('peers', '--connect', `${port}`), {
      code: 1,
      stdout: '',
      stderr: 'the server does not answer within 10 s; try again\n',
    });
  });

  test('does not hold a --watch that is to end', async (t) => {
    const { port, asked } = await oddServer(t);
    const live = LivePear.start(t, 'peers', '--watch', '--connect', `${port}`);
    await asked;
    assert.equal(await live.stop('SIGINT'), 0);
    assert.deepEqual([live.stdout, live.stderr], ['', '']);
  });

  test(
    'does not hold a terminal either',
    { skip: existsSync('/usr/bin/script') ? false : 'script (util-linux) is not here' },
    async (t) => {
      for (const key of ['q', '\x03']) {
        const { port, asked } = await oddServer(t);
        const command = `${process.execPath} dist/cli/pear.js peers --watch --connect ${port}; echo ended with $?`;
        const live = new LivePear('/usr/bin/script', ['-qec', command, '/dev/null']);
        t.after(() => live.process.kill('SIGKILL'));
        await asked;
        live.press(key);
        await live.has('ended with 0');
        await live.exited;
      }
    },
  );
});
