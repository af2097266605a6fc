// A model is tried in a process that may die. Whatever the file does there, the one who asked is told what was found, the process is
// gone, and who serves meanwhile serves on.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { getPriority, tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, describe, test } from 'node:test';
import { writeOnnx, type OnnxGraph } from '#src/cli/bench/onnx-writer.js';
import { InferenceThread } from '#src/detector/inference/inference-thread.js';
import type { JudgeOptions } from '#src/detector/inference/judge-options.js';
import type { ThreadOptions } from '#src/detector/inference/thread-messages.js';
import type { Model } from '#src/detector/models/model-spec.js';
import { ModelProver, type ProverOptions } from '#src/detector/proof/prover.js';
import { BusyError, ModelRefusedError, StartupError } from '#src/errors.js';
import * as models from '../../support/bad-models.js';
import { eventually } from '../../support/deadline.js';
import { samplesFolder } from '../../support/pictures.js';
import { signalTo } from '../../support/processes.js';

const folder = mkdtempSync(join(tmpdir(), 'pear-prover-'));
after(() => {
  rmSync(folder, { recursive: true });
});

const mib = 1024 * 1024;
const roomy = { timeoutMs: 120_000, maxModelBytes: 64 * mib, maxMemoryBytes: 4096 * mib };

function judgeOptions(modelPath: string): JudgeOptions {
  return {
    modelPath,
    preprocessorPath: null,
    overrides: { classes: null, imgSize: null, confidenceThreshold: null },
    runtime: { threads: 1, memoryArena: true },
  };
}

/** As for serving. */
function threadOptions(modelPath: string, expectedFingerprint: string | null = null): ThreadOptions {
  return {
    ...judgeOptions(modelPath),
    expectedFingerprint,
    maxImageBytes: 10_000_000,
    maxImagePixels: 10_000_000,
    decodeTimeoutMs: 60_000,
    niceness: 0,
  };
}

function place(name: string, content: OnnxGraph | string | Uint8Array, sidecar = models.sidecar): string {
  const path = join(folder, `${name}.onnx`);
  const isGraph = typeof content !== 'string' && !(content instanceof Uint8Array);
  writeFileSync(path, isGraph ? writeOnnx(content) : content);
  writeFileSync(join(folder, `${name}.yaml`), sidecar);
  return path;
}

interface Proving {
  readonly prover: ModelProver;
  /** Processes that it has started, in order. */
  readonly pids: number[];
}

/** `onStart`: called when the process is there and has not read anything yet. */
function proverWith(
  options: Partial<ProverOptions> = {},
  onStart: (pid: number, prover: ModelProver) => void = () => undefined,
): Proving {
  const pids: number[] = [];
  const info = (fields: Readonly<Record<string, unknown>>) => {
    const { pid } = fields;
    if (typeof pid !== 'number') return;
    pids.push(pid);
    onStart(pid, prover);
  };
  const prover = new ModelProver({ ...roomy, ...options, log: { info } });
  return { prover, pids };
}

async function refusal(
  modelPath: string,
  options: Partial<ProverOptions> = {},
  onStart?: (pid: number) => void,
): Promise<{ readonly reason: string; readonly pids: readonly number[] }> {
  const { prover, pids } = proverWith(options, onStart);
  try {
    await prover.prove(judgeOptions(modelPath));
  } catch (error) {
    assert.ok(error instanceof ModelRefusedError, String(error));
    for (const pid of pids) assert.ok(!existsSync(`/proc/${pid}`), 'its process is still there');
    assert.doesNotMatch(error.message, /\p{Cc}/u);
    return { reason: `${error.message} — ${error.cure}`, pids };
  } finally {
    prover.close();
  }
  return assert.fail('it was taken');
}

async function assertRefused(
  modelPath: string,
  reason: RegExp,
  options: Partial<ProverOptions> = {},
): Promise<void> {
  assert.match((await refusal(modelPath, options)).reason, reason);
}

/** A process that stands back behind all others takes long to do anything where many want to. */
const patienceMs = 100_000;

/** When it has loaded ONNX Runtime, it is at work. */
function atWork(pid: number): Promise<true> {
  return eventually(
    'a process at work',
    () => (readFileSync(`/proc/${pid}/maps`, 'latin1').includes('libonnxruntime') ? true : null),
    patienceMs,
  );
}

/** Somebody who serves all the while. */
let serving: InferenceThread;
before(async () => {
  serving = await InferenceThread.start(threadOptions('models/pear-starter.onnx'));
});
after(() => serving.close());
afterEach(async () => {
  const answer = await serving.judge({
    type: 'file',
    folder: join(process.cwd(), samplesFolder),
    name: 'normal-01.jpg',
  });
  assert.ok(answer.ok && answer.detections[0]?.classIndex === 1, 'serving was disturbed');
});

