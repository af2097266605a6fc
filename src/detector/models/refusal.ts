// Words for a model that cannot be served: what was found in it, and what would do.
import { StartupError } from '../../errors.js';

/** An input or output as ONNX Runtime shows it: a dimension that is a text or not positive is open. */
export interface TensorInfo {
  readonly name: string;
  readonly type: string;
  readonly shape: readonly (number | string)[];
}

/** What one may look at to understand a refusal. */
export interface Found {
  readonly name: string;
  readonly inputs: readonly TensorInfo[];
  readonly outputs: readonly TensorInfo[];
  readonly classes: readonly string[] | null;
}

/** The model fits nothing: `problem` says why, everything that was found follows. */
export function unfit(found: Found, problem: string, cure: string): StartupError {
  const { inputs, outputs, classes } = found;
  const parts = [
    `${plural(inputs, 'input')} ${listed(inputs)}`,
    `${plural(outputs, 'output')} ${listed(outputs)}`,
    classes === null ? 'no class names' : `${classes.length} class ${classes.length === 1 ? 'name' : 'names'}`,
  ];
  return new StartupError(`the model ${found.name} ${problem}; found: ${parts.join('; ')}`, cure);
}

/** `images: float32 [1, 3, 640, 640]` */
export function listed(tensors: readonly TensorInfo[]): string {
  const described = tensors.map(({ name, type, shape }) => `${name}: ${type} [${shape.join(', ')}]`);
  return described.length === 0 ? 'none' : described.join(', ');
}

function plural(things: readonly unknown[], word: string): string {
  return things.length === 1 ? word : `${word}s`;
}
