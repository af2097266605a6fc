// Requests may write integers in hexadecimal (`"cmd": 0x01`) wherever JSON allows a number. This turns them
// into decimal outside of strings and leaves everything else, strings above all, as it is.

// A token that JSON could not have had: nothing of a number or a word may touch it on either side.
const hexInteger = /(?<![\w.+]|[eE]-)0x([0-9a-fA-F]+)(?![\w.+-])/g;

const backslash = 0x5c;
const doubleQuote = 0x22;

/** `text` with the hexadecimal integers outside strings in decimal. Linear in the length of `text`. */
export function decimalIntegers(text: string): string {
  if (!text.includes('0x')) return text;
  let decimal = '';
  let at = 0;
  while (at < text.length) {
    const quote = text.indexOf('"', at);
    const outsideEnd = quote === -1 ? text.length : quote;
    decimal += text.slice(at, outsideEnd).replace(hexInteger, toDecimal);
    if (quote === -1) break;
    at = stringEnd(text, quote);
    decimal += text.slice(quote, at);
  }
  return decimal;
}

function toDecimal(_token: string, digits: string): string {
  const value = Number(`0x${digits}`);
  // Beyond a double JSON.parse gives Infinity, which no schema takes for an integer.
  return Number.isFinite(value) ? String(value) : '1e999';
}

/** Index behind the closing quote of the string that opens at `open`, or the end of the text. */
function stringEnd(text: string, open: number): number {
  const quote = text.indexOf('"', open + 1);
  if (quote === -1) return text.length;
  if (text.charCodeAt(quote - 1) !== backslash) return quote + 1;
  for (let at = open + 1; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === backslash) at++;
    else if (code === doubleQuote) return at + 1;
  }
  return text.length;
}
