// Walks over the fields of a protobuf message without copying any of it. The bytes may be anything: each is looked at once,
// nothing is kept, and what is not protobuf as ONNX has it throws. Whoever reads on where a loader would not, or the other way
// round, can be shown another message than the loader sees; so what is merely odd (groups, tags beyond 32 bits) throws, too.

/** These bytes are no whole message. */
export class MalformedError extends Error {
  override readonly name = 'MalformedError';
}

export const wireTypes = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

/** Longest encoding of 64 bits. */
const varintBytesMax = 10;
const tagMax = 2 ** 32 - 1;

/** `while (fields.next())` stands at each field of a message in turn. */
export class Fields {
  /** Number of the field, from 1. */
  field = 0;
  wireType: number = wireTypes.varint;
  /** Of a varint; beyond 2^53 not exact, but never 0 for what is not. */
  value = 0;
  /** Where the content of a field of bytes begins and ends. */
  start = 0;
  end = 0;
  readonly #bytes: Uint8Array;
  readonly #limit: number;
  #at: number;

  constructor(bytes: Uint8Array, start = 0, end = bytes.length) {
    this.#bytes = bytes;
    this.#at = start;
    this.#limit = end;
  }

  /** False at the end of the message. Throws MalformedError. */
  next(): boolean {
    if (this.#at === this.#limit) return false;
    const tag = this.#varint();
    this.field = Math.floor(tag / 8);
    this.wireType = tag % 8;
    if (tag > tagMax || this.field === 0) throw new MalformedError('a field has no number');
    switch (this.wireType) {
      case wireTypes.varint:
        this.value = this.#varint();
        break;
      case wireTypes.fixed64:
        this.#step(8);
        break;
      case wireTypes.bytes:
        this.#step(this.#varint());
        break;
      case wireTypes.fixed32:
        this.#step(4);
        break;
      default:
        throw new MalformedError('a field is of no type');
    }
    return true;
  }

  /** Whether this is the field of that number, and holds bytes: a text or a message. */
  isBytes(field: number): boolean {
    return this.field === field && this.wireType === wireTypes.bytes;
  }

  #step(length: number): void {
    this.start = this.#at;
    this.end = this.#at + length;
    if (this.end > this.#limit) throw new MalformedError('a field ends beyond its message');
    this.#at = this.end;
  }

  #varint(): number {
    let value = 0;
    let factor = 1;
    for (let read = 0; read < varintBytesMax && this.#at < this.#limit; read++, factor *= 128) {
      const byte = this.#bytes[this.#at++] ?? 0;
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
    throw new MalformedError('a number has no end');
  }
}
