import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { grantedCores, usableCores } from '#src/cluster/cores.js';

/** Control groups as Linux shows them: the groups of the process, and files by their paths below the mount. */
function cgroups(context: TestContext, membership: string, files: Readonly<Record<string, string>>) {
  const mount = mkdtempSync(join(tmpdir(), 'pear-cgroup-'));
  context.after(() => {
    rmSync(mount, { recursive: true });
  });
  for (const [path, text] of Object.entries({ ...files, membership })) {
    mkdirSync(dirname(join(mount, path)), { recursive: true });
    writeFileSync(join(mount, path), text);
  }
  return { mount, membership: join(mount, 'membership') };
}

describe('the cores that control groups grant', () => {
  test('are those of a container, which sees its own group as the root', (context) => {
    assert.equal(grantedCores(cgroups(context, '0::/\n', { 'cpu.max': '200000 100000\n' })), 2);
  });

  test('are the least of all groups above a service', (context) => {
    const files = {
      'system.slice/cpu.max': '350000 100000\n',
      'system.slice/pear.service/cpu.max': 'max 100000\n',
    };
    assert.equal(grantedCores(cgroups(context, '0::/system.slice/pear.service\n', files)), 3.5);
  });

  test('are found in the first version of control groups, too', (context) => {
    const files = {
      'cpu,cpuacct/docker/f00/cpu.cfs_quota_us': '150000\n',
      'cpu,cpuacct/docker/f00/cpu.cfs_period_us': '100000\n',
      'cpu,cpuacct/cpu.cfs_quota_us': '-1\n',
      'cpu,cpuacct/cpu.cfs_period_us': '100000\n',
    };
    const membership = '5:memory:/docker/f00\n4:cpu,cpuacct:/docker/f00\n0::/\n';
    assert.equal(grantedCores(cgroups(context, membership, files)), 1.5);
  });

  test('are found where a container of the first version sees the path of its host', (context) => {
    const files = { 'cpu/cpu.cfs_quota_us': '400000\n', 'cpu/cpu.cfs_period_us': '100000\n' };
    assert.equal(grantedCores(cgroups(context, '4:cpu,cpuacct:/docker/f00\n', files)), 4);
  });

  test('have no limit where nothing says so, or nothing can be read', (context) => {
    assert.equal(grantedCores(cgroups(context, '0::/\n', { 'cpu.max': 'max 100000\n' })), Infinity);
    assert.equal(grantedCores(cgroups(context, '', {})), Infinity);
    assert.equal(grantedCores({ mount: '/nowhere', membership: '/nowhere/either' }), Infinity);
  });
});

test('at least one core is used, and never more than this process may run on', () => {
  assert.ok(usableCores() >= 1 && usableCores() <= availableParallelism());
});
