import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, afterEach, before, beforeEach, describe, test } from 'node:test';
import type { Batch, Outcome } from '#src/detector/queue/batch.js';
import { PearDetector } from '#src/detector/pear-detector.js';
import type { ThreadAnswer } from '#src/detector/inference/thread-answer.js';
import type { ImageSource, ThreadOptions } from '#src/detector/inference/thread-messages.js';
import { CancelledError, DeadlineError, PeerGoneError, StartupError, errorCodes } from '#src/errors.js';
import { sample, samplesFolder, variants } from '../support/pictures.js';

const folder = realpathSync(samplesFolder);

const photo: ImageSource = { type: 'file', folder, name: 'normal-01.jpg' };

const threadOptions = (modelPath: string, classes: string[] | null = null): ThreadOptions => ({
  modelPath,
  preprocessorPath: null,
  runtime: { threads: 1, memoryArena: true },
  overrides: { classes, imgSize: null, confidenceThreshold: null },
  maxImageBytes: 10_000_000,
  maxImagePixels: 5_000_000,
  decodeTimeoutMs: 10_000,
  niceness: 10,
});

function start(
  modelPath = 'models/pear-starter-int8.onnx',
  classes: string[] | null = null,
): Promise<PearDetector> {
  return PearDetector.start({
    thread: threadOptions(modelPath, classes),
    onFault: (reason) => {
      assert.fail(reason);
    },
  });
}

/** The verdict as a class index, or the code of the error. */
function told(outcome: Outcome): string {
  return outcome.ok ? `result ${outcome.verdict.result}` : `code ${outcome.error.code}`;
}

/** The name of the model that each image was judged by. */
async function modelsOf(batch: Batch): Promise<(string | null)[]> {
  return (await batch.outcomes).map((outcome) => (outcome.ok ? outcome.verdict.model.name : null));
}

describe('PearDetector', () => {
  let detector: PearDetector;
  before(async () => {
    detector = await start();
  });
  after(() => detector.close());

  /** Judges samples by name, or bytes. */
  async function judge(
    images: readonly (string | Buffer)[],
    signal = new AbortController().signal,
  ): Promise<string[]> {
    const batch = detector.submit({}, images.length, signal);
    images.forEach((image, index) => {
      batch.provide(
        index,
        typeof image === 'string'
          ? { type: 'file', folder, name: image }
          : { type: 'bytes', bytes: new Uint8Array(image) },
      );
    });
    return (await batch.outcomes).map(told);
  }

  test('tells defective, normal and no pear apart on every sample', async () => {
    const numbers = [1, 2, 3, 4, 5];
    assert.deepEqual(
      await judge(numbers.map((n) => `defective-0${n}.jpg`)),
      numbers.map(() => 'result 0'),
    );
    assert.deepEqual(
      await judge(numbers.map((n) => `normal-0${n}.jpg`)),
      numbers.map(() => 'result 1'),
    );
    assert.deepEqual(
      await judge(['empty-01.jpg', 'empty-02.jpg', 'empty-03.jpg']),
      Array(3).fill('result -1'),
    );
  });

  test('gives other forms of a picture the verdict of the picture', async () => {
    const forms = await variants(await sample('defective-01.jpg'));
    assert.deepEqual(
      await judge([...forms.values()]),
      [...forms].map(() => 'result 0'),
    );
  });

  test('answers a bad image with its code and the others all the same', async () => {
    const truncated = (await sample('normal-01.jpg')).subarray(0, 20_000);
    assert.deepEqual(
      await judge(['normal-01.jpg', truncated, 'missing.jpg', Buffer.from('text'), 'defective-01.jpg']),
      ['result 1', 'code 8', 'code 2', 'code 8', 'result 0'],
    );
  });

  test('finds the box of the pear in pixels of the upright image', async () => {
    const batch = detector.submit({}, 1, new AbortController().signal);
    batch.provide(0, { type: 'file', folder, name: 'normal-01.jpg' });
    const [outcome] = await batch.outcomes;
    assert.ok(outcome?.ok);
    const { detections, timingMs, model } = outcome.verdict;
    const [x1, y1, x2, y2] = detections[0]?.box ?? [0, 0, 0, 0];
    assert.ok(x1 >= 0 && y1 >= 0 && x2 <= 1024 && y2 <= 768 && x2 - x1 > 300 && y2 - y1 > 300);
    assert.ok(timingMs.total >= timingMs.inference && timingMs.inference > 0 && timingMs.decode > 0);
    assert.equal(model.sha256.length, 64);
  });

  test('cancelled, answers what was not started with code 7 and lets the rest finish', async () => {
    const controller = new AbortController();
    const outcomes = judge(Array<string>(20).fill('normal-01.jpg'), controller.signal);
    controller.abort(new CancelledError('stopped'));
    const told = await outcomes;
    assert.deepEqual(told.slice(0, 2), ['result 1', 'result 1'], 'two were with the thread');
    assert.deepEqual(told.slice(2), Array(18).fill('code 7'));
  });

  test('at the deadline, answers every image at once, started or not', async () => {
    const controller = new AbortController();
    const outcomes = judge(Array<string>(6).fill('normal-01.jpg'), controller.signal);
    controller.abort(new DeadlineError('late'));
    assert.deepEqual(await outcomes, Array(6).fill('code 4'));
  });

  test('where the peer has gone, answers every image at once, so that nobody waits for them', async () => {
    const controller = new AbortController();
    const outcomes = judge(Array<string>(6).fill('normal-01.jpg'), controller.signal);
    controller.abort(new PeerGoneError());
    assert.deepEqual(await outcomes, Array(6).fill('code 7'));
  });

  test('gives two owners turns', async () => {
    const order: string[] = [];
    const submit = (owner: string, count: number) => {
      const batch = detector.submit({}, count, new AbortController().signal);
      batch.slots.forEach((slot, index) => {
        void slot.outcome.then(() => order.push(owner));
        batch.provide(index, { type: 'file', folder, name: 'normal-01.jpg' });
      });
      return batch.outcomes;
    };
    await Promise.all([submit('many', 10), submit('one', 1)]);
    assert.ok(order.indexOf('one') <= 3, order.join(' '));
  });
});

