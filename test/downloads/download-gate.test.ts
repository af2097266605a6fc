import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { DownloadGate, type Resolve } from '#src/downloads/download-gate.js';
import { BusyError, NotPermittedError, ResourceNotFoundError, describeError } from '#src/errors.js';

const leadingTo =
  (...addresses: readonly string[]): Resolve =>
  () =>
    Promise.resolve(addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })));

/** What the gate says to `url`: the addresses, or why not. */
async function say(entries: readonly string[], url: string, resolve = leadingTo('1.1.1.1')): Promise<string> {
  try {
    const { addresses } = await new DownloadGate(entries, resolve).admit(new URL(url));
    return addresses.map(({ address }) => address).join();
  } catch (error) {
    assert.ok(error instanceof NotPermittedError, String(error));
    return `no: ${error.message}`;
  }
}

describe('The gate of downloads', () => {
  it('lets nothing through as long as no host is listed', async () => {
    assert.match(await say([], 'https://models.example.org/a.onnx'), /no: downloads are off; list/);
    assert.match(await say(['10.0.0.0/8'], 'https://10.0.0.5/a.onnx'), /no: downloads are off/);
  });

  it('knows a listed host in whatever way the URL writes it', async () => {
    for (const [entry, url] of [
      ['models.example.org', 'https://models.example.org/a'],
      ['models.example.org', 'HTTPS://MODELS.example.org.:443/a'],
      ['models.example.org:8443', 'https://models.example.org:8443/a'],
      ['배.example', 'https://xn--2h3b.example/a'],
    ] as const) {
      assert.equal(await say([entry], url), '1.1.1.1', url);
    }
    for (const url of [
      'https://10.0.0.5/a',
      'https://0xa.5/a',
      'https://167772165/a',
      'https://012.0.0.5/a',
    ]) {
      assert.equal(await say(['10.0.0.5'], url), '10.0.0.5', url);
    }
    assert.equal(await say(['[::1]:8443'], 'https://[0:0::1]:8443/a'), '::1');
  });

  it('refuses every other host, port and scheme, and URLs with a user', async () => {
    const entries = ['models.example.org', 'http://127.0.0.1:8080'];
    for (const url of [
      'https://example.org/a',
      'https://x.models.example.org/a',
      'https://models.example.org.evil.example/a',
      'https://models.example.org:8443/a',
      'http://models.example.org/a',
      'http://models.example.org:443/a',
      'https://127.0.0.1:8080/a',
      'http://127.0.0.1/a',
      'http://127.0.0.2:8080/a',
      'http://[::ffff:127.0.0.1]:8080/a',
      'ftp://models.example.org/a',
      'file:///etc/passwd',
      'data:,a',
      'https://user@models.example.org/a',
      'https://:password@models.example.org/a',
    ]) {
      assert.match(await say(entries, url), /^no: /, url);
    }
  });

  it('refuses a name that leads to an address which is not public, be it one of several', async () => {
    for (const address of ['127.0.0.1', '10.0.0.5', '169.254.169.254', '::1', 'fe80::1', '::ffff:10.0.0.5']) {
      assert.match(
        await say(['models.example.org'], 'https://models.example.org/a', leadingTo('1.1.1.1', address)),
        /^no: the host has an address that is not public; list the address/,
        address,
      );
    }
  });

  it('takes such an address where it, or a network with it, is listed, too', async () => {
    const url = 'https://models.example.org/a';
    for (const entry of ['10.0.0.5', '10.0.0.0/8']) {
      const entries = ['models.example.org', entry];
      assert.equal(await say(entries, url, leadingTo('10.0.0.5')), '10.0.0.5');
      assert.equal(await say(entries, url, leadingTo('::ffff:10.0.0.5')), '::ffff:10.0.0.5');
      assert.match(await say(entries, url, leadingTo('11.0.0.5', '192.168.0.1')), /^no: /);
    }
    const withPort = ['models.example.org', '10.0.0.5:8443'];
    assert.match(await say(withPort, url, leadingTo('10.0.0.5')), /^no: /);
  });

  it('does not make a host of a network', async () => {
    assert.match(await say(['models.example.org', '10.0.0.0/8'], 'https://10.0.0.5/a'), /^no: /);
  });

  it('tells the log the address, and not the client', async () => {
    const gate = new DownloadGate(['models.example.org'], leadingTo('10.0.0.5'));
    await assert.rejects(gate.admit(new URL('https://models.example.org/a')), (error: Error) => {
      assert.doesNotMatch(error.message, /10\.0\.0\.5/);
      assert.match(describeError(error), /models\.example\.org is 10\.0\.0\.5$/);
      return true;
    });
  });

  it('says that a name is not known, or has no address', async () => {
    for (const resolve of [leadingTo(), () => Promise.reject(new Error('ENOTFOUND'))]) {
      const gate = new DownloadGate(['models.example.org'], resolve);
      await assert.rejects(gate.admit(new URL('https://models.example.org/a')), ResourceNotFoundError);
    }
  });

  it('asks a resolver that hangs no more than two things at once', async () => {
    const hanging: ((addresses: []) => void)[] = [];
    const gate = new DownloadGate(
      ['models.example.org'],
      () => new Promise((resolve) => void hanging.push(resolve)),
    );
    const ask = () => gate.admit(new URL('https://models.example.org/a'));
    const asked = [ask(), ask()];
    await assert.rejects(ask(), BusyError);
    for (const answer of hanging) answer([]);
    for (const question of asked) await assert.rejects(question, ResourceNotFoundError);
    const again = ask();
    hanging.at(-1)?.([]);
    await assert.rejects(again, ResourceNotFoundError);
  });
});
