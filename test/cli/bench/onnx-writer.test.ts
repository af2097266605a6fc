import assert from 'node:assert/strict';
import { test } from 'node:test';
import { InferenceSession, Tensor } from 'onnxruntime-node';
import { writeOnnx } from '#src/cli/bench/onnx-writer.js';
import { onnxMetadata } from '#src/detector/models/onnx-metadata.js';

const doubler = writeOnnx({
  inputs: [{ name: 'x', type: 'float32', shape: [1, 'n'] }],
  outputs: [{ name: 'y', type: 'float32', shape: [1, 'n'] }],
  tensors: [{ name: 'two', type: 'float32', shape: [1], data: Float32Array.of(2) }],
  nodes: [
    { op: 'Mul', inputs: ['x', 'two'], outputs: ['doubled'] },
    { op: 'LeakyRelu', inputs: ['doubled'], outputs: ['turned'], attributes: { alpha: { float: 0.5 } } },
    { op: 'Transpose', inputs: ['turned'], outputs: ['column'], attributes: { perm: [1, 0] } },
    { op: 'Flatten', inputs: ['column'], outputs: ['y'], attributes: { axis: 0 } },
  ],
  metadata: { names: "{0: 'a'}" },
});

test('a written network loads and computes what it says', async () => {
  const session = await InferenceSession.create(doubler, { logSeverityLevel: 3 });
  const { y } = await session.run({ x: new Tensor('float32', Float32Array.of(3, -4), [1, 2]) });
  assert.deepEqual([...(y?.data ?? [])], [6, -4]);
  await session.release();
});

test('its metadata can be read back', () => {
  assert.deepEqual(onnxMetadata(doubler), new Map([['names', "{0: 'a'}"]]));
});
