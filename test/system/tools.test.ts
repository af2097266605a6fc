// The `pear` command and the admin HTTP against a running server, as people use them.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { z } from 'zod';
import { PearClient } from '#src/client/index.js';
import { cleanEnvironment, type LocalServer } from '#src/cli/local-server.js';
import { peerRecordSchema } from '#src/connections/record.js';
import { BusyError, NotExistCommandError } from '#src/errors.js';
import { eventually } from '../support/deadline.js';
import { sample } from '../support/pictures.js';
import { startServer } from '../support/server.js';

const run = promisify(execFile);
let server: LocalServer;
let adminPort = 0;
before(async () => {
  server = await startServer(null, '--cluster.workers', '2', '--connections.flush_interval_ms', '50');
  const { msg } = await server.line((line) => line.msg.startsWith('health and metrics'));
  adminPort = Number(/:(\d+)$/.exec(msg)?.[1]);
});
after(async () => {
  assert.equal(await server.stop(), 0);
});

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function pear(...args: string[]): Promise<Ended> {
  const all = ['dist/cli/pear.js', '--connect', `127.0.0.1:${server.port}`, ...args];
  try {
    return { code: 0, ...(await run(process.execPath, all, { env: cleanEnvironment() })) };
  } catch (error) {
    return z.object({ code: z.number(), stdout: z.string(), stderr: z.string() }).parse(error);
  }
}

describe('pear classify', () => {
  test('prints a table of files that are here and of names in the image folder', async () => {
    const { code, stdout } = await pear(
      'classify',
      'models/samples/normal-01.jpg',
      'defective-01.jpg',
      'models/samples/empty-01.jpg',
    );
    assert.equal(code, 0);
    const lines = stdout.trim().split('\n');
    assert.match(lines[0] ?? '', /^file +verdict +result +confidence +box +ms$/);
    assert.match(
      lines[1] ?? '',
      /^models\/samples\/normal-01\.jpg +normal_pear +1 +(?:0\.\d{3}|1\.000) +\d+,\d+,\d+,\d+ +[\d.]+$/,
    );
    assert.match(lines[2] ?? '', /^defective-01\.jpg +defected_pear +0 /);
    assert.match(lines[3] ?? '', /^models\/samples\/empty-01\.jpg +no pear +-1 +- +-/);
  });

  test('names what could not be judged and exits with 1', async () => {
    const { code, stdout } = await pear('classify', 'missing.jpg', 'package.json');
    assert.equal(code, 1);
    assert.match(stdout, /^missing\.jpg +error 2, resource not found/m);
    assert.match(stdout, /^package\.json +error 8, invalid image/m);
  });

  test('says of a folder that it is no image', async () => {
    const { code, stdout, stderr } = await pear('classify', 'models');
    assert.deepEqual([code, stderr], [1, '']);
    assert.match(stdout, /^models +error 8, invalid image/m);
  });

  test('prints JSON on request', async () => {
    const { stdout } = await pear('classify', '--json', 'normal-01.jpg');
    const [item] = z
      .array(z.looseObject({ file_name: z.string(), result: z.int() }))
      .parse(JSON.parse(stdout));
    assert.deepEqual([item?.file_name, item?.result], ['normal-01.jpg', 1]);
  });
});

describe('pear', () => {
  test('peers lists all connections of all workers', async () => {
    const clients = await Promise.all(
      Array.from({ length: 6 }, () => PearClient.connect({ host: '127.0.0.1', port: server.port })),
    );
    const all = await eventually('all six are listed', async () => {
      const peers = z.array(peerRecordSchema).parse(JSON.parse((await pear('peers', '--json')).stdout));
      return peers.length >= 6 ? peers : null;
    });
    assert.equal(new Set(all.map(({ worker }) => worker)).size, 2);
    const { stdout } = await pear('peers');
    assert.match(stdout, /^peer +worker +address +role +state/);
    assert.match(stdout, /\d+ connections on 2 workers\n$/);
    await Promise.all(clients.map((client) => client.close()));
  });

  test('models marks the one that serves', async () => {
    assert.match((await pear('models')).stdout, /^\* +pear-starter-int8\.onnx$/m);
  });

  test('without a command explains itself, and names what it does not know', async () => {
    assert.match((await pear('--help')).stdout, /pear classify FILE/);
    assert.equal((await pear()).code, 2);
    const { code, stderr } = await pear('clasify');
    assert.equal(code, 1);
    assert.equal(stderr, 'pear clasify is no command; did you mean classify? see pear --help\n');
  });

  test('says in one line that no server answers', async () => {
    const { code, stderr } = await pear('peers', '--connect', '127.0.0.1:1');
    assert.equal(code, 1);
    assert.equal(
      stderr,
      'no server answers at 127.0.0.1 port 1 (ECONNREFUSED); start it with npm start, or name another one with --connect HOST:PORT\n',
    );
  });
});

