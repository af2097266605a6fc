import assert from 'node:assert/strict';
import { afterEach, describe, mock, test } from 'node:test';
import { pino } from 'pino';
import { z } from 'zod';
import { networkOf } from '#src/cluster/address-network.js';
import { ConnectionLog, intervalMs, linesMax, linesPerNetworkMax } from '#src/server/connection-log.js';

const lineSchema = z.looseObject({ msg: z.string() });

afterEach(() => {
  mock.timers.reset();
});

function setUp(level = 'info') {
  mock.timers.enable({ apis: ['setTimeout'] });
  const lines: z.output<typeof lineSchema>[] = [];
  const write = (line: string) => void lines.push(lineSchema.parse(JSON.parse(line)));
  const log = new ConnectionLog(pino({ level, base: null, timestamp: false }, { write }), networkOf);
  const connected = (count: number, address: string) => {
    for (let port = 1; port <= count; port++) log.write('info', address, { address, port }, 'connected');
  };
  const count = (message: string) => lines.filter(({ msg }) => msg === message).length;
  return { log, lines, connected, count };
}

describe('lines about connections', () => {
  test('stand in the log one by one, with all that they say', () => {
    const { lines, connected } = setUp();
    connected(2, '192.0.2.1');
    mock.timers.tick(intervalMs);
    assert.deepEqual(lines, [
      { level: 30, address: '192.0.2.1', port: 1, msg: 'connected' },
      { level: 30, address: '192.0.2.1', port: 2, msg: 'connected' },
    ]);
  });

  test('of one network are so many of a kind within a while; the others are counted in one line', () => {
    const { log, lines, connected, count } = setUp();
    connected(linesPerNetworkMax + 30, '192.0.2.1');
    log.write('info', '192.0.2.1', {}, 'disconnected');
    assert.deepEqual([count('connected'), count('disconnected')], [linesPerNetworkMax, 1]);
    mock.timers.tick(intervalMs);
    assert.deepEqual(lines.at(-1), {
      level: 40,
      line: 'connected',
      leftOut: 30,
      address: '192.0.2.1',
      msg: 'left out lines about connections',
    });
    connected(1, '192.0.2.1');
    assert.equal(count('connected'), linesPerNetworkMax + 1, 'then all begins anew');
    mock.timers.tick(intervalMs);
    assert.equal(count('left out lines about connections'), 1);
  });

  test('of those who are known by name are all written, and take no room from others', () => {
    const { log, connected, count } = setUp();
    for (let peer = 0; peer <= linesPerNetworkMax; peer++)
      log.writeOf('line-1', 'info', '192.0.2.1', {}, 'connected');
    assert.equal(count('connected'), linesPerNetworkMax + 1);
    connected(linesPerNetworkMax, '192.0.2.1');
    log.writeOf(null, 'info', '192.0.2.1', {}, 'connected');
    assert.equal(count('connected'), 2 * linesPerNetworkMax + 1);
  });

  test('of others are not left out with them', () => {
    const { connected, count } = setUp();
    connected(linesPerNetworkMax + 30, '2001:db8::1');
    connected(5, '2001:db8::2');
    assert.equal(count('connected'), linesPerNetworkMax, 'one network of IPv6');
    connected(5, '192.0.2.1');
    assert.equal(count('connected'), linesPerNetworkMax + 5);
  });

  test('are bounded over all networks, too', () => {
    const { connected, count } = setUp();
    for (let network = 0; network < 256; network++) connected(10, `192.0.2.${network}`);
    assert.equal(count('connected'), linesMax);
  });

  test('that the level leaves out are not counted', () => {
    const { lines, connected } = setUp('warn');
    connected(linesPerNetworkMax + 30, '192.0.2.1');
    mock.timers.tick(intervalMs);
    assert.deepEqual(lines, []);
  });
});
