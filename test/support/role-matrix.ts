// Every command asked on one connection, and compared with what its role may.
import assert from 'node:assert/strict';
import { commands, type NeededRole } from './commands.js';
import { codesOf, refused, request } from './replies.js';
import type { Wire } from './wire.js';

const ranks: readonly NeededRole[] = ['none', 'viewer', 'operator', 'admin'];
export const may = (role: NeededRole, needed: NeededRole) => ranks.indexOf(role) >= ranks.indexOf(needed);

/** Asks every command and compares with what `role` may. The role is asked before the arguments are looked at. */
export async function assertRole(wire: Wire, role: NeededRole): Promise<void> {
  for (const { cmd, name, role: needed, right, wrong } of commands) {
    const refusal = refused(5, `${name} needs the role ${needed}; this connection has the role ${role}`);
    const answers = [await wire.ask(request(cmd, right)), await wire.ask(request(cmd, wrong[0]))];
    if (!may(role, needed)) assert.deepEqual(answers, [refusal, refusal]);
    else {
      assert.doesNotMatch(answers[0] ?? '', /needs the role/);
      assert.deepEqual(codesOf(answers[1] ?? ''), [1], answers[1]);
    }
  }
  const unknown = await wire.ask(request(0x99, [5]));
  assert.equal(unknown, refused(3, 'there is no command 153'), 'unknown commands are unknown to everybody');
  wire.close();
}
