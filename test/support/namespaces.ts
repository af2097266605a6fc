// Hosts of their own on one machine: network namespaces (ip-netns(8)), each joined to this machine by a cable of its own.
import { spawnSync } from 'node:child_process';

/** Private networks that nobody else uses, it is to be hoped; they live as long as the test. */
const network = '10.213';

export interface Namespace {
  readonly name: string;
  /** Its own address, and this machine's on the same cable. */
  readonly address: string;
  readonly gateway: string;
  /** What runs a program in it. */
  readonly through: readonly string[];
  /** Pulls the cable; what is under way is lost in silence. */
  unplug(): void;
  plug(): void;
  remove(): void;
}

/** Whether this process may make namespaces. */
export function mayMakeNamespaces(): boolean {
  const name = `pear-try-${process.pid}`;
  const made = ip('netns', 'add', name);
  if (made) ip('netns', 'del', name);
  return made;
}

/** `number`: 1 to 254, another one for each. */
export function makeNamespace(number: number): Namespace {
  const name = `pear-${number}-${process.pid}`;
  const [outside, inside] = [`pear${number}o${process.pid}`, `pear${number}i${process.pid}`];
  const [gateway, address] = [`${network}.${number}.1`, `${network}.${number}.2`];
  const remove = () => {
    // The cable goes with it.
    ip('netns', 'del', name);
  };
  process.once('exit', remove);
  must('netns', 'add', name);
  must('link', 'add', outside, 'type', 'veth', 'peer', 'name', inside, 'netns', name);
  must('addr', 'add', `${gateway}/24`, 'dev', outside);
  must('link', 'set', outside, 'up');
  must('-n', name, 'addr', 'add', `${address}/24`, 'dev', inside);
  must('-n', name, 'link', 'set', inside, 'up');
  must('-n', name, 'link', 'set', 'lo', 'up');
  must('-n', name, 'route', 'add', 'default', 'via', gateway);
  return {
    name,
    address,
    gateway,
    through: ['ip', 'netns', 'exec', name],
    unplug: () => {
      must('link', 'set', outside, 'down');
    },
    plug: () => {
      must('link', 'set', outside, 'up');
    },
    remove: () => {
      process.off('exit', remove);
      remove();
    },
  };
}

function ip(...args: readonly string[]): boolean {
  return spawnSync('ip', args, { stdio: 'ignore' }).status === 0;
}

function must(...args: readonly string[]): void {
  if (!ip(...args)) throw new Error(`ip ${args.join(' ')} failed`);
}
