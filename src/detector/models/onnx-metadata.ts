// Reads from an ONNX file what ONNX Runtime's JavaScript interface does not show: the key-value metadata, where exporters
// write class names and input size.
import type { Size } from '../images/frame.js';
import { Fields } from './protobuf.js';

/** Field numbers of onnx.proto. */
const modelMetadata = 14;
const entryKey = 1;
const entryValue = 2;

/** What is read of it; a file may hold millions of others. */
const readKeys: ReadonlySet<string> = new Set(['names', 'imgsz', 'task', 'end2end', 'nms', 'args']);
/** Room for the names of tens of thousands of classes; what is longer counts as not there. */
const textBytesMax = 1024 * 1024;

/** Of the metadata of the model what is of use here. Throws MalformedError. */
export function onnxMetadata(model: Uint8Array): ReadonlyMap<string, string> {
  const metadata = new Map<string, string>();
  const fields = new Fields(model);
  while (fields.next()) {
    if (!fields.isBytes(modelMetadata) || fields.end - fields.start > textBytesMax) continue;
    const { key, value } = entryOf(model, fields);
    if (readKeys.has(key)) metadata.set(key, value);
  }
  return metadata;
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
function entryOf(model: Uint8Array, { start, end }: Fields): { readonly key: string; readonly value: string } {
  const texts = { key: '', value: '' };
  const fields = new Fields(model, start, end);
  while (fields.next()) {
    if (fields.isBytes(entryKey)) texts.key = utf8.decode(model.subarray(fields.start, fields.end));
    else if (fields.isBytes(entryValue)) texts.value = utf8.decode(model.subarray(fields.start, fields.end));
  }
  return texts;
}
