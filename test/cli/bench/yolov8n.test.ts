// The network that the benchmark makes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { yolov8n } from '#src/cli/bench/yolov8n.js';
import { classNames, inputSize, onnxMetadata } from '#src/detector/models/onnx-metadata.js';

test('it loads, has the form of YOLO v8, and finds hardly anything', async () => {
  const size = 64;
  const session = await InferenceSession.create(yolov8n({ size }), { logSeverityLevel: 3 });
  const pixels = Float32Array.from({ length: 3 * size * size }, (_, index) => (index % 256) / 255);
  const { output0 } = await session.run({ images: new Tensor('float32', pixels, [1, 3, size, size]) });
  const candidates = 8 * 8 + 4 * 4 + 2 * 2;
  assert.deepEqual(output0?.dims, [1, 6, candidates]);
  assert.ok(output0.data instanceof Float32Array);
  assert.ok(output0.data.every(Number.isFinite));
  const scores = output0.data.subarray(4 * candidates);
  assert.ok(scores.every((score) => score > 0 && score < 0.25));
  const [x, y, width, height] = [0, 1, 2, 3].map((row) => output0.data[row * candidates]);
  // The first cell is 8 pixels wide and looks at most 15 cells in each direction.
  for (const value of [x, y]) assert.ok(typeof value === 'number' && Math.abs(value - 4) <= (15 * 8) / 2);
  for (const value of [width, height])
    assert.ok(typeof value === 'number' && value > 0 && value <= 2 * 15 * 8);
  await session.release();
});

test('its metadata tell the classes and the size, and it is the same each time', () => {
  const bytes = yolov8n();
  const metadata = onnxMetadata(bytes);
  assert.deepEqual(classNames(metadata), ['defected_pear', 'normal_pear']);
  assert.deepEqual(inputSize(metadata), { width: 640, height: 640 });
  // Three million weights of four bytes.
  assert.ok(bytes.length > 11.9e6 && bytes.length < 12.5e6, `${bytes.length} bytes`);
  assert.ok(bytes.equals(yolov8n()));
});
