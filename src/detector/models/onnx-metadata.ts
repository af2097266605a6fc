// Reads from an ONNX file what ONNX Runtime's JavaScript interface does not show: the key-value metadata, where exporters
// write class names and input size, and whether the weights are in another file. A walk over the protobuf message
// ModelProto (onnx.proto of the ONNX project) that steps over everything else.
import type { Size } from '../images/frame.js';

/** Field numbers of onnx.proto. */
const modelGraph = 7;
const modelMetadata = 14;
const graphInitializer = 5;
const tensorExternalData = 13;
const entryKey = 1;
const entryValue = 2;

/** The metadata of the model; empty where the bytes are no ONNX file (loading it will say so). */
export function onnxMetadata(model: Uint8Array): ReadonlyMap<string, string> {
  return new Map(fieldsOf(model, modelMetadata).map(entryOf));
}

/** The file that holds the weights, where it is not the model itself; null: everything is in the model. */
export function externalDataFile(model: Uint8Array): string | null {
  for (const graph of fieldsOf(model, modelGraph)) {
    for (const tensor of fieldsOf(graph, graphInitializer)) {
      const external = new Map(fieldsOf(tensor, tensorExternalData).map(entryOf));
      const location = external.get('location');
      if (location !== undefined) return location;
    }
  }
  return null;
}

/**
 * Class names from `names`, as ultralytics writes them: a Python dictionary `{0: 'defected_pear', 1: 'normal_pear'}`, in
 * older exports a list. Null where there are none, or not one for each index.
 */
export function classNames(metadata: ReadonlyMap<string, string>): readonly string[] | null {
  const text = metadata.get('names')?.trim() ?? '';
  // Each goes on where the last one ended, so that no text takes long to read.
  const pythonText = /[\s,{}[\]]*(?:(\d{1,6})\s*:\s*)?(?:'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)")/y;
  const names: string[] = [];
  for (let match = pythonText.exec(text); match !== null; match = pythonText.exec(text)) {
    const [, index, single, double] = match;
    if (text.startsWith('{') && Number(index) !== names.length) return null;
    names.push((single ?? double ?? '').replaceAll(/\\(.)/g, '$1'));
  }
  return names.length > 0 ? names : null;
}

/** Size of the input from `imgsz`: `[height, width]`, or one number for a square. */
export function inputSize(metadata: ReadonlyMap<string, string>): Size | null {
  const sides = /^\[?\s*(\d{1,5})\s*(?:,\s*(\d{1,5})\s*)?\]?$/.exec(metadata.get('imgsz')?.trim() ?? '');
  if (sides === null) return null;
  const [height, width] = [Number(sides[1]), Number(sides[2] ?? sides[1])];
  return width > 0 && height > 0 ? { width, height } : null;
}

/** Whether the exporter says that the network has put overlapping boxes aside itself (`end2end`, or `nms` in `args`). */
export function isEndToEnd(metadata: ReadonlyMap<string, string>): boolean {
  return (
    /^true$/i.test(metadata.get('end2end') ?? '') ||
    /^true$/i.test(metadata.get('nms') ?? '') ||
    /['"]nms['"]\s*:\s*True/.test(metadata.get('args') ?? '')
  );
}

const utf8 = new TextDecoder();

/** Key and value of a StringStringEntryProto. */
function entryOf(entry: Uint8Array): [key: string, value: string] {
  const text = (field: number) => utf8.decode(fieldsOf(entry, field).at(-1) ?? new Uint8Array());
  return [text(entryKey), text(entryValue)];
}

/** The contents of every `wanted` field of wire type 2. Others are stepped over; the walk ends where the bytes make no sense. */
function fieldsOf(message: Uint8Array, wanted: number): Uint8Array[] {
  const found: Uint8Array[] = [];
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let factor = 1; at < message.length; factor *= 128) {
      const byte = message[at++] ?? 0;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    return Number.NaN;
  };
  while (at < message.length) {
    const tag = varint();
    const wireType = tag % 8;
    if (wireType === 0) varint();
    else if (wireType === 1) at += 8;
    else if (wireType === 5) at += 4;
    else if (wireType === 2) {
      const length = varint();
      if (!(at + length <= message.length)) return found;
      if (Math.floor(tag / 8) === wanted) found.push(message.subarray(at, at + length));
      at += length;
    } else return found;
  }
  return found;
}
