// Half precision numbers (IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits), which Node 20 has no array for: a
// Uint16Array holds their bits.

/** The bits of the half that is nearest to `value`; ties go to the even one, what is too large becomes infinite. */
export function toHalf(value: number): number {
  if (Number.isNaN(value)) return 0x7e00;
  const sign = value < 0 || Object.is(value, -0) ? 0x8000 : 0;
  const size = Math.abs(value);
  if (size >= 65_520) return sign | 0x7c00;
  // Below 2⁻¹⁴ halves lie 2⁻²⁴ apart, above it 2¹⁰ to each power of two.
  const exponent = Math.max(exponentOf(size), -14);
  const steps = roundHalfEven(size * 2 ** (10 - exponent));
  // Steps that reach the next power of two carry into the exponent, where they belong.
  return sign | ((exponent + 14) * 1024 + steps);
}

/** The number that the bits of a half stand for. */
export function fromHalf(bits: number): number {
  return numbers[bits] ?? Number.NaN;
}

/** Halves in bits → float32. */
export function fromHalves(bits: Uint16Array): Float32Array {
  const values = new Float32Array(bits.length);
  for (let index = 0; index < bits.length; index++) values[index] = numbers[bits[index] ?? 0] ?? Number.NaN;
  return values;
}

/** Every half by its bits: 256 kB, against ten operations for each number of an output. */
const numbers = Float32Array.from({ length: 65_536 }, (_, bits) => decode(bits));

function decode(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
}

/** The whole power of two at or below `size`. */
function exponentOf(size: number): number {
  let exponent = Math.floor(Math.log2(size));
  // log2 may be off in its last bit.
  if (2 ** exponent > size) exponent--;
  else if (2 ** (exponent + 1) <= size) exponent++;
  return exponent;
}

function roundHalfEven(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  return rest > 0.5 || (rest === 0.5 && floor % 2 === 1) ? floor + 1 : floor;
}
