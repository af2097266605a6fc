// Writes ONNX files: networks with random weights for the benchmark, odd models for tests. The few messages of onnx.proto
// (ONNX project, IR version 8, opset 17) that a plain network needs, in protobuf's wire format.

const irVersion = 8;
const opsetVersion = 17;

/** Element types by their numbers in TensorProto.DataType. */
const elementTypes = { float32: 1, uint8: 2, int8: 3, int32: 6, int64: 7, bool: 9, float16: 10 } as const;
export type ElementType = keyof typeof elementTypes;

/** An input or output; a dimension that is a text is open. */
export interface OnnxValue {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly (number | string)[];
}

/** A constant of the graph; `data` holds its elements in row-major order, little-endian. */
export interface OnnxTensor {
  readonly name: string;
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly data: Float32Array | Uint8Array | Int8Array | Int32Array | BigInt64Array | Uint16Array;
}

/** A whole number or a list of them is written as INT or INTS, `{ float }` as FLOAT, a text as STRING, `{ graph }` as GRAPH. */
export type OnnxAttribute =
  number | readonly number[] | string | { readonly float: number } | { readonly graph: OnnxGraph };

export interface OnnxNode {
  readonly op: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly attributes?: Readonly<Record<string, OnnxAttribute>>;
}

export interface OnnxGraph {
  readonly inputs: readonly OnnxValue[];
  readonly outputs: readonly OnnxValue[];
  readonly tensors: readonly OnnxTensor[];
  /** In the order of computation. */
  readonly nodes: readonly OnnxNode[];
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The bytes of an ONNX file. */
export function writeOnnx(graph: OnnxGraph): Buffer {
  return Buffer.concat([
    integer(1, irVersion),
    text(2, 'linuxit-tcp-ip'),
    message(7, graphFields(graph)),
    message(8, [text(1, ''), integer(2, opsetVersion)]),
    ...Object.entries(graph.metadata ?? {}).map(([key, value]) =>
      message(14, [text(1, key), text(2, value)]),
    ),
  ]);
}

function graphFields({ nodes, tensors, inputs, outputs }: OnnxGraph): Buffer[] {
  return [
    ...nodes.map((node) => message(1, nodeFields(node))),
    text(2, 'graph'),
    ...tensors.map((tensor) => message(5, tensorFields(tensor))),
    ...inputs.map((value) => message(11, valueFields(value))),
    ...outputs.map((value) => message(12, valueFields(value))),
  ];
}

function nodeFields({ op, inputs, outputs, attributes = {} }: OnnxNode): Buffer[] {
  return [
    ...inputs.map((name) => text(1, name)),
    ...outputs.map((name) => text(2, name)),
    text(4, op),
    ...Object.entries(attributes).map(([name, value]) =>
      message(5, [text(1, name), ...attributeFields(value)]),
    ),
  ];
}

/** The value, and its kind in field 20 (AttributeProto.AttributeType). */
function attributeFields(value: OnnxAttribute): Buffer[] {
  if (typeof value === 'number') return [integer(3, value), integer(20, 2)];
  if (typeof value === 'string') return [text(4, value), integer(20, 3)];
  if ('graph' in value) return [message(6, graphFields(value.graph)), integer(20, 5)];
  if ('float' in value) return [float(2, value.float), integer(20, 1)];
  return [...value.map((item) => integer(8, item)), integer(20, 7)];
}

function tensorFields({ name, type, shape, data }: OnnxTensor): Buffer[] {
  return [
    ...shape.map((size) => integer(1, size)),
    integer(2, elementTypes[type]),
    text(8, name),
    bytes(9, Buffer.from(data.buffer, data.byteOffset, data.byteLength)),
  ];
}

function valueFields({ name, type, shape }: OnnxValue): Buffer[] {
  const dimensions = shape.map((size) =>
    message(1, [typeof size === 'number' ? integer(1, size) : text(2, size)]),
  );
  const tensorType = message(1, [integer(1, elementTypes[type]), message(2, dimensions)]);
  return [text(1, name), message(2, [tensorType])];
}

function message(field: number, parts: readonly Buffer[]): Buffer {
  return bytes(field, Buffer.concat(parts));
}

function text(field: number, value: string): Buffer {
  return bytes(field, Buffer.from(value));
}

function bytes(field: number, value: Buffer): Buffer {
  return Buffer.concat([varint(BigInt(field * 8 + 2)), varint(BigInt(value.length)), value]);
}

function integer(field: number, value: number): Buffer {
  return Buffer.concat([varint(BigInt(field * 8)), varint(BigInt.asUintN(64, BigInt(value)))]);
}

function float(field: number, value: number): Buffer {
  const content = Buffer.alloc(4);
  content.writeFloatLE(value);
  return Buffer.concat([varint(BigInt(field * 8 + 5)), content]);
}

function varint(value: bigint): Buffer {
  const content: number[] = [];
  let rest = value;
  while (rest >= 128n) {
    content.push(Number(rest % 128n) + 128);
    rest /= 128n;
  }
  return Buffer.from([...content, Number(rest)]);
}
