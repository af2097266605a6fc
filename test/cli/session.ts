// A server with two workers for the tests of the tools that look at connections, and clients of it.
import assert from 'node:assert/strict';
import { after, before } from 'node:test';
import { z } from 'zod';
import type { LocalServer } from '#src/cli/local-server.js';
import { peerRecordSchema, type PeerRecord } from '#src/connections/record.js';
import { eventually } from '../support/deadline.js';
import { startServer } from '../support/server.js';
import { Wire } from '../support/wire.js';
import { pear, placesOf } from './pear.js';

export class Session {
  #server: LocalServer | null = null;
  connect: string[] = [];
  admin: string[] = [];

  /** Runs before the tests of the file, and ends after them. */
  constructor() {
    before(async () => {
      const server = await startServer(
        null,
        ...['--cluster.workers', '2', '--connections.flush_interval_ms', '50'],
      );
      this.#server = server;
      ({ connect: this.connect, admin: this.admin } = await placesOf(server));
    });
    after(async () => {
      assert.equal(await this.#server?.stop(), 0);
    });
  }

  get port(): number {
    return this.#server?.port ?? 0;
  }

  /** Connected from an address of its own, and listed. */
  async listed(address: string): Promise<{ readonly wire: Wire; readonly id: string }> {
    const wire = await Wire.open(this.port, address);
    const [record] = await eventually(`${address} is listed`, async () => {
      const found = await this.records('--address', address);
      return found.length > 0 ? found : null;
    });
    assert.ok(record !== undefined);
    return { wire, id: record.id };
  }

  async records(...args: string[]): Promise<PeerRecord[]> {
    const { stdout } = await pear('peers', '--json', ...this.connect, ...args);
    return z.array(peerRecordSchema).parse(JSON.parse(stdout));
  }
}