describe('a PearDetector that shares images', () => {
  const verdict: ThreadAnswer = {
    ok: true,
    detections: [{ classIndex: 1, confidence: 0.75, box: [1, 2, 3, 4] }],
    decodeMs: 1,
    inferenceMs: 2,
  };
  let detector: PearDetector;
  let waiting: number;
  let spare: number;
  beforeEach(async () => {
    detector = await start();
    [waiting, spare] = [0, 0];
    detector.share({ onWaiting: () => waiting++, onSpare: () => spare++ });
  });
  afterEach(() => detector.close());

  function submit(count: number, signal = new AbortController().signal) {
    const batch = detector.submit({}, count, signal);
    for (let index = 0; index < count; index++)
      batch.provide(index, { type: 'file', folder, name: 'normal-01.jpg' });
    return batch;
  }

  test('keeps one image, and lends the others in their order', async () => {
    const batch = submit(3);
    assert.ok(waiting > 0);
    assert.deepEqual([detector.inFlight, detector.queued, detector.spare], [1, 2, 0]);
    const loans = [detector.lend(detector.model.fingerprint), detector.lend(detector.model.fingerprint)];
    assert.equal(detector.lend(detector.model.fingerprint), null);
    assert.deepEqual(loans[0]?.source, { type: 'file', folder, name: 'normal-01.jpg' });
    for (const loan of loans) loan?.settle(verdict);
    const outcomes = await batch.outcomes;
    assert.deepEqual(outcomes.map(told), ['result 1', 'result 1', 'result 1']);
    assert.ok(outcomes[1]?.ok && outcomes[1].verdict.detections[0]?.confidence === 0.75);
    assert.equal(outcomes[1].verdict.model, detector.model);
  });

  test('judges what nobody takes itself', async () => {
    assert.deepEqual((await submit(5).outcomes).map(told), Array(5).fill('result 1'));
    assert.ok(spare > 0, 'and tells when there is room again');
    assert.equal(detector.spare, 2);
  });

  test('judges itself what comes back, and lends it to nobody again', async () => {
    const batch = submit(3);
    const loan = detector.lend(detector.model.fingerprint);
    assert.ok(detector.lend(detector.model.fingerprint) !== null);
    loan?.giveBack();
    assert.equal(detector.lend(detector.model.fingerprint), null);
    const [first, second] = batch.slots;
    assert.ok((await first?.outcome)?.ok && (await second?.outcome)?.ok);
  });

  test('answers what another worker could not judge as it would itself', async () => {
    const batch = submit(2);
    detector
      .lend(detector.model.fingerprint)
      ?.settle({ ok: false, code: errorCodes.invalidImage, message: 'the image is empty', reason: '' });
    assert.deepEqual((await batch.outcomes).map(told), ['result 1', 'code 8']);
  });

  test('lets images that are lent finish when their request is cancelled, also one that comes back', async () => {
    const controller = new AbortController();
    const batch = submit(4, controller.signal);
    const [settled, returned] = [
      detector.lend(detector.model.fingerprint),
      detector.lend(detector.model.fingerprint),
    ];
    controller.abort(new CancelledError('stopped'));
    settled?.settle(verdict);
    returned?.giveBack();
    const outcomes = (await batch.outcomes).map(told);
    assert.deepEqual([outcomes[0], outcomes[1], outcomes[3]], ['result 1', 'result 1', 'code 7']);
    assert.equal(outcomes[2], 'result 1', 'it was begun elsewhere, so it is judged');
  });

  test('keeps the deadline of images that are begun when their request is cancelled', async () => {
    const [cancel, deadline] = [new AbortController(), new AbortController()];
    const batch = detector.submit({}, 3, cancel.signal, deadline.signal);
    for (let index = 0; index < 3; index++)
      batch.provide(index, { type: 'file', folder, name: 'normal-01.jpg' });
    const lent = detector.lend(detector.model.fingerprint);
    cancel.abort(new CancelledError('stopped'));
    assert.deepEqual([batch.slots[1]?.state, batch.slots[2]?.state], ['started', 'done']);
    deadline.abort(new DeadlineError('late'));
    assert.deepEqual((await batch.outcomes).map(told), ['code 4', 'code 4', 'code 7']);
    lent?.giveBack();
  });

  test('at the deadline answers images that are lent, whatever comes of them later', async () => {
    const controller = new AbortController();
    const batch = submit(3, controller.signal);
    const [settled, returned] = [
      detector.lend(detector.model.fingerprint),
      detector.lend(detector.model.fingerprint),
    ];
    controller.abort(new DeadlineError('late'));
    assert.deepEqual((await batch.outcomes).map(told), Array(3).fill('code 4'));
    settled?.settle(verdict);
    returned?.giveBack();
    assert.equal(detector.queued, 0);
  });

  test('judges images of others, bytes too, as room for them is', async () => {
    const bytes = new Uint8Array(await sample('defective-01.jpg'));
    const answers = [
      detector.help({ type: 'bytes', bytes }, detector.model.fingerprint),
      detector.help({ type: 'file', folder, name: 'normal-01.jpg' }, detector.model.fingerprint),
    ];
    assert.equal(detector.spare, 0);
    const found = (await Promise.all(answers)).map(
      (answer) => answer?.ok === true && answer.detections[0]?.classIndex,
    );
    assert.deepEqual(found, [0, 1]);
    assert.equal(detector.spare, 2);
  });

  test('changes its model: what was submitted before is judged by the old one, what comes after by the new one', async () => {
    const changing = await start();
    const old = changing.model;
    const before = changing.submit({}, 4, new AbortController().signal);
    const late = changing.submit({}, 2, new AbortController().signal);
    const announced = changing.submit({}, 1, new AbortController().signal);
    for (let index = 0; index < 4; index++) before.provide(index, photo);
    late.provide(0, photo);
    const next = await changing.prepare(threadOptions('models/pear-starter.onnx'));
    assert.equal(changing.model, old, 'until the change is decided the old one serves');

    const committed = changing.commit();
    assert.equal(changing.model.name, 'pear-starter.onnx');
    assert.notEqual(next.fingerprint, old.fingerprint);
    const after = changing.submit({}, 2, new AbortController().signal);
    for (let index = 0; index < 2; index++) after.provide(index, photo);
    assert.deepEqual(await modelsOf(after), Array(2).fill(next.name));
    assert.deepEqual(await modelsOf(before), Array(4).fill(old.name));
    await committed;
    late.provide(1, photo);
    announced.provide(0, photo);
    assert.deepEqual(await modelsOf(late), [old.name, old.name], 'bytes of a request may come late');
    assert.deepEqual(await modelsOf(announced), [next.name], 'none of its images was there before');
    assert.equal(await changing.help(photo, old.fingerprint), null, 'it judges nothing for others any more');
    await changing.close();
  });

  test('waits with the old model for no bytes that may never come, once the next change is made', async () => {
    const changing = await start();
    const owed = changing.submit({}, 2, new AbortController().signal);
    owed.provide(0, photo);
    for (const next of [
      'models/pear-starter.onnx',
      'models/pear-starter-int8.onnx',
      'models/pear-starter.onnx',
    ]) {
      await changing.prepare(threadOptions(next));
      await changing.commit();
    }
    owed.provide(1, photo);
    assert.deepEqual(await modelsOf(owed), ['pear-starter-int8.onnx', 'pear-starter.onnx']);
    await changing.close();
  });

  test('is changed when all that was there before is answered, by whichever model, also where the model stays', async () => {
    const changing = await start();
    let answered = 0;
    const begin = (count: number) => {
      const batch = changing.submit({}, count, new AbortController().signal);
      for (const { outcome } of batch.slots) void outcome.then(() => (answered += 1));
      batch.provide(0, photo);
      return batch;
    };
    const late = begin(2);
    await changing.commit();
    assert.equal(answered, 1, 'nothing was prepared, as where a folder is changed');
    await changing.prepare(threadOptions('models/pear-starter.onnx'));
    await changing.commit();
    late.provide(1, photo);
    begin(1);
    await changing.prepare(threadOptions('models/pear-starter-int8.onnx'));
    await changing.commit();
    assert.equal(answered, 3, 'that of the first model, and that of the second one');
    await changing.close();
  });

  test('lends what waits for the model of another worker, whatever waits before it for another model', async () => {
    const changing = await start();
    changing.share({ onWaiting: () => undefined, onSpare: () => undefined });
    await changing.prepare(threadOptions('models/pear-starter.onnx'));
    const before = changing.submit({}, 6, new AbortController().signal);
    for (let index = 0; index < 6; index++) before.provide(index, photo);
    const committed = changing.commit();
    const after = changing.submit({}, 6, new AbortController().signal);
    for (let index = 0; index < 6; index++) after.provide(index, photo);
    const loan = changing.lend(changing.model.fingerprint);
    assert.ok(loan !== null);
    loan.settle(verdict);
    assert.equal((await before.outcomes).filter(({ ok }) => ok).length, 6);
    await committed;
    assert.equal((await after.outcomes).filter(({ ok }) => ok).length, 6);
    await changing.close();
  });

  test('lends an image only to a worker with the model that is to judge it', async () => {
    const changing = await start();
    const old = changing.model.fingerprint;
    await changing.prepare(threadOptions('models/pear-starter.onnx'));
    const batch = changing.submit({}, 4, new AbortController().signal);
    for (let index = 0; index < 4; index++) batch.provide(index, photo);
    const committed = changing.commit();
    assert.equal(changing.lend(changing.model.fingerprint), null);
    changing.lend(old)?.settle(verdict);
    assert.equal((await batch.outcomes).filter(({ ok }) => ok).length, 4);
    await committed;
    await changing.close();
  });

  test('gives up what was prepared, and serves on', async () => {
    const changing = await start();
    await assert.rejects(changing.prepare(threadOptions('models/missing.onnx')), StartupError);
    await changing.prepare(threadOptions('models/pear-starter.onnx'));
    await changing.discard();
    await changing.commit();
    assert.equal(changing.model.name, 'pear-starter-int8.onnx');
    const batch = changing.submit({}, 1, new AbortController().signal);
    batch.provide(0, photo);
    assert.deepEqual(await modelsOf(batch), ['pear-starter-int8.onnx']);
    await changing.close();
  });
});

