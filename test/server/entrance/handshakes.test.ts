// TLS handshakes with real clients: who is let in, who is not, what the log says of it, and that nobody holds up others.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { after, afterEach, before, describe, it } from 'node:test';
import { TLSSocket, type SecureVersion } from 'node:tls';
import { pino } from 'pino';
import { z } from 'zod';
import { Handshakes } from '#src/server/entrance/handshakes.js';
import { CertificateWatch } from '#src/server/tls/certificate-watch.js';
import { clientCertificateOf } from '#src/server/tls/client-certificate.js';
import { withSharedReads } from '#src/socket-reads.js';
import {
  createAuthority,
  type Authority,
  type CertificateFiles as Issued,
} from '../../support/certificates.js';
import { eventually } from '../../support/deadline.js';
import { refused } from '../../support/replies.js';
import { Wire } from '../../support/wire.js';
import { named } from '../tls/files.js';

const pem = ({ cert, key }: Issued) => ({ cert: readFileSync(cert), key: readFileSync(key) });

describe('a TLS handshake', () => {
  let authority: Authority;
  let stranger: Authority;
  let own: Issued;
  let ca: Buffer;
  before(async () => {
    [authority, stranger] = await Promise.all([createAuthority(), createAuthority()]);
    own = await authority.issue('server', ['DNS:localhost']);
    ca = readFileSync(authority.ca);
  });
  after(() => Promise.all([authority.dispose(), stranger.dispose()]));

  const endings: (() => void)[] = [];
  afterEach(() => {
    for (const end of endings.splice(0)) end();
  });

  interface Wishes {
    readonly clientCa?: string;
    readonly requires?: boolean;
    readonly timeoutMs?: number;
    readonly minVersion?: SecureVersion;
  }

  /** Sends back what comes, but for those who are not let in. */
  async function start({ clientCa, requires = false, timeoutMs = 60_000, minVersion = 'TLSv1.2' }: Wishes) {
    const lines: Record<string, unknown>[] = [];
    const log = pino(
      { level: 'warn', base: {} },
      { write: (line: string) => lines.push(z.record(z.string(), z.unknown()).parse(JSON.parse(line))) },
    );
    const certificates = new CertificateWatch(named(own, clientCa ?? null), { log, tells: false });
    const handshakes = new Handshakes({
      ...{ certificates, minVersion, timeoutMs, requiresCertificate: requires, replyTerminator: '\n', log },
    });
    const secured: (TLSSocket | null)[] = [];
    const listener: Server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (raw) => {
      const socket = withSharedReads(raw);
      socket.on('error', () => undefined);
      void handshakes.secure(socket, '192.0.2.7').then((done) => {
        secured.push(done);
        done?.pipe(done);
      });
    }).listen(0, '127.0.0.1');
    await once(listener, 'listening');
    endings.push(() => {
      certificates.close();
      handshakes.close();
      listener.close();
      for (const each of secured) each?.destroy();
    });
    const address = listener.address();
    assert.ok(address !== null && typeof address !== 'string');
    const { port } = address;
    return {
      ...{ port, lines, handshakes, secured },
      open: async (options: Parameters<typeof Wire.openTls>[1] = {}) => {
        const wire = await Wire.openTls(port, { ca, ...options });
        endings.push(() => {
          wire.close();
        });
        return wire;
      },
      plain: async () => {
        const wire = await Wire.open(port);
        endings.push(() => {
          wire.close();
        });
        return wire;
      },
      failure: () =>
        eventually(
          'the log tells of it',
          () => lines.find(({ msg }) => msg === 'TLS handshakes failed') ?? null,
        ),
    };
  }

  it('lets in who speaks TLS, with both directions closed each for itself', async () => {
    const { open, secured } = await start({});
    const wire = await open();
    wire.send('hello\n');
    assert.equal(await wire.reply(), 'hello');
    const [socket] = secured;
    assert.ok(socket instanceof TLSSocket);
    assert.equal(socket.allowHalfOpen, true);
    assert.equal(clientCertificateOf(socket), null);
    wire.send('last\n');
    wire.finish();
    assert.equal(await wire.reply(), 'last');
    await wire.closed();
  });

  it('gives a client that shows a certificate its name', async () => {
    const { open, secured, lines } = await start({ clientCa: authority.ca });
    const client = await authority.issue('camera-1', ['DNS:camera']);
    const wire = await open(pem(client));
    assert.equal(await wire.ask('x\n'), 'x');
    const [socket] = secured;
    assert.ok(socket instanceof TLSSocket);
    const certificate = clientCertificateOf(socket);
    assert.equal(certificate?.name, 'camera-1');
    assert.match(certificate.fingerprint, /^[0-9a-f]{64}$/);
    const shown = wire.socket.getX509Certificate()?.fingerprint256;
    assert.equal(certificate.fingerprint, shown?.replaceAll(':', '').toLowerCase());
    assert.deepEqual(lines, []);
  });

  describe('with a certificate that does not count', () => {
    const cases: readonly (readonly [string, () => Promise<Issued>, RegExp])[] = [
      ['of a foreign authority', () => stranger.issue('foreign', ['DNS:c']), /UNABLE_TO|SELF_SIGNED/],
      ['that has expired', () => authority.issue('old', ['DNS:c'], -1), /CERT_HAS_EXPIRED/],
    ];
    for (const [what, issue, reason] of cases) {
      it(`${what} is as good as with none, and logged`, async () => {
        const { open, secured, lines } = await start({ clientCa: authority.ca });
        const wire = await open(pem(await issue()));
        assert.equal(await wire.ask('x\n'), 'x');
        const [socket] = secured;
        assert.ok(socket instanceof TLSSocket);
        assert.equal(clientCertificateOf(socket), null);
        assert.equal(lines[0]?.['msg'], 'certificates of clients do not count');
        assert.match(String(lines[0]['reason']), reason);
      });

      it(`${what} is refused where one is required`, async () => {
        const { open, secured, failure } = await start({ clientCa: authority.ca, requires: true });
        const wire = await open(pem(await issue()));
        assert.match(
          await wire.reply(),
          /"error_code": 5, "message": "this server serves only clients with a/,
        );
        await wire.closed();
        assert.deepEqual(secured, [null]);
        const { reason: told, address } = await failure();
        assert.match(String(told), /^the certificate of the client does not count \(/);
        assert.match(String(told), reason);
        assert.equal(address, '192.0.2.7');
      });
    }

    it('is told apart from none at all', async () => {
      const { open, failure } = await start({ clientCa: authority.ca, requires: true });
      const wire = await open();
      assert.equal(
        await wire.reply(),
        refused(
          5,
          'this server serves only clients with a certificate from an authority that it trusts, and valid now',
        ),
      );
      assert.equal((await failure())['reason'], 'the client shows no certificate');
    });
  });

  it('fails with who does not speak TLS, who is closed', async () => {
    for (const [text, reason] of [
      ['{"cmd": 0x22, "request_data": null}', /does not speak TLS/],
      ['GET / HTTP/1.1\r\n\r\n', /does not speak TLS/],
      ['\x16\x03\x01\x00\x05hello and more', /./],
    ] as const) {
      const { plain, failure, secured } = await start({});
      const wire = await plain();
      wire.send(Buffer.from(text, 'latin1'));
      await wire.closed();
      assert.deepEqual(secured, [null]);
      assert.match(String((await failure())['reason']), reason);
    }
  });

  it('fails with versions of TLS that are too old', async () => {
    const { open, failure } = await start({});
    const old = { maxVersion: 'TLSv1.1', minVersion: 'TLSv1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;
    await assert.rejects(open(old));
    assert.match(String((await failure())['reason']), /too old \(server\.tls\.min_version\)/);
    const strict = await start({ minVersion: 'TLSv1.3' });
    await assert.rejects(strict.open({ maxVersion: 'TLSv1.2' }));
    const wire = await strict.open();
    assert.equal(wire.socket.getProtocol(), 'TLSv1.3');
  });

  it('fails with a client that does not trust the server, which the log tells', async () => {
    const { port, failure } = await start({});
    await assert.rejects(Wire.openTls(port, { ca: readFileSync(stranger.ca) }));
    assert.match(String((await failure())['reason']), /the client (does not know the authority|went)/);
  });

  it('is given up where it takes too long, also where bytes drip', async () => {
    const { plain, failure, secured } = await start({ timeoutMs: 300 });
    const wire = await plain();
    const drip = setInterval(() => {
      wire.send('\x16');
    }, 50);
    wire.send(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]));
    await wire.closed();
    clearInterval(drip);
    assert.deepEqual(secured, [null]);
    assert.equal((await failure())['reason'], 'it took longer than 300 ms');
  });

  it('says nothing of who only looks whether somebody listens', async () => {
    const { plain, secured, lines } = await start({});
    const wire = await plain();
    wire.finish();
    await wire.closed();
    await eventually('it is over', () => (secured.length === 1 ? true : null));
    const other = await plain();
    other.close();
    await eventually('it is over', () => (secured.length === 2 ? true : null));
    assert.deepEqual([secured, lines], [[null, null], []]);
  });

  it('that has begun is closed at a stop, and so is one that comes then', async () => {
    const { plain, handshakes, secured } = await start({});
    const begun = await plain();
    begun.send(Buffer.from([0x16, 0x03, 0x01]));
    await eventually('it is under way', () => (begun.socket.bytesWritten === 3 ? true : null));
    handshakes.close();
    await begun.closed();
    const late = await plain();
    await late.closed();
    await eventually('both are over', () => (secured.length === 2 ? true : null));
    assert.deepEqual(secured, [null, null]);
  });

  it('gives no session to be resumed, and takes none', async () => {
    for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
      const { open } = await start({});
      const first = await open({ maxVersion });
      assert.equal(await first.ask('x\n'), 'x');
      const session = first.socket.getSession();
      const second = await open({ maxVersion, session });
      assert.equal(await second.ask('y\n'), 'y');
      assert.equal(second.socket.isSessionReused(), false);
    }
  });

  it('cannot be begun anew by a client', async () => {
    const { open } = await start({});
    const wire = await open({ maxVersion: 'TLSv1.2' });
    assert.equal(await wire.ask('x\n'), 'x');
    const outcome = await new Promise<string>((resolve) => {
      wire.socket.on('error', (error) => {
        resolve(error.message);
      });
      wire.socket.on('close', () => {
        resolve('closed');
      });
      const begun = wire.socket.renegotiate({}, (error) => {
        resolve(error === null ? 'renegotiated' : error.message);
      });
      if (begun === false) resolve('refused');
    });
    assert.notEqual(outcome, 'renegotiated');
  });
});
