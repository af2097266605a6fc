// The name of a model as the argument of a command.
import { isModelName } from '../settings/model-name.js';
import { textArgument } from './text-argument.js';

/** What `expected` says of a model name in the refusal of another one. */
export const modelNameForm = 'a model name such as best.onnx (letters, digits, ._-+() and spaces)';

/** With its ending, and before it is composed. */
const nameLengthMax = 512;

/** A name as a client writes it. */
export const modelNameSchema = textArgument(nameLengthMax, isModelName);
