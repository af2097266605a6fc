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
  const json = JSON.stringify(text);
  return isPrintableAscii.test(json) ? json : escapeOthers(json);
}

const isPrintableAscii = /^[\x20-\x7e]*$/;
/** `00` to `ff`. */
const hexBytes = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** A loop, since a function called for each character would hold the event loop for long texts. */
function escapeOthers(json: string): string {
  let escaped = '';
  let from = 0;
  for (let at = 0; at < json.length; at++) {
    const code = json.charCodeAt(at);
    if (code < 0x7f) continue;
    escaped += `${json.slice(from, at)}\\u${hexBytes[code >> 8]}${hexBytes[code & 0xff]}`;
    from = at + 1;
  }
  return escaped + json.slice(from);
}

/** `Array.isArray` that keeps the element type of a readonly array. */
function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}
