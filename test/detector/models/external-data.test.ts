// No model chooses what this process reads: each place where ONNX lets a tensor name another file, and bytes that try to hide one.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { externalDataFile } from '#src/detector/models/external-data.js';
import { MalformedError } from '#src/detector/models/protobuf.js';

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 128n) return Buffer.from([...bytes, Number(rest)]);
    bytes.push(Number(rest & 127n) | 128);
  }
}
const integer = (field: number, value: bigint) => Buffer.concat([varint(BigInt(field) << 3n), varint(value)]);
const bytes = (field: number, ...parts: readonly (Buffer | string)[]) => {
  const content = Buffer.concat(parts.map((part) => Buffer.from(part)));
  return Buffer.concat([varint((BigInt(field) << 3n) | 2n), varint(BigInt(content.length)), content]);
};

const entry = (key: string, value: string) => bytes(13, bytes(1, key), bytes(2, value));
const named = Buffer.concat([entry('offset', '0'), entry('location', '/etc/passwd')]);

/** Content of a TensorProto → the model that carries it there. */
const attribute = (content: Buffer) => bytes(7, bytes(1, bytes(5, content)));
const places: Readonly<Record<string, (tensor: Buffer) => Buffer>> = {
  'an initializer': (tensor) => bytes(7, bytes(5, tensor)),
  'the values of a sparse initializer': (tensor) => bytes(7, bytes(15, bytes(1, tensor))),
  'the indices of a sparse initializer': (tensor) => bytes(7, bytes(15, bytes(2, tensor))),
  'a constant node': (tensor) => attribute(bytes(5, tensor)),
  'a list of tensors of a node': (tensor) => attribute(bytes(10, tensor)),
  'a sparse constant node': (tensor) => attribute(bytes(22, bytes(1, tensor))),
  'a list of sparse tensors of a node': (tensor) => attribute(bytes(23, bytes(2, tensor))),
  'a subgraph (If, Loop, Scan)': (tensor) => attribute(bytes(6, bytes(5, tensor))),
  'a list of subgraphs': (tensor) => attribute(bytes(11, bytes(5, tensor))),
  'a subgraph of a subgraph': (tensor) =>
    attribute(bytes(6, bytes(1, bytes(5, bytes(6, bytes(1, bytes(5, bytes(5, tensor)))))))),
  'a function': (tensor) => bytes(25, bytes(7, bytes(5, bytes(5, tensor)))),
  'the default of an attribute of a function': (tensor) => bytes(25, bytes(11, bytes(5, tensor))),
  'the graph that initialises training': (tensor) => bytes(20, bytes(1, bytes(5, tensor))),
  'the graph of a training step': (tensor) => bytes(20, bytes(2, bytes(5, tensor))),
  'the second of two graphs, which are one': (tensor) =>
    Buffer.concat([bytes(7, bytes(2, 'graph')), bytes(7, bytes(5, tensor))]),
  'a graph behind fields that nobody knows': (tensor) =>
    Buffer.concat([
      integer(1000, 2n ** 64n - 1n),
      Buffer.concat([varint((1001n << 3n) | 1n), Buffer.alloc(8)]),
      Buffer.concat([varint((1002n << 3n) | 5n), Buffer.alloc(4)]),
      bytes(7, bytes(5, tensor)),
    ]),
  'a graph whose tag and length are longer than they need be': (tensor) => {
    const graph = bytes(5, tensor);
    return Buffer.concat([Buffer.of(0x80 | (7 * 8 + 2), 0x80, 0), Buffer.of(0x80 | graph.length, 0), graph]);
  },
};

describe('a reference to another file is found', () => {
  for (const [where, place] of Object.entries(places)) {
    test(`in ${where}`, () => {
      assert.equal(externalDataFile(place(named)), '/etc/passwd');
      assert.equal(externalDataFile(place(integer(14, 1n))), 'which it does not name');
      assert.equal(externalDataFile(place(Buffer.concat([integer(14, 0n), bytes(9, 'weights')]))), null);
    });
  }

  const forms: Readonly<Record<string, Buffer>> = {
    'with a location that only a reader of 32 bits sees': integer(14, 2n ** 32n + 1n),
    'with a location that is said twice': Buffer.concat([integer(14, 1n), integer(14, 0n)]),
    'with entries, but no location': entry('checksum', 'x'),
    'with an empty entry': bytes(13),
  };
  for (const [form, tensor] of Object.entries(forms)) {
    test(form, () => {
      assert.equal(externalDataFile(bytes(7, bytes(5, tensor))), 'which it does not name');
    });
  }

  test('and shown shortly, in plain letters', () => {
    const file = externalDataFile(bytes(7, bytes(5, entry('location', `\u001b[2J\n${'x'.repeat(5000)}`))));
    assert.match(file ?? '', /^�\[2J�x{95}$/);
  });
});

test('the model that ships refers to none', () => {
  assert.equal(externalDataFile(readFileSync('models/pear-starter.onnx')), null);
  assert.equal(externalDataFile(readFileSync('models/pear-starter-int8.onnx')), null);
});

describe('what is no whole message is refused, since others might read it in another way', () => {
  const hidden = bytes(7, bytes(5, named));
  const odd: Readonly<Record<string, Buffer>> = {
    'a number without an end': Buffer.alloc(40, 0xff),
    'a number that is cut off': Buffer.of(0x80),
    'a length beyond the end': Buffer.of(7 * 8 + 2, 0x7f),
    'a length beyond all measure': Buffer.concat([Buffer.of(7 * 8 + 2), varint(2n ** 63n)]),
    'a group': Buffer.concat([Buffer.of(8 + 3), hidden, Buffer.of(8 + 4)]),
    'a field of no type': Buffer.concat([Buffer.of(15), hidden]),
    'a field without a number': Buffer.concat([Buffer.of(2, 0), hidden]),
    'a tag of more than 32 bits': Buffer.concat([varint(2n ** 32n + 58n), hidden.subarray(1)]),
    'a cut fixed64': Buffer.of(9, 1, 2),
  };
  for (const [what, model] of Object.entries(odd)) {
    test(what, () => {
      assert.throws(() => externalDataFile(model), MalformedError);
    });
  }

  test('a model that is cut off anywhere', () => {
    const model = Buffer.concat([integer(1, 8n), bytes(7, bytes(5, bytes(9, 'weights')), bytes(2, 'graph'))]);
    for (let length = 3; length < model.length; length++)
      assert.throws(() => externalDataFile(model.subarray(0, length)), MalformedError);
    assert.equal(externalDataFile(model), null);
  });

  test('subgraphs of subgraphs without an end', () => {
    let graph = bytes(5, named);
    for (let depth = 0; depth < 2_000; depth++) graph = bytes(1, bytes(5, bytes(6, graph)));
    assert.throws(() => externalDataFile(bytes(7, graph)), /nested more than 100 deep/);
  });
});

test('any bytes are read without harm', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (content) => {
      for (const model of [content, bytes(7, Buffer.from(content)), attribute(Buffer.from(content))]) {
        try {
          externalDataFile(model);
        } catch (error) {
          assert.ok(error instanceof MalformedError);
        }
      }
    }),
  );
});

test('each byte is looked at once: twenty million fields are read while a person waits', () => {
  const nodes = Buffer.alloc(40_000_000);
  for (let at = 0; at < nodes.length; at += 2) nodes[at] = 10;
  assert.equal(externalDataFile(bytes(7, nodes)), null);
});
