// Every route of the admin HTTP, asked and compared with what a role may.
import assert from 'node:assert/strict';
import type { Role } from '#src/config/schema.js';
import { ask, type Admin, type Sent } from './admin.js';

export const paths = [
  ['/livez', 'none'],
  ['/readyz', 'none'],
  ['/metrics', 'viewer'],
  ['/api/status', 'viewer'],
  ['/api/connections', 'admin'],
  ['/api/connections/line-1%2F1.aaaa.1', 'admin'],
  ['/api/closed', 'admin'],
  ['/api/downloads', 'admin'],
  ['/api/events?format=json', 'admin'],
] as const;
export const kick = '/api/connections/kick';
export const json = { 'content-type': 'application/json', 'x-pear-request': '1' };
export const body = '{"ids": ["a"]}';

const ranks = ['none', 'viewer', 'operator', 'admin'] as const;
export const may = (role: Role, needed: (typeof ranks)[number]) =>
  ranks.indexOf(role) >= ranks.indexOf(needed);
/** Asks every route; `status` is that of a role that does not suffice. */
export async function assertRole(admin: Admin, role: Role, status: number, sent: Sent = {}): Promise<void> {
  const { port, kicks } = admin;
  for (const [path, needed] of paths) {
    const answer = await ask(port, path, sent);
    assert.equal(answer.status === status, !may(role, needed), `${path} as ${role}: ${answer.status}`);
  }
  const before = kicks.length;
  const headers = { ...json, ...sent.headers };
  const kicked = await ask(port, kick, { ...sent, method: 'POST', headers, body });
  assert.equal(kicked.status, may(role, 'admin') ? 200 : status);
  assert.equal(kicks.length - before, may(role, 'admin') ? 1 : 0);
}
