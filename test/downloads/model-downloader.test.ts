import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { mkdir, readFile, readdir, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { placeFile } from '#src/downloads/place-file.js';
import { BusyError, InvalidMessageError, NotPermittedError, ResourceNotFoundError } from '#src/errors.js';
import { file, makeWorkplace, redirect, startHost } from './model-host.js';

const model = Buffer.from('a model of pears '.repeat(10_000));
const sha256 = createHash('sha256').update(model).digest('hex');
const scripts = { '/pear.onnx': file(model) };

describe('A download', () => {
  it('proves the file while it is hidden and private, then puts it in place, and leaves nothing else', async (t) => {
    const host = await startHost(t, scripts);
    const seen: unknown[] = [];
    const { download, folder, left } = await makeWorkplace(t, [host.origin], {
      prove: async (path) => {
        seen.push(dirname(dirname(path)), await readFile(path, 'utf8'));
        seen.push((await stat(path)).mode & 0o777, (await stat(dirname(path))).mode & 0o777);
        seen.push((await readdir(folder)).every((name) => name.startsWith('.download-')));
      },
    });
    await download(`${host.origin}/pear.onnx`, { sha256: sha256.toUpperCase() });
    assert.deepEqual(seen, [folder, model.toString(), 0o600, 0o700, true]);
    assert.deepEqual(await left(), ['pear.onnx']);
    assert.deepEqual(await readFile(join(folder, 'pear.onnx')), model);
  });

  it('takes a file in chunks, and one that ends with the connection where its hash is given', async (t) => {
    const host = await startHost(t, {
      '/a': 'HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nmodel\r\n0\r\n\r\n',
      '/b': Buffer.concat([Buffer.from('HTTP/1.1 200 OK\r\n\r\n'), model]),
    });
    const { download, left } = await makeWorkplace(t, [host.origin]);
    await download(`${host.origin}/a`, { name: 'a.onnx' });
    await download(`${host.origin}/b`, { name: 'b.onnx', sha256 });
    assert.deepEqual((await left()).toSorted(), ['a.onnx', 'b.onnx']);
  });

  it('follows redirects to listed hosts, relative ones too', async (t) => {
    const second = await startHost(t, { '/x/pear.onnx?key=1': file(model) });
    const first = await startHost(t, {
      '/a/b?c': redirect('../d', '301 Moved'),
      '/d': redirect('?e=1', '303 See Other'),
      '/d?e=1': redirect(`//127.0.0.1:${second.port}/x/pear.onnx?key=1`),
    });
    const { download, left } = await makeWorkplace(t, [first.origin, second.origin]);
    await download(`${first.origin}/a/b?c#d`);
    assert.deepEqual(await left(), ['pear.onnx']);
    assert.equal(first.requests.length, 3);
  });

  it('asks for the bytes as they are, on a connection of its own', async (t) => {
    const host = await startHost(t, scripts);
    const { download } = await makeWorkplace(t, [host.origin]);
    process.env['http_proxy'] = 'http://127.0.0.1:1';
    t.after(() => delete process.env['http_proxy']);
    await download(`${host.origin}/pear.onnx`);
    const [head = ''] = host.requests;
    assert.match(head, /^GET \/pear\.onnx HTTP\/1\.1\r\n/);
    assert.match(head, /\r\naccept-encoding: identity\r\n/i);
    assert.match(head, /\r\nconnection: close\r\n/i);
    assert.doesNotMatch(head, /cookie|authorization|referer/i);
  });

  it('replaces a model whose name the folder has in another form of Unicode, with its own sidecar', async (t) => {
    const [composed, onDisk] = ['배.onnx', '배.onnx'.normalize('NFD')];
    const host = await startHost(t, scripts);
    const sidecars: string[] = [];
    const { download, folder, left } = await makeWorkplace(t, [host.origin], {
      prove: async (path) => {
        sidecars.push(await readFile(path.replace('.onnx', '.yaml'), 'utf8'));
      },
      place: async (temporaryPath, name) => {
        assert.equal(name, onDisk, 'whether it serves is asked of the file that is there');
        await placeFile(temporaryPath, name);
      },
    });
    await writeFile(join(folder, onDisk.replace('.onnx', '.yaml')), 'task: detect\n');
    await writeFile(join(folder, onDisk), 'the old one');
    await download(`${host.origin}/pear.onnx`, { name: composed });
    assert.deepEqual(sidecars, ['task: detect\n']);
    assert.deepEqual((await left()).toSorted(), [onDisk, onDisk.replace('.onnx', '.yaml')].toSorted());
    assert.deepEqual(await readFile(join(folder, onDisk)), model);
  });

  it('replaces the model of that name, and is proved with the sidecar that is there', async (t) => {
    const host = await startHost(t, scripts);
    const sidecars: string[] = [];
    const { download, folder, left } = await makeWorkplace(t, [host.origin], {
      prove: async (path) => {
        sidecars.push(await readFile(path.replace('.onnx', '.yaml'), 'utf8'));
      },
    });
    await writeFile(join(folder, 'pear.yaml'), 'task: detect\n');
    await writeFile(join(folder, 'pear.onnx'), 'the old one');
    await download(`${host.origin}/pear.onnx`);
    assert.deepEqual(sidecars, ['task: detect\n']);
    assert.deepEqual(await readFile(join(folder, 'pear.onnx')), model);
    assert.deepEqual((await left()).toSorted(), ['pear.onnx', 'pear.yaml']);
  });

  it('that is named like weights of PyTorch is placed as the ONNX model of that stem', async (t) => {
    const host = await startHost(t, scripts);
    const { download, left } = await makeWorkplace(t, [host.origin]);
    await download(`${host.origin}/pear.onnx`, { name: 'best.pt' });
    assert.deepEqual(await left(), ['best.onnx']);
  });

  it('that the proof refuses leaves the model of that name as it was', async (t) => {
    const host = await startHost(t, scripts);
    const { download, folder, left, logged } = await makeWorkplace(t, [host.origin], {
      prove: () => Promise.reject(new Error('/secret/path: no ONNX')),
    });
    await writeFile(join(folder, 'pear.onnx'), 'the old one');
    await assert.rejects(download(`${host.origin}/pear.onnx`), {
      name: 'ResourceNotFoundError',
      message: 'the file is no model that can serve',
    });
    assert.equal(await readFile(join(folder, 'pear.onnx'), 'utf8'), 'the old one');
    assert.deepEqual(await left(), ['pear.onnx']);
    assert.match(logged.at(-1) ?? '', /\/secret\/path: no ONNX/);
  });

  it('gives up a proof when it is ended meanwhile, and tells it so', async (t) => {
    const host = await startHost(t, scripts);
    let isProving = () => {};
    const proving = new Promise<void>((resolve) => (isProving = resolve));
    let gaveUp = false;
    const { download, downloader, left } = await makeWorkplace(t, [host.origin], {
      prove: (_, signal) => {
        signal.addEventListener('abort', () => (gaveUp = true));
        isProving();
        return new Promise(() => {});
      },
    });
    const ended = assert.rejects(download(`${host.origin}/pear.onnx`), BusyError);
    await proving;
    await downloader.close();
    await ended;
    assert.deepEqual([await left(), gaveUp], [[], true]);
  });

  it('that cannot be placed leaves nothing, and tells whose words a client may read', async (t) => {
    const host = await startHost(t, scripts);
    for (const [error, message] of [
      [new Error('/secret/path'), 'the model could not be put in the model folder'],
      [new ResourceNotFoundError('the model is in use'), 'the model is in use'],
    ] as const) {
      const { download, left } = await makeWorkplace(t, [host.origin], {
        place: () => Promise.reject(error),
      });
      await assert.rejects(download(`${host.origin}/pear.onnx`), { name: 'ResourceNotFoundError', message });
      assert.deepEqual(await left(), []);
    }
    const { download, folder, left } = await makeWorkplace(t, [host.origin]);
    await mkdir(join(folder, 'pear.onnx', 'a'), { recursive: true });
    await assert.rejects(download(`${host.origin}/pear.onnx`), ResourceNotFoundError);
    assert.deepEqual(await left(), ['pear.onnx']);
  });

  it('is waited for once it is being placed, however long that takes', async (t) => {
    const host = await startHost(t, scripts);
    let isPlacing = () => {};
    const placing = new Promise<void>((resolve) => (isPlacing = resolve));
    let goOn = () => {};
    const held = new Promise<void>((resolve) => (goOn = resolve));
    const { download, downloader, left } = await makeWorkplace(t, [host.origin], {
      place: async (path, name) => {
        isPlacing();
        await held;
        await placeFile(path, name);
      },
    });
    const downloaded = download(`${host.origin}/pear.onnx`);
    await placing;
    const closed = downloader.close();
    goOn();
    await Promise.all([downloaded, closed]);
    assert.deepEqual(await left(), ['pear.onnx']);
  });

  it('takes no sidecar from a pipe, which would hold it up for ever', async (t) => {
    const host = await startHost(t, scripts);
    const { download, folder, left } = await makeWorkplace(t, [host.origin]);
    execFileSync('mkfifo', [join(folder, 'pear.yaml')]);
    await assert.rejects(download(`${host.origin}/pear.onnx`), {
      name: 'ResourceNotFoundError',
      message: 'the file that describes the model cannot be read',
    });
    assert.deepEqual(await left(), ['pear.yaml']);
  });

  it('of what is no URL, no name of a model or no hash is refused as malformed', async (t) => {
    const { download, left } = await makeWorkplace(t, ['models.example.org']);
    const url = 'https://models.example.org/pear.onnx';
    await assert.rejects(download('pear.onnx'), InvalidMessageError);
    for (const sha of ['', 'a'.repeat(63), 'g'.repeat(64)]) {
      await assert.rejects(download(url, { sha256: sha }), InvalidMessageError);
    }
    for (const name of [
      '../a.onnx',
      'a/b.onnx',
      'a\\b.onnx',
      'a\0.onnx',
      '.a.onnx',
      'a.txt',
      '',
      '.onnx',
      '.pt',
      'a.ptx',
    ]) {
      await assert.rejects(download(url, { name }), InvalidMessageError, name);
    }
    assert.deepEqual(await left(), []);
  });

  it('is off as long as no host is listed', async (t) => {
    const { download } = await makeWorkplace(t, []);
    await assert.rejects(download('https://models.example.org/pear.onnx'), NotPermittedError);
  });
});