describe('a model', () => {
  const folderOfModels = mkdtempSync(join(tmpdir(), 'pear-models-'));
  after(() => {
    rmSync(folderOfModels, { recursive: true });
  });

  const failure = async (path: string, classes: string[] | null = null) => {
    try {
      await (await start(path, classes)).close();
    } catch (error) {
      assert.ok(error instanceof StartupError);
      assert.ok(error.cure.length > 0);
      return error.message;
    }
    return assert.fail('it started');
  };

  test('without a sidecar is known by its own metadata', async () => {
    const path = join(folderOfModels, 'alone.onnx');
    copyFileSync('models/pear-starter.onnx', path);
    const detector = await start(path);
    assert.deepEqual(detector.model.classes, ['defected_pear', 'normal_pear']);
    await detector.close();
  });

  test('that is missing, truncated or nothing of the kind is refused by name', async () => {
    assert.match(await failure(join(folderOfModels, 'missing.onnx')), /missing\.onnx cannot be read/);
    const whole = readFileSync('models/pear-starter.onnx');
    writeFileSync(join(folderOfModels, 'half.onnx'), whole.subarray(0, whole.length / 2));
    assert.match(await failure(join(folderOfModels, 'half.onnx')), /half\.onnx cannot be loaded/);
    writeFileSync(join(folderOfModels, 'text.onnx'), 'no model');
    assert.match(await failure(join(folderOfModels, 'text.onnx')), /text\.onnx cannot be loaded/);
  });

  test('with another number of classes than configured is refused with both numbers', async () => {
    assert.match(
      await failure('models/pear-starter.onnx', ['a', 'b', 'c']),
      /has 2 classes, but 3 names are given/,
    );
  });

  test('with a sidecar that makes no sense is refused by the name of the sidecar', async () => {
    copyFileSync('models/pear-starter.onnx', join(folderOfModels, 'odd.onnx'));
    writeFileSync(join(folderOfModels, 'odd.yaml'), 'confidence_threshold: 7\n');
    assert.match(
      await failure(join(folderOfModels, 'odd.onnx')),
      /odd\.yaml does not describe a model.*confidence_threshold/,
    );
  });
});
