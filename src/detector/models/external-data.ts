// Whether a model reads other files. ONNX lets any tensor, wherever it stands in the graph, keep its numbers in a file that it
// names, relative to anywhere; a model that somebody hands us must not choose what this process reads. So every tensor of the
// file is looked at: those of the graph, sparse ones, those that nodes carry (also in subgraphs of If, Loop and Scan), those of
// functions and of training.
import { Fields, MalformedError, wireTypes } from './protobuf.js';

/** The messages of onnx.proto in which a tensor can stand, and by which fields one gets there. */
type Kind = 'training' | 'graph' | 'node' | 'attribute' | 'function' | 'sparse' | 'tensor';
type Inside = ReadonlyMap<number, Kind>;

const insideModel: Inside = new Map([
  [7, 'graph'],
  [20, 'training'],
  [25, 'function'],
]);

const inside: Readonly<Record<Exclude<Kind, 'tensor'>, Inside>> = {
  training: new Map([
    [1, 'graph'],
    [2, 'graph'],
  ]),
  graph: new Map([
    [1, 'node'],
    [5, 'tensor'],
    [15, 'sparse'],
  ]),
  node: new Map([[5, 'attribute']]),
  attribute: new Map([
    [5, 'tensor'],
    [6, 'graph'],
    [10, 'tensor'],
    [11, 'graph'],
    [22, 'sparse'],
    [23, 'sparse'],
  ]),
  function: new Map([
    [7, 'node'],
    [11, 'attribute'],
  ]),
  sparse: new Map([
    [1, 'tensor'],
    [2, 'tensor'],
  ]),
};

const tensorExternalData = 13;
const tensorDataLocation = 14;
const entryKey = 1;
const entryValue = 2;

/** As deep as protobuf's own reader goes; real models need a tenth of it. */
const depthMax = 100;
/** A file name in a message for people. */
const shownCharactersMax = 100;

/** The first other file that the model refers to; null: everything is in the model. Throws MalformedError. */
export function externalDataFile(model: Uint8Array): string | null {
  return search(model, new Fields(model), insideModel, 1);
}

function search(model: Uint8Array, fields: Fields, kinds: Inside, depth: number): string | null {
  if (depth > depthMax) throw new MalformedError(`its messages are nested more than ${depthMax} deep`);
  while (fields.next()) {
    const kind = fields.wireType === wireTypes.bytes ? kinds.get(fields.field) : undefined;
    if (kind === undefined) continue;
    const content = new Fields(model, fields.start, fields.end);
    const found = kind === 'tensor' ? fileOf(model, content) : search(model, content, inside[kind], depth + 1);
    if (found !== null) return found;
  }
  return null;
}

/** A tensor that says either of the two, whatever the other says, is one that a loader may take from a file. */
function fileOf(model: Uint8Array, tensor: Fields): string | null {
  let isExternal = false;
  let file: string | null = null;
  while (tensor.next()) {
    if (tensor.isBytes(tensorExternalData)) {
      isExternal = true;
      file ??= locationOf(model, new Fields(model, tensor.start, tensor.end));
    } else if (tensor.field === tensorDataLocation && tensor.wireType === wireTypes.varint) {
      isExternal ||= tensor.value !== 0;
    }
  }
  return isExternal ? (file ?? 'which it does not name') : null;
}

function locationOf(model: Uint8Array, entry: Fields): string | null {
  let isLocation = false;
  let value: string | null = null;
  while (entry.next()) {
    if (entry.isBytes(entryKey)) isLocation = shown(model, entry) === 'location';
    else if (entry.isBytes(entryValue)) value = shown(model, entry);
  }
  return isLocation ? value : null;
}

const utf8 = new TextDecoder();

function shown(model: Uint8Array, { start, end }: Fields): string {
  const text = utf8.decode(model.subarray(start, Math.min(end, start + 4 * shownCharactersMax)));
  return text.replaceAll(/\p{Cc}/gu, '�').slice(0, shownCharactersMax);
}
