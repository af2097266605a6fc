// How a list is read whose place changes meanwhile, since Redis goes or comes.
import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { PearClient } from '#src/client/index.js';
import { ListMovedError, readPeers } from '#src/cli/peers/read.js';
import { InvalidMessageError } from '#src/errors.js';
import { peer, scriptedServer, status, type Asked } from '../scripted.js';

const firstPage = [{ result: peer('old') }, { result: { cursor: 'place' } }];
const refusal = 'cursor is not one that this list gave';

const isAnew = ({ request_data: [query] }: Asked) => !JSON.stringify(query).includes('cursor');

describe('a list whose cursor is refused half-way', () => {
  test('is read anew, without what had been read', async (t) => {
    let begun = 0;
    const { port } = await scriptedServer(t, (asked) => {
      if (asked.cmd === 0x44) return [{ result: status({ 'line-7': 1 }) }];
      if (!isAnew(asked)) return refusal;
      begun++;
      return begun === 1 ? firstPage : [{ result: peer('new') }];
    });
    const client = await PearClient.connect({ host: '127.0.0.1', port });
    const { peers } = await readPeers(client, {}, Infinity);
    assert.deepEqual(
      peers.map(({ id }) => id),
      ['new'],
    );
    client.destroy();
  });

  test('is given up the second time, as something that passes', async (t) => {
    const { port } = await scriptedServer(t, (asked) => (isAnew(asked) ? firstPage : refusal));
    const client = await PearClient.connect({ host: '127.0.0.1', port });
    await assert.rejects(readPeers(client, {}, Infinity), ListMovedError);
    client.destroy();
  });

  test('is not one that is refused from the beginning', async (t) => {
    const { port } = await scriptedServer(t, () => 'limit is none');
    const client = await PearClient.connect({ host: '127.0.0.1', port });
    await assert.rejects(readPeers(client, {}, Infinity), InvalidMessageError);
    client.destroy();
  });
});
