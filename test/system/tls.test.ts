// A cluster whose port speaks TLS: what holds without it holds with it, and certificates change while it serves.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { get } from 'node:https';
import { connect, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { after, before, describe, test } from 'node:test';
import { promisify } from 'node:util';
import { PearClient } from '#src/client/pear-client.js';
import type { LocalServer } from '#src/cli/local-server.js';
import { pear, placesOf } from '../cli/pear.js';
import { certificateFolder, swappedFolder } from '../server/tls/files.js';
import { createAuthority, type Authority, type CertificateFiles } from '../support/certificates.js';
import { eventually } from '../support/deadline.js';
import { offer } from '../support/offer.js';
import { sample } from '../support/pictures.js';
import { childrenOf, signalTo } from '../support/processes.js';
import { askFolder, folder, item, reply, request } from '../support/replies.js';
import { runServer, startServer } from '../support/server.js';
import { Wire } from '../support/wire.js';

let authority: Authority;
let own: CertificateFiles;
let next: CertificateFiles;
let client: CertificateFiles;
let ca: Buffer;
before(async () => {
  authority = await createAuthority();
  own = await authority.issue('own', ['DNS:localhost', 'DNS:pear.example']);
  next = await authority.issue('next', ['DNS:localhost']);
  client = await authority.issue('camera-1', ['DNS:camera']);
  ca = readFileSync(authority.ca);
});
after(() => authority.dispose());

const keys = ({ cert, key }: CertificateFiles, section = 'server') => [
  ...[`--${section}.tls.cert_path`, cert, `--${section}.tls.key_path`, key],
];
const judged = reply(2, item('normal-01.jpg', 1, 0));
const classify = request(1, ['normal-01.jpg']);

/** Over TLS, each record in segments of so many bytes. */
function openInPieces(port: number, bytes: number, before = ''): TLSSocket {
  const under = connect({ host: '127.0.0.1', port, noDelay: true });
  under.write(before);
  const pieces = new Duplex({
    read: () => undefined,
    write: (chunk: Buffer, _encoding, done) => {
      const send = (at: number) => {
        if (at >= chunk.length) done();
        else under.write(chunk.subarray(at, at + bytes), () => setImmediate(send, at + bytes));
      };
      send(0);
    },
    final: (done) => {
      under.end(done);
    },
  });
  under.on('data', (chunk) => pieces.push(chunk)).on('end', () => pieces.push(null));
  under.on('error', (error) => pieces.destroy(error)).on('close', () => pieces.destroy());
  return connectTls({ socket: pieces, ca, servername: 'localhost' });
}

const shownBy = async (port: number) => {
  const wire = await Wire.openTls(port, { ca });
  const { subject } = wire.socket.getPeerCertificate();
  wire.close();
  return subject.CN;
};

describe('a cluster that speaks TLS', () => {
  let server: LocalServer;
  let live: Awaited<ReturnType<typeof swappedFolder>>;
  before(async () => {
    live = await swappedFolder(authority, own);
    server = await startServer(
      null,
      ...['--cluster.workers', '2', '--server.proxy_protocol', '["127.0.0.9"]'],
      ...keys(live.files),
      ...['--server.tls.client_ca_path', authority.ca, ...keys(own, 'admin')],
    );
  });
  after(async () => {
    assert.equal(await server.stop(), 0);
  });
  const open = (options: Parameters<typeof Wire.openTls>[1] = {}) =>
    Wire.openTls(server.port, { ca, ...options });

  test('judges images by name and by bytes, and answers what is owed behind a half-closed connection', async () => {
    const wire = await open();
    const bytes = await sample('normal-01.jpg');
    const count = 12;
    for (let index = 0; index < count; index++) {
      wire.send(request(1, [{ file_name: 'normal-01.jpg', bytes: bytes.length }]));
      wire.send(bytes);
    }
    wire.send(classify);
    wire.finish();
    await wire.closed();
    assert.equal(wire.received, `${judged}\n`.repeat(count + 1));
  });

  test('reads segments of any size, from the first byte of the handshake on', async () => {
    for (const bytes of [1, 7, 100, 1_000]) {
      const socket = openInPieces(server.port, bytes);
      await once(socket, 'secureConnect');
      const wire = Wire.over(socket);
      assert.equal(await wire.ask(askFolder), folder, `in pieces of ${bytes}`);
      wire.close();
    }
  });

  test('lists its connections as such, with the address that a balancer tells', async () => {
    const socket = openTlsFrom('127.0.0.9', 'PROXY TCP4 192.0.2.7 10.0.0.1 51000 9090\r\n');
    await once(socket, 'secureConnect');
    const forwarded = Wire.over(socket);
    assert.equal(await forwarded.ask(askFolder), folder);
    const wire = await open();
    await eventually('it is listed', async () =>
      /"address": "192\.0\.2\.7", "port": 51000, "tls": true/.test(await wire.ask(request(0x40, null)))
        ? true
        : null,
    );
    forwarded.close();
    wire.close();
  });

  /** Header and hello come in one segment. */
  function openTlsFrom(localAddress: string, header: string): TLSSocket {
    const under: Socket = connect({ host: '127.0.0.1', port: server.port, localAddress });
    under.cork();
    under.write(header);
    const socket = connectTls({ socket: under, ca, servername: 'localhost' });
    under.uncork();
    return socket;
  }

  test('closes who speaks no TLS, and says so in the log', async () => {
    const wire = await Wire.open(server.port);
    wire.send(askFolder);
    await wire.closed();
    assert.equal(wire.received, '');
    const line = await server.line(({ msg }) => msg === 'TLS handshakes failed');
    assert.match(String(line['reason']), /does not speak TLS/);
  });

  test('speaks with openssl', async () => {
    const run = spawn('openssl', [
      ...['s_client', '-quiet', '-connect', `127.0.0.1:${server.port}`, '-servername', 'localhost'],
      ...['-CAfile', authority.ca, '-verify_return_error', '-cert', client.cert, '-key', client.key],
    ]);
    let said = '';
    run.stdout.on('data', (chunk: Buffer) => (said += chunk.toString()));
    run.stdin.write(askFolder);
    await eventually('it answers', () => (said === `${folder}\n` ? true : null));
    run.kill();
    await assert.rejects(
      promisify(execFile)('openssl', [
        ...['s_client', '-connect', `127.0.0.1:${server.port}`, '-tls1_1', '-cipher', 'DEFAULT@SECLEVEL=0'],
      ]),
    );
  });

  test('disconnects a connection at once where it is told to', async () => {
    const [wire, other] = [await open(), await open()];
    assert.equal(await wire.ask(askFolder), folder);
    const line = await server.line(
      ({ msg, ...rest }) => msg === 'connected' && rest['port'] === wire.socket.localPort,
    );
    const kick = request(0x42, [String(line['peer'])]);
    assert.match(await other.ask(kick), /"result": 2/);
    await wire.closed();
    other.close();
  });

  test('takes a hundred clients that come again with their sessions, on all workers', async () => {
    const first = await open();
    assert.equal(await first.ask(askFolder), folder);
    const session = first.socket.getSession();
    first.close();
    const wires = await Promise.all(Array.from({ length: 100 }, () => open({ session })));
    for (const reply of await Promise.all(wires.map((wire) => wire.ask(askFolder))))
      assert.equal(reply, folder);
    assert.ok(
      wires.every(({ socket }) => !socket.isSessionReused()),
      'none is resumed',
    );
    const ports = new Set(wires.map(({ socket }) => socket.localPort));
    const workers = new Set(
      server.lines
        .filter(({ msg, port }) => msg === 'connected' && ports.has(Number(port)))
        .map(({ worker }) => worker),
    );
    assert.equal(workers.size, 2);
    for (const wire of wires) wire.close();
  });

  test('is spoken to by the tools, which prove whom they speak to', async () => {
    const { connect: place, admin } = await placesOf(server);
    const over = ['--ca', authority.ca, '--servername', 'localhost'];
    const classified = await pear('classify', ...place, ...over, 'normal-01.jpg');
    assert.match(classified.stdout, /normal_pear/, classified.stderr);
    const shown = ['--cert', client.cert, '--key', client.key];
    const listed = await pear('models', ...place, ...over, ...shown);
    assert.equal(listed.code, 0, listed.stderr);
    const https = ['--admin', `https://${admin[1] ?? ''}`];
    const events = await pear('events', ...https, ...over);
    assert.equal(events.code, 0, events.stderr);
    assert.match(events.stdout, /opened/);

    const untrusted = await pear('models', ...place, '--tls', '--servername', 'localhost');
    assert.match(untrusted.stderr, /no TLS with the server .*--ca FILE/);
    const other = await pear('models', ...place, '--ca', authority.ca, '--servername', 'other.example');
    assert.match(other.stderr, /ALTNAME.*--servername NAME/);
    const plain = await pear('models', ...place);
    assert.match(plain.stderr, /without a word; perhaps it speaks TLS/);
  });

  test('is known by its certificate to tools that read its configuration', async () => {
    const { admin } = await placesOf(server);
    const port = ['--server.port', String(server.port), '--admin.port', admin[1]?.split(':')[1] ?? ''];
    const known = await pear('models', ...port, ...keys(live.files));
    assert.equal(known.code, 0, known.stderr);
    const events = await pear('events', ...port, ...keys(own, 'admin'));
    assert.equal(events.code, 0, events.stderr);
    const wrong = await pear('models', ...port, ...keys(next));
    assert.match(wrong.stderr, /OTHER_CERTIFICATE.*--ca FILE/);
  });

  test('shows a new certificate as soon as its files change; connections that are there go on', async () => {
    const stream = await open();
    const change = { isOver: false };
    const replies = (async () => {
      let count = 0;
      for (; !change.isOver; count++) assert.equal(await stream.ask(classify), judged);
      return count;
    })();
    await live.swap(next);
    await server.line(({ msg }) => /server\.tls: the files have changed; .*\(CN=next\)/.test(msg));
    await eventually('all workers show it', async () => {
      for (let index = 0; index < 6; index++) if ((await shownBy(server.port)) !== 'next') return null;
      return true;
    });
    await live.swap({ cert: own.cert, key: next.key });
    const line = await server.line(({ msg }) => msg.includes('is not the private key'));
    assert.match(line.msg, /server\.tls\.key_path: .*in use of it stays/);
    assert.equal(await shownBy(server.port), 'next');
    change.isOver = true;
    assert.ok((await replies) > 0);
    stream.close();
  });

  test('has the last good certificate, also in workers that come while its files cannot be used', async () => {
    await live.swap({ cert: own.cert, key: next.key });
    const before = childrenOf(server.pid);
    for (const pid of before) signalTo(pid, 'SIGKILL');
    for (const pid of before) {
      await server.line(
        ({ msg, ...rest }) => msg === 'a worker died; forking a new one' && rest['pid'] === pid,
      );
    }
    assert.equal(await shownBy(server.port), 'next');
    await eventually('new workers', () => {
      const now = childrenOf(server.pid);
      return now.length === before.length && now.every((pid) => !before.includes(pid)) ? true : null;
    });
    for (let index = 0; index < 6; index++) assert.equal(await shownBy(server.port), 'next');
  });

  test('speaks HTTPS at its admin port, health too', async () => {
    const { admin } = await placesOf(server);
    const port = Number(admin[1]?.split(':')[1]);
    for (const path of ['/readyz', '/api/status']) {
      const options = { host: '127.0.0.1', port, path, ca, servername: 'localhost', agent: false };
      const status = await new Promise((resolve, reject) => {
        get(options, (response) => {
          response.resume();
          resolve(response.statusCode);
        }).on('error', reject);
      });
      assert.equal(status, 200, path);
    }
  });

  test('does not care for a worker that is killed in the middle of handshakes', async () => {
    const begun = await Promise.all(Array.from({ length: 20 }, () => Wire.open(server.port)));
    for (const wire of begun) wire.send(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]));
    const established = await Promise.all(Array.from({ length: 4 }, () => open()));
    for (const wire of established) assert.equal(await wire.ask(askFolder), folder);
    const [pid = assert.fail('a worker')] = childrenOf(server.pid);
    signalTo(pid, 'SIGKILL');
    await server.line(
      ({ msg, ...rest }) => msg === 'a worker died; forking a new one' && rest['pid'] === pid,
    );
    const wire = await open();
    assert.equal(await wire.ask(askFolder), folder);
    wire.close();
    for (const each of [...begun, ...established]) each.close();
  });
});

