// Reads the key-value metadata of an ONNX file (exporters write class names and input size there), which
// ONNX Runtime's JavaScript interface does not show. A walk over the top level of the protobuf message
// ModelProto (onnx.proto of the ONNX project), where field 14 holds `metadata_props`; the graph is stepped over.

const metadataPropsField = 14;
const keyField = 1;
const valueField = 2;

/** The metadata of the model; empty where the bytes are no ONNX file (loading it will say so). */
export function onnxMetadata(model: Uint8Array): ReadonlyMap<string, string> {
  const metadata = new Map<string, string>();
  for (const { field, bytes } of lengthDelimitedFields(model)) {
    if (field !== metadataPropsField) continue;
    let key = '';
    let value = '';
    for (const part of lengthDelimitedFields(bytes)) {
      if (part.field === keyField) key = utf8.decode(part.bytes);
      if (part.field === valueField) value = utf8.decode(part.bytes);
    }
    metadata.set(key, value);
  }
  return metadata;
}

/** Class names from the Python dictionary that ultralytics writes: `{0: 'defected_pear', 1: 'normal_pear'}`. */
export function classNames(metadata: ReadonlyMap<string, string>): readonly string[] | null {
  const names: string[] = [];
  for (const match of (metadata.get('names') ?? '').matchAll(/(\d+)\s*:\s*(?:'([^']*)'|"([^"]*)")/g)) {
    if (Number(match[1]) !== names.length) return null;
    names.push(match[2] ?? match[3] ?? '');
  }
  return names.length > 0 ? names : null;
}

/** Side of the square input in pixels, from `imgsz` (`[320, 320]` or `320`). */
export function inputSize(metadata: ReadonlyMap<string, string>): number | null {
  const sides = [...(metadata.get('imgsz') ?? '').matchAll(/\d+/g)].map(Number);
  const side = sides[0];
  return side !== undefined && sides.every((other) => other === side) ? side : null;
}

const utf8 = new TextDecoder();

/** Fields of wire type 2; those of other types are stepped over, and the walk ends where the bytes make no sense. */
function* lengthDelimitedFields(message: Uint8Array): Generator<{ field: number; bytes: Uint8Array }> {
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
      if (!(at + length <= message.length)) return;
      yield { field: Math.floor(tag / 8), bytes: message.subarray(at, at + length) };
      at += length;
    } else return;
  }
}