describe('a sound model', () => {
  test('is proved, with all that a judge says of it, and then known', async () => {
    const path = place('sound', models.sound);
    const { prover, pids } = proverWith();
    const model = await prover.prove(judgeOptions(path));
    const thread = await InferenceThread.start(threadOptions(path, model.fingerprint));
    assert.deepEqual(model, thread.model);
    await thread.close();
    assert.deepEqual(await prover.prove(judgeOptions(path)), model);
    assert.equal(pids.length, 1, 'it was tried again');
    // Whatever has a part in its verdicts makes it another one.
    writeFileSync(path.replace('.onnx', '.yaml'), `${models.sidecar}confidence_threshold: 0.7\n`);
    const other = await prover.prove(judgeOptions(path));
    assert.notEqual(other.fingerprint, model.fingerprint);
    assert.equal(pids.length, 2);
  });

  test('of two stages is tried with both networks, also where the first one finds nothing', async () => {
    const bite = place('grades', models.nanNear(1));
    const found = proverWith().prover.prove({
      ...judgeOptions(bite),
      preprocessorPath: 'models/pear-starter.onnx',
    });
    await assert.rejects(found, /grades\.onnx fails on a picture \(white\).*no number/);
    const sound = place('sound', models.sound);
    const both = { ...judgeOptions(sound), preprocessorPath: 'models/pear-starter.onnx' };
    assert.equal((await proverWith().prover.prove(both)).readAs.length, 2);
  });

  test('that nobody needs any more is tried no further, and holds up no other one', async () => {
    const limit = new AbortController();
    const { prover, pids } = proverWith({}, () => {
      limit.abort(new Error('given up'));
    });
    await assert.rejects(
      prover.prove(judgeOptions(place('unwanted', models.endless)), limit.signal),
      /given up/,
    );
    for (const pid of pids) assert.ok(!existsSync(`/proc/${pid}`), 'its process is still there');
    const sound = place('wanted', models.sound);
    await assert.rejects(prover.prove(judgeOptions(sound), limit.signal), /given up/);
    assert.equal((await prover.prove(judgeOptions(sound))).name, 'wanted.onnx');
    assert.equal(pids.length, 2);
  });

  test('is proved in a process that knows no secret, gives way to all others, and is the first to go', async () => {
    process.env['PEAR_CONNECTIONS__REDIS__PASSWORD'] = 'secret-of-the-test';
    let environment = '';
    let manners: Promise<unknown> = Promise.resolve();
    const { prover } = proverWith({}, (pid) => {
      environment = readFileSync(`/proc/${pid}/environ`, 'latin1');
      const isModest = () =>
        getPriority(pid) > getPriority() + 10 &&
        readFileSync(`/proc/${pid}/oom_score_adj`, 'latin1').trim() === '1000';
      manners = eventually('its manners', () => (isModest() ? true : null), patienceMs).finally(() => {
        prover.close();
      });
    });
    await assert.rejects(
      prover.prove(judgeOptions(place('manners', models.endless))),
      /since the server stops/,
    );
    await manners;
    delete process.env['PEAR_CONNECTIONS__REDIS__PASSWORD'];
    assert.match(environment, /ORT_DISABLE_TELEMETRY=1/);
    assert.doesNotMatch(environment, /PEAR_|secret-of-the-test/);
  });
});

describe('a file that is no model is refused', { concurrency: 2 }, () => {
  const whole = writeOnnx(models.sound);
  const files: Readonly<Record<string, readonly [content: Uint8Array | string, reason: RegExp]>> = {
    empty: ['', /cannot be loaded/],
    text: ['This is no model.\n'.repeat(100), /cannot be loaded: it is no whole ONNX file/],
    random: [Uint8Array.from({ length: 5000 }, (_, at) => (at * at * 31 + 7) % 251), /cannot be loaded/],
    'cut-in-the-middle': [whole.subarray(0, whole.length / 2), /it is no whole ONNX file/],
    'cut-at-the-end': [whole.subarray(0, -1), /it is no whole ONNX file/],
    'other-format': [Buffer.concat([Buffer.from('\u0018\0\0\0ORTM'), whole]), /the format of ONNX Runtime/],
  };
  for (const [name, [content, reason]] of Object.entries(files)) {
    test(name, async () => {
      await assertRefused(place(name, content), reason);
    });
  }

  test('a folder, a pipe, a device and what is not there, without a process', async () => {
    const folderPath = join(folder, 'folder.onnx');
    mkdirSync(folderPath);
    const pipePath = join(folder, 'pipe.onnx');
    execFileSync('mkfifo', [pipePath]);
    for (const path of [folderPath, pipePath, '/dev/zero', join(folder, 'missing.onnx')]) {
      const { reason, pids } = await refusal(path);
      assert.match(reason, /cannot be read \((it is no regular file|ENOENT)\)/);
      assert.deepEqual(pids, []);
    }
  });

  test('a pipe in place of its sidecar', async () => {
    const path = place('piped', models.sound);
    rmSync(path.replace('.onnx', '.yaml'));
    execFileSync('mkfifo', [path.replace('.onnx', '.yaml')]);
    await assertRefused(path, /piped\.yaml cannot be read \(it is no regular file\)/);
  });

  test('a file of a terabyte, at once; one of nothing but zeros', async () => {
    const path = place('huge', '');
    truncateSync(path, 1024 * 1024 * mib);
    await assertRefused(path, /it has 1099511627776 bytes, and 67108864 are allowed.*max_model_bytes/);
    truncateSync(path, 32 * mib);
    await assertRefused(path, /it is no whole ONNX file/);
  });
});