test('a server that demands certificates serves clients that show one, tells the others why not, and drains', async (t) => {
  const server = await startServer(
    t,
    ...['--cluster.workers', '1', '--limits.max_peers', '2', ...keys(own)],
    ...['--limits.write_timeout_ms', '1500'],
    ...['--server.tls.client_ca_path', authority.ca, '--server.tls.require_client_certificate', 'true'],
  );
  const place = { host: '127.0.0.1', port: server.port };
  const tls = { ca: ca.toString(), servername: 'localhost' };
  const shown = { cert: readFileSync(client.cert, 'utf8'), key: readFileSync(client.key, 'utf8') };
  const known = await PearClient.connect({ ...place, tls: { ...tls, ...shown } });
  assert.equal((await known.classify(['normal-01.jpg']))[0]?.result, 1);
  const unknown = await PearClient.connect({ ...place, tls });
  await assert.rejects(unknown.request(0x32), /serves only clients with a certificate/);
  unknown.destroy();

  // Who does not read its replies is slowed, and dropped in the end.
  const slow = await Wire.openTls(server.port, { ca, ...shown });
  slow.socket.pause();
  const asked = Buffer.from(request(0x32, null, { request_id: 'x'.repeat(128) }).repeat(100));
  await offer(slow, asked, 100_000_000);
  await server.line(({ msg }) => msg.startsWith('the peer does not read its replies'));
  await server.line(({ msg, ...rest }) => msg === 'disconnected' && rest['reason'] === 'slow reader');
  slow.close();

  // Who is refused gives his place back; who comes while none is left hears so in the words of TLS.
  const second = await PearClient.connect({ ...place, tls: { ...tls, ...shown } });
  await second.request(0x32);
  await assert.rejects(PearClient.connect({ ...place, tls }), { code: /ALERT_INTERNAL_ERROR/ });
  await known.close();

  // At a stop what was asked for is answered; who has not shaken hands is closed.
  const handshake = await Wire.open(server.port);
  handshake.send(Buffer.from([0x16, 0x03, 0x01]));
  const answers = second.classify(Array.from({ length: 6 }, () => 'normal-01.jpg'));
  const stopped = server.stop();
  assert.ok((await answers).every(({ result }) => result === 1));
  await handshake.closed();
  assert.equal(await stopped, 0);
  handshake.close();
  await second.close();
});

test('a server whose certificate cannot be used does not start, and names key, file and cure', async () => {
  const { files } = await certificateFolder(authority, { cert: own.cert, key: next.key });
  const { exitCode, errors } = await runServer(...keys(files));
  assert.equal(exitCode, 1);
  assert.match(
    errors,
    /^cannot start: server\.tls\.key_path: .*tls\.key is not the private key .*; name the two/,
  );
});
