// The command line of the benchmark: defaults, ranges, and what is wrong with what was given.
import { parseArgs } from 'node:util';
import { z } from 'zod';
import { usableCores } from '../../cluster/cores.js';
import { StartupError } from '../../errors.js';

export const parts = [
  'throughput',
  'latency',
  'probe',
  'connects',
  'idle',
  'view',
  'burst',
  'records',
  'changes',
] as const;
export type Part = (typeof parts)[number];

export const usage = `npm run bench -- [options]

Measures the server against a bare pipeline on the same photos and models, in one run, and prints ratios.

  --quick              one short round of everything, about a minute: to see that it runs, not for figures
  --parts A,B          of ${parts.join(', ')}; all unless named
  --model NAME         starter, yolov8n (random weights) or an ONNX file; may be given several times
  --connections 1,2    numbers of connections for throughput (1,2,8,32)
  --rounds N           bare and server by turns, so often (3)
  --seconds N          about how long each measurement takes (4)
  --workers N          workers of the server, and bare processes (one a core)
  --photos N           how many different photos (12)
  --small-photos       the sample pictures as they are, about 60 KB, instead of large photos
  --bare-copies        the bare pipeline copies the scaled photo into its frame, as the server does, instead of leaving
                       it to sharp
  --idle N             idle connections for memory per peer (2000)
  --burst N            connections that come within two seconds (15000)
  --records N          connections of eight hosts in a Redis that is started for it (100000)
  --opens N            connections opened and closed a second for the effect of the view (200)
  --changes N          changes of the model while it serves (200)
  --soak N             nothing but N images of the first model, and the memory of every process meanwhile; exit
                       code 1 where a worker ended or memory grew by more than 10 %
  --seed N             of photos, weights and arrivals (1)
  --json FILE          everything, raw rounds included, as JSON; - is standard output, without the tables
  --help               this text
`;

const number = (min: number, max: number) => z.coerce.number().min(min).max(max);
const whole = (min: number, max: number) => z.coerce.number().int().min(min).max(max);
const list = <Item extends z.ZodType>(item: Item) =>
  z.preprocess((text) => (typeof text === 'string' ? text.split(',') : text), z.array(item).min(1));

const optionsSchema = z.object({
  parts: list(z.enum(parts)),
  model: z.array(z.string().min(1)).min(1),
  connections: list(whole(1, 1_000)),
  rounds: whole(1, 100),
  seconds: number(0.1, 600),
  workers: whole(1, 256),
  photos: whole(1, 52),
  'small-photos': z.boolean(),
  'bare-copies': z.boolean(),
  idle: whole(1, 19_000),
  burst: whole(1, 50_000),
  records: whole(100, 1_000_000),
  opens: whole(1, 5_000),
  changes: whole(1, 100_000),
  soak: whole(1, 10_000_000).nullable(),
  seed: whole(0, 2 ** 31),
  json: z.string().min(1).nullable(),
});
export type BenchOptions = Readonly<z.output<typeof optionsSchema>>;

const text = { type: 'string' } as const;
const flag = { type: 'boolean' } as const;

/** null: the text of `--help` was asked for. Throws StartupError that names the option. */
export function readOptions(args: readonly string[]): BenchOptions | null {
  const given = parse(args);
  if (given.help === true) return null;
  const quick = given.quick === true;
  const parsed = optionsSchema.safeParse({
    parts: parts.join(','),
    model: ['starter', 'yolov8n'],
    connections: '1,2,8,32',
    rounds: quick ? '1' : '3',
    seconds: quick ? '1' : '4',
    workers: String(usableCores()),
    photos: '12',
    'small-photos': false,
    'bare-copies': false,
    idle: quick ? '500' : '2000',
    burst: quick ? '1000' : '15000',
    records: quick ? '10000' : '100000',
    opens: '200',
    changes: quick ? '5' : '200',
    soak: null,
    seed: '1',
    json: null,
    ...given,
  });
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const name = String(issue?.path[0]);
  throw new StartupError(
    `--${name}: ${issue?.message ?? 'not valid'}`,
    `see npm run bench -- --help for what --${name} takes`,
  );
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      options: {
        quick: flag,
        parts: text,
        model: { ...text, multiple: true },
        connections: text,
        rounds: text,
        seconds: text,
        workers: text,
        photos: text,
        'small-photos': flag,
        'bare-copies': flag,
        idle: text,
        burst: text,
        records: text,
        opens: text,
        changes: text,
        soak: text,
        seed: text,
        json: text,
        help: flag,
      },
    }).values;
  } catch (error) {
    // Node's message names the option.
    throw new StartupError(
      error instanceof Error ? error.message : String(error),
      'see npm run bench -- --help',
      {
        cause: error,
      },
    );
  }
}