describe('a model is refused', { concurrency: 2 }, () => {
  const graphs: Readonly<Record<string, readonly [graph: OnnxGraph, reason: RegExp]>> = {
    'with-an-output-of-wrong-rank': [models.wrongRank, /fits no kind that is served/],
    'with-an-output-of-wrong-type': [models.wrongType, /fits no kind that is served/],
    'that-answers-no-number': [models.nanAlways, /answers a grey picture with something that is no number/],
    'that-answers-infinity': [models.infinite, /answers a grey picture with something that is no number/],
    'that-answers-no-number-to-a-white-picture': [
      models.nanNear(1),
      /fails on a picture \(white\): .*answered with something that is no number/,
    ],
    'that-asks-for-terabytes': [
      models.hungry(2n ** 20n),
      /fails on an empty picture|ended the process that tried it/,
    ],
    'that-says-it-has-terabytes': [
      models.boastful(2 ** 20),
      /cannot be loaded|ended the process that tried it/,
    ],
  };
  for (const [name, [graph, reason]] of Object.entries(graphs)) {
    test(name, async () => {
      await assertRefused(place(name, graph), reason);
    });
  }

  test('whose weights are in another file', async () => {
    // A tensor whose external_data names one.
    const text = (field: number, value: Buffer) =>
      Buffer.concat([Buffer.of(field * 8 + 2, value.length), value]);
    const entry = Buffer.concat([text(1, Buffer.from('location')), text(2, Buffer.from('/etc/passwd'))]);
    const path = place('elsewhere', text(7, text(5, text(13, entry))));
    await assertRefused(path, /elsewhere\.onnx keeps its weights in another file, \/etc\/passwd/);
  });

  test('that never ends its work, at its time', async () => {
    const reason = /endless\.onnx took longer than 3000 ms.*limits\.model_proof_timeout_ms/;
    await assertRefused(place('endless', models.endless), reason, { timeoutMs: 3_000 });
  });

  test('that takes more memory than it may', async () => {
    const reason = /hungry\.onnx took more than 500 MiB of memory.*limits\.max_model_memory_bytes/;
    await assertRefused(place('hungry', models.hungry(16_384n)), reason, { maxMemoryBytes: 500 * mib });
  });

  for (const signal of ['SIGKILL', 'SIGSEGV', 'SIGABRT'] as const) {
    test(`that ends its process by ${signal}`, async () => {
      const path = place(`crash-${signal}`, models.endless);
      const { reason } = await refusal(path, {}, (pid) => {
        void atWork(pid).then(() => {
          signalTo(pid, signal);
        });
      });
      assert.match(reason, new RegExp(`crash-${signal}\\.onnx ended the process that tried it \\(${signal}`));
    });
  }

  test('that is changed between being looked at and being tried', async () => {
    const path = place('changed', models.sound);
    const { reason } = await refusal(path, {}, () => {
      place('changed', models.nanNear(0.25));
    });
    assert.match(reason, /changed\.onnx was changed while it was tried/);
  });
});

describe('what was proved is the bytes', () => {
  const load = async (path: string, { fingerprint }: Model) => {
    const thread = await InferenceThread.start(threadOptions(path, fingerprint));
    await thread.close();
  };

  test('others in their place are not loaded, nor run', async () => {
    const path = place('replaced', models.sound);
    const model = await proverWith().prover.prove(judgeOptions(path));
    // It would never end.
    place('replaced', models.endless);
    await assert.rejects(load(path, model), (error) => {
      assert.ok(error instanceof StartupError);
      assert.match(error.message, /replaced\.onnx is not the one that was proved/);
      return true;
    });
    place('replaced', models.sound, `${models.sidecar}classes: [light, dark]\n`);
    await assert.rejects(load(path, model), /is not the one that was proved/);
    place('replaced', models.sound, `${models.sidecar}# Words for people change nothing.\n`);
    await load(path, model);
  });
});

