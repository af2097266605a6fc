// Holds the tables of docs/security.md to the commands, the routes and the tools that there are.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { roles, type Role } from '#src/config/schema.js';
import { startAdmin } from '../admin/admin.js';
import { commands } from '../support/commands.js';
import { may } from '../support/role-matrix.js';

const page = readFileSync('docs/security.md', 'utf8');
const rows = [...page.matchAll(/^\| (.+) \|$/gm)].map(([, row = '']) =>
  row.split(' | ').map((cell) => cell.trim()),
);

/** What the row that names it says of each role. */
function saidOf(name: string): readonly string[] {
  const [row, ...others] = rows.filter(([first = '']) =>
    new RegExp(`(^|[\\s\`,])${name}([\\s\`,:]|$)`).test(first),
  );
  assert.ok(
    row !== undefined && others.length === 0,
    `${name} stands in ${others.length + (row ? 1 : 0)} rows`,
  );
  return row.slice(1);
}

const answersOf = (needed: Role) => roles.map((role) => (may(role, needed) ? 'yes' : 'no'));

describe('docs/security.md says who may use', () => {
  for (const { cmd, name, role } of commands) {
    const code = `0x${cmd.toString(16).padStart(2, '0')}`;
    test(`${code}, ${name}`, () => {
      const said = saidOf(code);
      if (role === 'none') assert.equal(said[0], 'everybody, without a role');
      else assert.deepEqual(said, answersOf(role));
    });
  }

  test('every route of the admin HTTP', async (t) => {
    const { routes } = await startAdmin(t);
    for (const { path, method, role } of routes) {
      const written = `${method === 'POST' ? 'POST ' : ''}${path.endsWith('/') ? `${path}ID` : path}`;
      const said = saidOf(written);
      if (role === null) assert.equal(said[0], 'everybody, without a role');
      else assert.deepEqual(said, answersOf(role), written);
    }
  });
});
