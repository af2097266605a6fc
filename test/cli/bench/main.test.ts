// The benchmark as a whole, with tiny settings: that it ends, finds every figure, and leaves nothing behind. Never how
// fast anything is.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test, type TestContext } from 'node:test';
import { promisify } from 'node:util';
import { z } from 'zod';

const run = promisify(execFile);
const main = 'dist/cli/bench/main.js';

/** Temporary files of the benchmark are made in there. */
function ownTemporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'pear-bench-test-'));
  t.after(() => {
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

/** Libraries leave files of their own. */
function leftIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.startsWith('pear-bench-'));
}

const figure = z.number().nonnegative();
/** Only Linux tells what processes cost. */
const linuxFigure = process.platform === 'linux' ? z.number() : z.null();
const latencies = z.looseObject({
  count: z.int().min(1),
  p50Ms: figure,
  p99Ms: figure,
  maxMs: figure,
});
const warmLatencies = latencies.extend({ warmUpImages: z.int().min(1) });

const reportSchema = z.object({
  machine: z.looseObject({
    commit: z.string().min(1),
    sharp: z.string().regex(/^\d/),
    onnxruntime: z.string().regex(/^\d/),
  }),
  models: z.array(
    z.object({
      model: z.string(),
      throughput: z.object({
        warmUpRounds: z.int().min(1),
        bareImagesPerSecond: figure,
        bareCpuMsPerImage: figure,
        lines: z.array(
          z.looseObject({ way: z.string(), connections: z.int(), ratio: figure, cpuRatio: linuxFigure }),
        ),
        differentVerdicts: z.array(z.string()),
        photosCompared: z.int(),
        bareRuns: z.array(z.looseObject({ images: z.int().min(1), cpuShare: figure })),
        serverRuns: z.array(
          z.looseObject({ images: z.int().min(1), imagesPerSecond: figure, clientCpuMsPerImage: figure }),
        ),
      }),
      latency: z.array(warmLatencies.extend({ load: z.number() })).length(2),
      probe: z.array(warmLatencies.extend({ way: z.string() })).length(2),
    }),
  ),
  connects: z.object({
    perSecond: figure,
    rounds: z.array(z.object({ count: z.int().min(1), seconds: figure })),
  }),
  idle: z.object({ peers: z.literal(20), workerBytesPerPeer: linuxFigure, primaryBytesPerPeer: linuxFigure }),
  view: z.looseObject({
    opensPerSecond: z.literal(50),
    // Of so few connections the processes' clocks, which count in hundredths of a second, may show nothing.
    stores: z.array(
      z.looseObject({ store: z.string(), perSecond: figure, workerCpuRatio: linuxFigure.nullable() }),
    ),
    skipped: z.null(),
    rounds: z.array(z.unknown()).length(1),
  }),
  burst: z.looseObject({
    peers: z.literal(30),
    answered: z.literal(30),
    refused: z.literal(0),
    lost: z.literal(0),
    workerBytesPerPeer: linuxFigure,
  }),
  records: z.object({
    records: z.literal(800),
    hosts: z.literal(8),
    firstPage: latencies,
    lookUp: latencies,
    heartbeats: z.array(z.object({ peers: z.int(), latencies })).length(3),
  }),
  changes: z.object({
    without: latencies,
    during: latencies,
    p99Ratio: figure,
    changes: z.int().min(2),
    changeMs: figure,
    memoryRatio: linuxFigure,
    sameProcesses: z.literal(true),
  }),
  soak: z.null(),
});

describe('npm run bench', () => {
  test('finds every figure, has every image answered, and judges as the bare pipeline does', async (t) => {
    const folder = ownTemporaryFolder(t);
    const json = join(folder, 'report.json');
    const { stdout } = await run(
      process.execPath,
      [
        ...[main, '--model', 'starter', '--rounds', '1', '--seconds', '0.2', '--connections', '1,3'],
        ...['--workers', '2', '--photos', '4', '--idle', '20', '--opens', '50', '--json', json],
        ...['--burst', '30', '--records', '800', '--changes', '2'],
      ],
      { env: { ...process.env, TMPDIR: folder } },
    );
    const report = reportSchema.parse(JSON.parse(readFileSync(json, 'utf8')));
    const [starter] = report.models;
    assert.equal(starter?.model, 'starter');
    assert.deepEqual(
      starter.throughput.lines.map(({ way, connections }) => `${way} ${connections}`),
      ['name 1', 'name 3', 'bytes 1', 'bytes 3'],
    );
    assert.deepEqual(starter.throughput.differentVerdicts, []);
    assert.equal(starter.throughput.photosCompared, 4);
    for (const said of [
      'server/bare',
      '0x32 while every core infers',
      'connects: ',
      'idle: ',
      'without ',
      'burst: ',
      'look-up by id',
    ]) {
      assert.ok(stdout.includes(said), `it does not tell: ${said}`);
    }
    assert.equal(stdout.match(/^not counted: /gm)?.length, 3, 'each part of a model says what warmed it up');
    assert.deepEqual(leftIn(folder), []);
  });

  test('runs many images, shows the memory of every process, and says by its exit code what to think of it', async (t) => {
    // So few images prove nothing either way; what is said and how it ends must agree.
    const { stdout, stderr, code } = await run(
      process.execPath,
      [main, '--soak', '40', '--small-photos', '--workers', '1', '--json', '-'],
      { env: { ...process.env, TMPDIR: ownTemporaryFolder(t) } },
    ).then(
      (ended) => ({ ...ended, code: 0 }),
      (error: unknown) => z.object({ stdout: z.string(), stderr: z.string(), code: z.int() }).parse(error),
    );
    const { soak } = z
      .object({
        soak: z.object({
          images: z.int(),
          warmUpImages: z.int().min(2),
          samples: z.array(z.object({ workersMiB: z.record(z.string(), z.number()) })),
          verdict: z.looseObject({ passed: z.boolean().nullable(), words: z.string() }),
        }),
      })
      .parse(JSON.parse(stdout));
    assert.ok(soak.images >= 40);
    assert.equal(code, soak.verdict.passed === false ? 1 : 0);
    assert.equal(stderr, soak.verdict.passed === false ? `soak ${soak.verdict.words}\n` : '');
    if (process.platform !== 'linux') return;
    assert.ok(soak.samples.length > 1);
    assert.ok(soak.samples.every(({ workersMiB }) => Object.keys(workersMiB).length === 1));
  });

  test('ends what it started when it is interrupted', async (t) => {
    const folder = ownTemporaryFolder(t);
    const bench = spawn(process.execPath, [main, '--quick', '--model', 'starter', '--small-photos'], {
      env: { ...process.env, TMPDIR: folder },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(bench.stdout, 'data');
    bench.kill('SIGINT');
    const [code] = z.tuple([z.int().nullable(), z.unknown()]).parse(await once(bench, 'exit'));
    assert.equal(code, 130);
    assert.deepEqual(leftIn(folder), []);
  });

  test('names a wrong option and the cure', async () => {
    await assert.rejects(run(process.execPath, [main, '--rounds', 'many']), (error: unknown) => {
      const { stderr } = z.object({ stderr: z.string() }).parse(error);
      assert.match(stderr, /^--rounds: .*; see npm run bench -- --help for what --rounds takes\n$/);
      return true;
    });
  });
});
