// Before the tests: what they need besides npm packages. As root or in CI the distribution's packages are
// installed; otherwise the missing ones are named, with the command that brings them.
import { spawnSync } from 'node:child_process';

/** Programs that the tests start, and the Debian package that holds each. */
const needed = [
  { program: 'redis-server', debianPackage: 'redis-server' },
  { program: 'openssl', debianPackage: 'openssl' },
  { program: 'nc', debianPackage: 'netcat-openbsd' },
] as const;

const missing = needed.filter(({ program }) => !isInstalled(program));
if (missing.length > 0) provide(missing.map(({ debianPackage }) => debianPackage));

function isInstalled(program: string): boolean {
  return spawnSync(program, ['--version'], { stdio: 'ignore' }).error === undefined;
}

function provide(packages: readonly string[]): void {
  const isRoot = process.getuid?.() === 0;
  const mayInstall = isRoot || process.env['CI'] !== undefined;
  const prefix = isRoot ? [] : ['sudo', '-n'];
  if (mayInstall && isInstalled('apt-get')) {
    // Without its own start-up links: the tests start it themselves, on a private port.
    run([...prefix, 'apt-get', 'update', '-q']);
    run([...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get', 'install', '-y', '-q', ...packages]);
    return;
  }
  process.stderr.write(
    `The tests need ${packages.join(', ')}. On Debian or Ubuntu: sudo apt-get install ${packages.join(' ')}. ` +
      'Elsewhere, install Redis 6.2 or newer, OpenSSL and netcat, so that redis-server, openssl and nc are on the PATH.\n',
  );
  process.exit(1);
}

function run(command: readonly string[]): void {
  const [program = '', ...args] = command;
  const { status } = spawnSync(program, args, { stdio: 'inherit' });
  if (status === 0) return;
  process.stderr.write(`${command.join(' ')} failed; run it by hand and see why\n`);
  process.exit(1);
}
