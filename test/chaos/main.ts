// `npm run chaos`: kills, cuts and pauses what the view of connections rests on, round by round, and compares the view with
// the kernel's list of connections after each.
import { parseArgs } from 'node:util';
import { Random } from '../fuzz/random.js';
import { chaos, limitMs, type Round } from './chaos.js';
import type { Store } from './world.js';

const usage = 'usage: npm run chaos -- [--rounds 100] [--store redis|embedded] [--seed N]';
const roundsMax = 10_000;

process.once('SIGINT', () => process.exit(130));
process.exitCode = await main();

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      rounds: { type: 'string', default: '100' },
      store: { type: 'string', default: 'redis' },
      seed: { type: 'string', default: String(Date.now() % 2 ** 31) },
    },
  });
  const [rounds, seed] = [Number(values.rounds), Number(values.seed)];
  const { store } = values;
  const isCounted =
    Number.isSafeInteger(rounds) && rounds > 0 && rounds <= roundsMax && Number.isSafeInteger(seed);
  if (!isCounted || !isStore(store)) {
    process.stderr.write(`${usage}\n`);
    return 2;
  }
  process.stdout.write(`seed ${seed}, store ${store}, the view has ${limitMs} ms to be right\n`);
  let number = 0;
  const done = await chaos(store, rounds, new Random(seed, 0), (round) => {
    process.stdout.write(`${String(++number).padStart(4)}  ${describe(round)}\n`);
  });
  const failed = done.filter(({ wrong }) => wrong !== null);
  const found = done.flatMap(({ rightAfterMs }) => rightAfterMs ?? []).sort((a, b) => a - b);
  process.stdout.write(
    `${done.length - failed.length} of ${done.length} rounds right; after ${found[Math.floor(found.length / 2)] ?? '-'} ms in the median, ${found.at(-1) ?? '-'} ms at most\n`,
  );
  return failed.length === 0 ? 0 : 1;
}

function isStore(text: string): text is Store {
  return text === 'redis' || text === 'embedded';
}

function describe({ fault, clients, rightAfterMs, wrong }: Round): string {
  const outcome = wrong === null ? `right after ${rightAfterMs ?? '-'} ms` : `WRONG: ${wrong}`;
  return `${fault.padEnd(30)} ${String(clients).padStart(3)} clients  ${outcome}`;
}
