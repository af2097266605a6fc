// Downloads beside each other, and what is told of them.
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { BusyError, DeadlineError, NotPermittedError } from '#src/errors.js';
import { eventually } from '../support/deadline.js';
import { holdFolders } from '../support/held-disk.js';
import { file, Held, makeWorkplace, startHost } from './model-host.js';

const model = Buffer.from('a model of pears '.repeat(10_000));
const sha256 = createHash('sha256').update(model).digest('hex');
const scripts = { '/pear.onnx': file(model) };

describe('Of several downloads', () => {
  it('the second of one name is refused while the first goes on', async (t) => {
    const held = new Held();
    const host = await startHost(t, { '/held': held.script, ...scripts });
    const { download, left } = await makeWorkplace(t, [host.origin]);
    const name = '\u{1112}\u{1161}.onnx';
    const first = download(`${host.origin}/held`, { name });
    await assert.rejects(download(`${host.origin}/pear.onnx`, { name: name.normalize('NFC') }), {
      name: 'BusyError',
      message: `${name.normalize('NFC')} is being downloaded already; wait until that has ended`,
    });
    await held.asked;
    held.answer(file(model));
    await first;
    assert.deepEqual(await left(), [name.normalize('NFC')]);
    await download(`${host.origin}/pear.onnx`, { name });
  });

  it('two run at once, and a third is refused', async (t) => {
    const [one, two] = [new Held(), new Held()];
    const host = await startHost(t, { '/1': one.script, '/2': two.script, ...scripts });
    const { download, left } = await makeWorkplace(t, [host.origin]);
    const running = [1, 2].map((number) => download(`${host.origin}/${number}`, { name: `${number}.onnx` }));
    await Promise.all([one.asked, two.asked]);
    await assert.rejects(download(`${host.origin}/pear.onnx`), BusyError);
    for (const held of [two, one]) held.answer(file(model));
    await Promise.all(running);
    await download(`${host.origin}/pear.onnx`);
    assert.deepEqual((await left()).toSorted(), ['1.onnx', '2.onnx', 'pear.onnx']);
  });

  it('those that run end when the server stops, and nothing of them is left', async (t) => {
    const reached = new Held();
    const host = await startHost(t, {
      '/1': (socket) => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nmodel'),
      '/2': reached.script,
    });
    const { download, downloader, left } = await makeWorkplace(t, [host.origin]);
    const running = [1, 2].map((number) => download(`${host.origin}/${number}`, { name: `${number}.onnx` }));
    const ended = Promise.allSettled(running);
    await reached.asked;
    await downloader.close();
    assert.deepEqual(await left(), []);
    for (const result of await ended) {
      assert.ok(result.status === 'rejected' && result.reason instanceof BusyError);
    }
    await assert.rejects(download(`${host.origin}/1`), { message: 'the server is stopping' });
  });
});

describe('A download whose disk hangs', () => {
  it('is answered in time, and none of its name is begun before it has ended', async (t) => {
    const host = await startHost(t, scripts);
    const { download, downloader, left, logged } = await makeWorkplace(t, [host.origin], {
      timeoutMs: 2_000,
    });
    const release = holdFolders(t);
    await assert.rejects(download(`${host.origin}/pear.onnx`), { name: 'DeadlineError' });
    assert.deepEqual(
      downloader.progress().map(({ state }) => state),
      ['failed'],
    );
    await assert.rejects(download(`${host.origin}/pear.onnx`), {
      name: 'BusyError',
      message: /disk .* hangs/,
    });
    assert.ok(logged.some((line) => line.includes('hangs in a download that is given up')));
    release();
    await eventually('it has ended', async () => ((await left()).length === 0 ? true : null));
    await eventually('the next one', () =>
      download(`${host.origin}/pear.onnx`).then(
        () => true,
        () => null,
      ),
    );
    assert.deepEqual(await left(), ['pear.onnx']);
  });

  it('keeps the others from being begun where two do, and holds up no end of the server', async (t) => {
    const host = await startHost(t, scripts);
    const { download, downloader } = await makeWorkplace(t, [host.origin], { timeoutMs: 2_000 });
    holdFolders(t);
    const names = ['a.onnx', 'b.onnx'];
    await Promise.all(
      names.map((name) => assert.rejects(download(`${host.origin}/pear.onnx`, { name }), DeadlineError)),
    );
    await assert.rejects(download(`${host.origin}/pear.onnx`), { name: 'BusyError', message: /hangs/ });
    await downloader.close();
  });
});

describe('What is told of downloads', () => {
  it('is in the log from beginning to end, without what the URL keeps secret', async (t) => {
    const host = await startHost(t, { '/pear.onnx?key=hunter2': file(model) });
    const { download, logged } = await makeWorkplace(t, [host.origin]);
    await download(`${host.origin}/pear.onnx?key=hunter2`);
    const user = host.origin.replace('//', '//u:hunter3@');
    await assert.rejects(download(`${user}/pear.onnx`), NotPermittedError);
    assert.doesNotMatch(logged.join(), /hunter/);
    const [begin = '', end = ''] = logged;
    assert.match(
      begin,
      new RegExp(`"download":"pear.onnx","url":"${host.origin}/pear.onnx","msg":"a download begins"`),
    );
    assert.match(
      end,
      new RegExp(
        `"bytes":${model.length},"seconds":[0-9.]+,"sha256":"${sha256}","msg":"a model was downloaded"`,
      ),
    );
  });

  it('has those that run and the last twenty that ended, latest first', async (t) => {
    const held = new Held();
    const host = await startHost(t, { '/held?key=1': held.script, ...scripts });
    const { download, downloader } = await makeWorkplace(t, [host.origin]);
    const running = download(`${host.origin}/held?key=1`, { name: 'held.onnx' });
    await download(`${host.origin}/pear.onnx`);
    for (let count = 0; count < 20; count++) {
      await assert.rejects(download(`${host.origin}/none`, { name: `${count}.onnx` }));
    }
    const [first, ...finished] = downloader.progress();
    assert.deepEqual(
      { ...first, started_at: 0 },
      {
        url: `${host.origin}/held`,
        name: 'held.onnx',
        state: 'connecting',
        bytes: 0,
        total: null,
        sha256: null,
        started_at: 0,
        finished_at: null,
        error: null,
      },
    );
    assert.deepEqual(
      finished.map(({ name }) => name),
      Array.from({ length: 20 }, (_, index) => `${19 - index}.onnx`),
    );
    assert.deepEqual(
      [finished[0]?.state, finished[0]?.error],
      ['failed', 'the host answers with status 404'],
    );
    await held.asked;
    held.answer(file(model));
    await running;
    const [latest] = downloader.progress();
    assert.deepEqual(
      [latest?.name, latest?.state, latest?.bytes, latest?.total, latest?.sha256],
      ['held.onnx', 'done', model.length, model.length, sha256],
    );
    assert.ok((latest?.finished_at ?? 0) >= (latest?.started_at ?? 1));
  });
});