describe('the log', () => {
  test('says in plain words what serves where', () => {
    const said = server.lines.map(({ msg }) => msg).join('\n');
    assert.match(
      said,
      /^the model is pear-starter-int8\.onnx \(defected_pear, normal_pear\), the image folder models\/samples$/m,
    );
    assert.match(
      said,
      /^pear-starter-int8\.onnx was read as yolo-v8 \(told by .*\): input .*; classes defected_pear, normal_pear \(by .*\); what is above .* counts; /m,
    );
    assert.match(
      said,
      /^The view of connections covers this host only, in the memory of its primary: .*\.$/m,
    );
    assert.match(
      said,
      new RegExp(`^listening on 127\\.0\\.0\\.1, port ${server.port}, with 2 workers$`, 'm'),
    );
  });

  test('has the id of the peer in each line about it', async () => {
    const client = await PearClient.connect({ host: '127.0.0.1', port: server.port });
    await client.request(0x36);
    const all = z.array(z.object({ result: peerRecordSchema })).parse(await client.request(0x40));
    const [mine] = all.map(({ result }) => result).sort((a, b) => b.connected_at - a.connected_at);
    assert.ok(mine !== undefined);
    await client.close();
    const line = await server.line((each) => each['peer'] === mine.id && each.msg === 'disconnected');
    assert.deepEqual([line['reason'], line['requests']], ['client', 2]);
    assert.ok(server.lines.some((each) => each['peer'] === mine.id && each.msg === 'connected'));
  });
});

describe('PearClient', () => {
  test('sends without waiting and gets replies in order, images attached', async () => {
    const client = await PearClient.connect({ host: '127.0.0.1', port: server.port });
    const bytes = await sample('defective-02.jpg');
    const [first, second, third] = await Promise.all([
      client.classify([{ fileName: 'mine', bytes }, 'normal-01.jpg']),
      client.request(0x32),
      client.classify([{ fileName: 'nothing', bytes: new Uint8Array() }]),
    ]);
    assert.deepEqual(
      first.map(({ file_name, result }) => [file_name, result]),
      [
        ['mine', 0],
        ['normal-01.jpg', 1],
      ],
    );
    assert.equal(second[0]?.['file_name'], 'models/samples');
    assert.equal(third[0]?.error_code, 8);
    await client.close();
  });

  test('rejects a refused request with the error of its code, and goes on', async () => {
    const client = await PearClient.connect({ host: '127.0.0.1', port: server.port });
    await assert.rejects(client.request(0x99), NotExistCommandError);
    assert.equal((await client.request(0x36))[0]?.['file_name'], 'models');
    await client.close();
    await assert.rejects(client.request(0x36), /closed/);
  });

  test('fails the request, and not the program, when a reply is none', async () => {
    for (const nonsense of [
      '{oops}',
      '{"cmd": 1}',
      'hello',
      '{"cmd": null, "response_data": [{"error_code": 99, "message": "new"}]}',
    ]) {
      const odd = createServer((socket) => socket.once('data', () => socket.end(nonsense))).listen(
        0,
        '127.0.0.1',
      );
      await once(odd, 'listening');
      const address = odd.address();
      assert.ok(address !== null && typeof address === 'object');
      odd.unref();
      const client = await PearClient.connect({ host: '127.0.0.1', port: address.port });
      await assert.rejects(client.request(0x32), /no reply|^InternalError: new$/);
      await client.close();
      odd.close();
    }
  });

  test('tells a connection that was turned away why', async (t) => {
    const full = await startServer(t, '--cluster.workers', '1', '--limits.max_peers', '1');
    const first = await PearClient.connect({ host: '127.0.0.1', port: full.port });
    await first.request(0x32);
    const second = await PearClient.connect({ host: '127.0.0.1', port: full.port });
    await assert.rejects(second.request(0x32), BusyError);
    await first.close();
    await full.stop();
  });
});

describe('the admin HTTP', () => {
  const get = (path: string, headers: Record<string, string> = {}, method = 'GET') =>
    new Promise<{ status: number; body: string }>((resolve, reject) => {
      const sent = request({ host: '127.0.0.1', port: adminPort, path, headers, method }, (response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => (body += chunk.toString()));
        response.on('end', () => {
          resolve({ status: response.statusCode ?? 0, body });
        });
      });
      sent.on('error', reject);
      sent.end();
    });

  test('tells that it lives and that its workers serve', async () => {
    assert.deepEqual(await get('/livez'), { status: 200, body: 'ok\n' });
    assert.equal((await get('/readyz', { host: 'pear.line.example' })).status, 200);
    assert.deepEqual(await get('/readyz'), { status: 200, body: '2 of 2 workers serve\n' });
  });

  test('gives metrics of each worker', async () => {
    const { body } = await get('/metrics');
    assert.equal([...body.matchAll(/^pear_images_total\{host="[^"]+",worker="[^"]+"\} \d+$/gm)].length, 2);
  });

  test('shows the workers and the connections', async () => {
    const client = await PearClient.connect({ host: '127.0.0.1', port: server.port });
    assert.equal([...(await get('/api/status')).body.matchAll(/"state":"serving"/g)].length, 2);
    await eventually('the connection is shown', async () => {
      const { body } = await get('/api/connections?address=127.0.0.1');
      return z.object({ peers: z.array(peerRecordSchema).min(1) }).safeParse(JSON.parse(body)).success
        ? true
        : null;
    });
    assert.equal((await get('/api/connections?limit=0')).status, 400);
    assert.equal((await get('/api/connections?colour=red')).status, 400);
    assert.equal((await get('/api/connections?cursor=x')).status, 400);
    await client.close();
  });

  test('refuses foreign hosts, other methods, and what is not there', async () => {
    assert.equal((await get('/api/status', { host: 'pears.example:9091' })).status, 403);
    assert.equal((await get('/api/status', { host: 'localhost:9091' })).status, 200);
    assert.equal((await get('/api/status', {}, 'POST')).status, 405);
    assert.equal((await get('/nothing')).status, 404);
    assert.equal((await get('//')).status, 400);
  });
});
