// Downloads over https from a real host with certificates of a test's own authority.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { errorCodes } from '#src/errors.js';
import { createAuthority, type Authority } from '../support/certificates.js';
import { file, makeWorkplace, redirect, startHost } from './model-host.js';

const loopback = ['127.0.0.0/8', '::1'];
/** Nobody has it: the resolver of these tests says where it leads. */
const name = 'models.example.org';
const untrusted = {
  code: errorCodes.resourceNotFound,
  message: /^the certificate of the host is not one that is trusted for its name/,
};

describe('A download over https', () => {
  let authority: Authority;
  let ca: string;
  before(async () => {
    authority = await createAuthority();
    ca = readFileSync(authority.ca, 'utf8');
  });
  after(() => authority.dispose());

  it('comes from a name whose certificate is right and whose address is listed', async (t) => {
    const host = await startHost(
      t,
      { '/pear.onnx': file('model') },
      await authority.issue('a', ['DNS:localhost']),
    );
    const listed = [`localhost:${host.port}`, ...loopback];
    const { download, folder, left } = await makeWorkplace(t, listed, { ca });
    await download(`https://LOCALHOST.:${host.port}/pear.onnx`);
    assert.equal(await readFile(join(folder, 'pear.onnx'), 'utf8'), 'model');
    assert.deepEqual(await left(), ['pear.onnx']);
  });

  it('comes from an address that its certificate names', async (t) => {
    const host = await startHost(
      t,
      { '/pear.onnx': file('model') },
      await authority.issue('b', ['IP:127.0.0.1']),
    );
    const { download, left } = await makeWorkplace(t, [`127.0.0.1:${host.port}`], { ca });
    await download(`https://127.0.0.1:${host.port}/pear.onnx`);
    assert.deepEqual(await left(), ['pear.onnx']);
  });

  it('asks for the name once and connects to what was answered then, whatever it leads to a moment later', async (t) => {
    const host = await startHost(
      t,
      { '/pear.onnx': file('model') },
      await authority.issue('c', [`DNS:${name}`]),
    );
    const asked: string[] = [];
    const { download, left } = await makeWorkplace(t, [`${name}:${host.port}`, ...loopback], {
      ca,
      resolve: (wanted) => {
        asked.push(wanted);
        return Promise.resolve([{ address: asked.length === 1 ? '127.0.0.1' : '127.0.0.9', family: 4 }]);
      },
    });
    await download(`https://${name}:${host.port}/pear.onnx`);
    assert.deepEqual([asked, await left()], [[name], ['pear.onnx']]);
    assert.match(host.requests[0] ?? '', new RegExp(`\\r\\nhost: ${name}:${host.port}\\r\\n`, 'i'));
  });

  it('fails where an authority that is not trusted has issued the certificate', async (t) => {
    const host = await startHost(
      t,
      { '/pear.onnx': file('model') },
      await authority.issue('d', ['DNS:localhost']),
    );
    const other = await createAuthority();
    t.after(() => other.dispose());
    for (const trusted of [undefined, readFileSync(other.ca, 'utf8')]) {
      const listed = [`localhost:${host.port}`, ...loopback];
      const { download, left } = await makeWorkplace(t, listed, { ca: trusted });
      await assert.rejects(download(`https://localhost:${host.port}/pear.onnx`), untrusted);
      assert.deepEqual([await left(), host.requests], [[], []]);
    }
  });

  it('fails where the certificate is for another name, or no longer valid', async (t) => {
    for (const certificate of [
      await authority.issue('e', ['DNS:other.example.org']),
      await authority.issue('f', ['DNS:localhost'], -1),
    ]) {
      const host = await startHost(t, { '/pear.onnx': file('model') }, certificate);
      const { download, left } = await makeWorkplace(t, [`localhost:${host.port}`, ...loopback], { ca });
      await assert.rejects(download(`https://localhost:${host.port}/pear.onnx`), untrusted);
      assert.deepEqual([await left(), host.requests], [[], []]);
    }
  });

  it('is not weakened by a variable that switches the check of certificates off', async (t) => {
    const host = await startHost(
      t,
      { '/pear.onnx': file('model') },
      await authority.issue('g', ['DNS:localhost']),
    );
    process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
    t.after(() => delete process.env['NODE_TLS_REJECT_UNAUTHORIZED']);
    const { download } = await makeWorkplace(t, [`localhost:${host.port}`, ...loopback]);
    await assert.rejects(download(`https://localhost:${host.port}/pear.onnx`), untrusted);
  });

  it('fails where the host speaks no TLS', async (t) => {
    const host = await startHost(t, {});
    const { download } = await makeWorkplace(t, [`127.0.0.1:${host.port}`], { ca, timeoutMs: 500 });
    await assert.rejects(download(`https://127.0.0.1:${host.port}/pear.onnx`), { code: errorCodes.timeout });
  });

  it('is not led down to http, where that is listed, too', async (t) => {
    const plain = await startHost(t, { '/pear.onnx': file('model') });
    const host = await startHost(
      t,
      { '/pear.onnx': redirect(`${plain.origin}/pear.onnx`) },
      await authority.issue('h', ['IP:127.0.0.1']),
    );
    const { download, left } = await makeWorkplace(t, [plain.origin, `127.0.0.1:${host.port}`], { ca });
    await assert.rejects(download(`${host.origin}/pear.onnx`), {
      code: errorCodes.notPermitted,
      message: 'the host redirects from https to what is not',
    });
    assert.deepEqual([await left(), plain.requests], [[], []]);
  });
});
