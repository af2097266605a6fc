import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { availableParallelism, cpus, tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { allowedCores, grantedCores, usableCores } from '#src/cluster/cores.js';

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

describe('the cores that are used', () => {
  const unlimited = 'max 100000';
  const table: readonly (readonly [
    what: string,
    given: { readonly allowed: string; readonly online: string; readonly quota: string },
    cores: number,
  ])[] = [
    ['are those that the process may run on', { allowed: '0-3', online: '0-7', quota: unlimited }, 4],
    ['are counted over gaps', { allowed: '0,2-3,6', online: '0-7', quota: unlimited }, 4],
    ['are online', { allowed: '0-127', online: '0-1', quota: unlimited }, 2],
    [
      'are those of the grant where that is less',
      { allowed: '0-63', online: '0-63', quota: '200000 100000' },
      2,
    ],
    ['are two by a grant of one and a half', { allowed: '0-63', online: '0-63', quota: '150000 100000' }, 2],
    [
      'are two by a grant of hardly more than one',
      { allowed: '0-63', online: '0-63', quota: '101000 100000' },
      2,
    ],
    ['are one by a grant of half a core', { allowed: '0-63', online: '0-63', quota: '50000 100000' }, 1],
    [
      'are no more than allowed, whatever is granted',
      { allowed: '5', online: '0-7', quota: '150000 100000' },
      1,
    ],
    ['are one at least', { allowed: '9', online: '0-7', quota: unlimited }, 1],
  ];
  for (const [what, { allowed, online, quota }, cores] of table) {
    test(what, (context) => {
      const files = cgroups(context, '0::/\n', {
        'cpu.max': `${quota}\n`,
        status: `Name:\tnode\nCpus_allowed:\tff\nCpus_allowed_list:\t${allowed}\nMems_allowed_list:\t0\n`,
        online: `${online}\n`,
      });
      const paths = { status: join(files.mount, 'status'), online: join(files.mount, 'online') };
      assert.equal(usableCores({ ...files, ...paths }), cores);
    });
  }

  test('are what Node says where the system tells nothing, or nothing that can be understood', (context) => {
    const files = cgroups(context, '', { status: 'Cpus_allowed_list:\t0-x\n', online: '0-1\n' });
    const paths = { status: join(files.mount, 'status'), online: join(files.mount, 'online') };
    assert.equal(allowedCores(paths), null);
    assert.equal(usableCores({ ...files, ...paths }), availableParallelism());
    assert.equal(allowedCores({ status: '/nowhere', online: '/nowhere/either' }), null);
  });

  test('are at least one here, and no more than there are', () => {
    assert.ok(usableCores() >= 1 && usableCores() <= cpus().length);
  });
});
