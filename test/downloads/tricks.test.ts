// Whatever a host does, the request fails in time, with its code, and the model folder is as before.
import assert from 'node:assert/strict';
import { describe, it, type TestContext } from 'node:test';
import { errorCodes, WireError } from '#src/errors.js';
import { file, hurryIn, makeWorkplace, startHost } from './model-host.js';
import { path, tricks, type Trick } from './tricks.js';

const { resourceNotFound, timeout, notPermitted } = errorCodes;
const megabyte = Buffer.alloc(1024 * 1024);

describe('A download fails in time, with its code, and leaves nothing behind, from a host that', () => {
  for (const trick of tricks) it(trick.what, (t) => fails(t, trick));

  it('sends other bytes than those of the hash that was given', async (t) => {
    const host = await startHost(t, { [path]: file(megabyte) });
    const { download, left, logged, proved } = await makeWorkplace(t, [host.origin]);
    await assert.rejects(download(host.origin + path, { sha256: 'a'.repeat(64) }), {
      message: 'the file does not have the SHA-256 that was given',
      code: resourceNotFound,
    });
    assert.deepEqual([await left(), proved], [[], []]);
    assert.match(
      logged.at(-1) ?? '',
      /it has 30e14955ebf1352266dc2ff8067e68104607e750abb9d3b36582b8af909fcb58/,
    );
  });

  it('does not listen', async (t) => {
    const { download, left } = await makeWorkplace(t, ['http://127.0.0.1:1']);
    await assert.rejects(download('http://127.0.0.1:1/pear.onnx'), {
      message: 'the host takes no connection',
      code: resourceNotFound,
    });
    assert.deepEqual(await left(), []);
  });

  it('has a name that nobody answers for in time', async (t) => {
    const { download, left } = await makeWorkplace(t, ['models.example.org'], {
      patience: hurryIn('connectTimeoutMs'),
      resolve: () => new Promise(() => {}),
    });
    await assert.rejects(download('https://models.example.org/pear.onnx'), {
      message: 'the host took too long to be connected to',
      code: timeout,
    });
    assert.deepEqual(await left(), []);
  });

  it('has a name that leads to this machine', async (t) => {
    const { download, left, logged } = await makeWorkplace(t, ['localhost:8443']);
    await assert.rejects(download(`https://localhost:8443${path}`), { code: notPermitted });
    assert.match(logged.at(-1) ?? '', /localhost is (127\.0\.0\.1|::1)/);
    assert.deepEqual(await left(), []);
  });
});

async function fails(t: TestContext, { scripts, code, words, reason = /./, options }: Trick): Promise<void> {
  const host = await startHost(t, scripts);
  const { download, left, logged, proved, downloader } = await makeWorkplace(t, [host.origin], options);
  await assert.rejects(download(`${host.origin}${path}`), (error) => {
    assert.ok(error instanceof WireError, String(error));
    assert.match(error.message, words);
    assert.equal(error.code, code);
    assert.doesNotMatch(error.message, /127\.0\.0\.1|\/tmp/);
    return true;
  });
  assert.deepEqual([await left(), proved], [[], []]);
  assert.match(logged.at(-1) ?? '', /"msg":"a download failed"/);
  assert.match(logged.at(-1) ?? '', reason);
  assert.equal(downloader.progress()[0]?.state, 'failed');
}