describe('a model that answers no number to a picture that nobody has tried', () => {
  test('gives a fault for that picture and verdicts for others', async () => {
    const path = place('sometimes', models.nanNear(0.235));
    const { fingerprint } = await proverWith().prover.prove(judgeOptions(path));
    const thread = await InferenceThread.start(threadOptions(path, fingerprint));
    const judge = async (value: number) => thread.judge({ type: 'bytes', bytes: await greyPicture(value) });
    const bad = await judge(60);
    assert.ok(!bad.ok && bad.code === 9);
    assert.match(bad.reason, /sometimes\.onnx answered with something that is no number/);
    assert.doesNotMatch(bad.message, /sometimes|number/);
    assert.ok((await judge(200)).ok);
    await thread.close();
  });
});

describe('the one who proves', () => {
  test('tells those who come when too many wait already', async () => {
    const { prover } = proverWith();
    const path = join(folder, 'missing.onnx');
    const asked = await Promise.allSettled(
      Array.from({ length: 20 }, () => prover.prove(judgeOptions(path))),
    );
    const busy = asked.filter((one) => one.status === 'rejected' && one.reason instanceof BusyError);
    assert.equal(busy.length, 4);
  });

  test('tries one model at a time', async () => {
    const together: number[] = [];
    const { prover, pids } = proverWith({}, () => {
      together.push(pids.filter((pid) => existsSync(`/proc/${pid}`)).length);
    });
    const paths = ['first', 'second', 'third'].map((name) => place(name, models.sound));
    await Promise.all(paths.map((path) => prover.prove(judgeOptions(path))));
    assert.deepEqual(together, [1, 1, 1]);
  });

  test('leaves nothing behind when it is closed, and refuses whatever waits or comes', async () => {
    const { prover, pids } = proverWith({}, (_pid, itself) => {
      itself.close();
    });
    const first = prover.prove(judgeOptions(place('closing', models.endless)));
    const second = prover.prove(judgeOptions(place('waiting', models.sound)));
    await assert.rejects(first, /closing\.onnx was not tried to the end, since the server stops/);
    await assert.rejects(second, /waiting\.onnx was not tried to the end/);
    await assert.rejects(prover.prove(judgeOptions(place('late', models.sound))), ModelRefusedError);
    assert.ok(!existsSync(`/proc/${pids.at(-1)}`));
  });
});

test('where the machine has no process to spare, that is said, and the next proof is as any other', async () => {
  const { prover } = proverWith();
  const { execPath } = process;
  process.execPath = '/nowhere/node';
  const path = place('spare', models.sound);
  const failed = prover.prove(judgeOptions(path));
  await assert.rejects(failed, /spare\.onnx could not be tried in a process of its own: .*ENOENT/);
  process.execPath = execPath;
  assert.equal((await prover.prove(judgeOptions(path))).name, 'spare.onnx');
});

test('whoever proves loads neither ONNX Runtime nor the image library', () => {
  const script = `await import('./dist/detector/proof/prover.js');
    console.log((await import('node:fs')).readFileSync('/proc/self/maps', 'latin1'));`;
  const maps = execFileSync(process.execPath, ['--input-type=module', '--eval', script], {
    encoding: 'utf8',
  });
  assert.match(maps, /libc/);
  assert.doesNotMatch(maps, /onnxruntime|vips|sharp/);
});

test('a proof ends with the one who asked for it, also inside a network that never ends', async () => {
  const script = `const { ModelProver } = await import('./dist/detector/proof/prover.js');
    const log = { info: ({ pid }) => console.log(pid) };
    const limits = { timeoutMs: 600_000, maxModelBytes: 1e6, maxMemoryBytes: 1e12 };
    await new ModelProver({ ...limits, log }).prove(${JSON.stringify(judgeOptions(place('orphan', models.endless)))});`;
  const asking = spawn(process.execPath, ['--input-type=module', '--eval', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const pid = await new Promise<number>((resolve) => {
    asking.stdout.once('data', (line: Buffer) => {
      resolve(Number(line.toString()));
    });
  });
  await atWork(pid);
  asking.kill('SIGKILL');
  await eventually('its end', () => (isDead(pid) ? true : null), patienceMs);
});

function isDead(pid: number): boolean {
  try {
    // Where nobody buries the dead it stays as one of them.
    return / [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return true;
  }
}

async function greyPicture(value: number): Promise<Uint8Array<ArrayBuffer>> {
  const { default: sharp } = await import('sharp');
  const background = { r: value, g: value, b: value };
  return new Uint8Array(
    await sharp({ create: { width: 64, height: 64, channels: 3, background } })
      .png()
      .toBuffer(),
  );
}
