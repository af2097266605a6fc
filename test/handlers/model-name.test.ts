import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { modelNameSchema } from '#src/handlers/model-name.js';
import { isModelFile, modelFileOf } from '#src/settings/model-name.js';

const composed = '\ubc30.onnx';
const decomposed = composed.normalize('NFD');
const isName = (name: string) => modelNameSchema.safeParse(name).success;

describe('a model name', () => {
  test('means the same composed or not, and stays as it was sent', () => {
    assert.notEqual(decomposed, composed);
    assert.equal(modelFileOf(decomposed), composed);
    assert.equal(modelNameSchema.parse(decomposed), decomposed);
    assert.ok(isModelFile(decomposed));
  });

  test('has its characters counted when it is composed', () => {
    assert.ok(isName(`${'\ubc30'.repeat(120).normalize('NFD')}.onnx`));
    assert.ok(!isName(`${'\ubc30'.repeat(121)}.onnx`));
  });

  test('of weights means the model that was exported from them; a file of weights is no model', () => {
    assert.equal(modelFileOf('best (1).pt'), 'best (1).onnx');
    assert.equal(modelFileOf('best.pth'), 'best.onnx');
    assert.ok(!isModelFile('best.pt'));
  });
});
