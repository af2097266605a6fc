// Says in a line how a model was read and what decided it, so that whoever serves a model sees it in the log.
import type { Framing } from '../images/frame.js';
import type { TensorForm } from '../images/input-tensor.js';
import type { InputForm } from './input-form.js';
import type { Recognised } from './model-kind.js';
import type { ModelSpec, Origin } from './model-spec.js';

export const originWords: Readonly<Record<Origin, string>> = {
  configuration: 'by the configuration',
  sidecar: 'by the .yaml file',
  metadata: 'by its metadata',
};

/** `pear.onnx was read as yolo-v8 (its form): float32 [1, 3, 640, 640], …; 2 classes (by its metadata)` */
export function readAs(
  spec: ModelSpec,
  reading: Recognised,
  input: InputForm,
  how: Framing & TensorForm,
): string {
  const { dtype, layout, width, height } = input;
  const dims = layout === 'nchw' ? [1, 3, height, width] : [1, height, width, 3];
  const output = `${reading.output.name} [${reading.output.shape.join(', ')}]`;
  return [
    `${spec.name} was read as ${reading.kind} (told by ${reading.decidedBy}): input ${dtype} [${dims.join(', ')}], output ${output}`,
    `pictures of ${width} × ${height} (${sizeWords(spec, input)}), ${how.resize}, ${how.interpolation}`,
    classWords(spec, reading),
  ].join('; ');
}

function sizeWords({ size }: ModelSpec, { isSizeGuessed, isSizeFixed }: InputForm): string {
  if (isSizeFixed) return 'fixed in the graph';
  return isSizeGuessed || size === null ? 'nobody says it, a guess' : originWords[size.from];
}

function classWords({ classes, classesFrom }: ModelSpec, { classCount }: Recognised): string {
  if (classes === null) return classCount === null ? 'classes without names' : `${classCount} classes without names`;
  const from = classesFrom === null ? '' : ` (${originWords[classesFrom]})`;
  return `classes ${classes.join(', ')}${from}`;
}
