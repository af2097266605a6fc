// What is said of a model in tests: nothing, unless the test says more.
import type { ModelSpec } from '#src/detector/models/model-spec.js';

export function specOf(said: Partial<ModelSpec> = {}): ModelSpec {
  return {
    name: 'm.onnx',
    sha256: '',
    classes: null,
    classesFrom: null,
    task: null,
    kind: null,
    isEndToEnd: false,
    isUltralytics: false,
    size: null,
    confidenceThreshold: null,
    iouThreshold: 0.45,
    suppressAcrossClasses: false,
    scores: null,
    output: null,
    pearClass: null,
    input: {},
    ...said,
  };
}

/** `n` names. */
export function names(n: number): string[] {
  return Array.from({ length: n }, (_, index) => `class ${index}`);
}
