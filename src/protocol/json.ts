// JSON text as Python's `json.dumps` writes it: `, ` and `: ` between, everything outside printable ASCII
// escaped. Clients on PLCs search replies as text, so the bytes are part of the contract.

export type JsonValue =
  string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue | undefined };

/** Text of `value`; keys with an undefined value are left out, keys stand in the order of the object. */
export function encodeJson(value: JsonValue): string {
  if (typeof value === 'string') return encodeString(value);
  if (value === null || typeof value !== 'object') return JSON.stringify(value);
  if (isArray(value)) return `[${value.map(encodeJson).join(', ')}]`;
  const parts: string[] = [];
  for (const [key, item] of Object.entries(value)) {
    if (item !== undefined) parts.push(`${encodeString(key)}: ${encodeJson(item)}`);
  }
  return `{${parts.join(', ')}}`;
}

function encodeString(text: string): string {
  return JSON.stringify(text).replace(/[\u007f-\uffff]/g, escape);
}

function escape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}

/** `Array.isArray` that keeps the element type of a readonly array. */
function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
