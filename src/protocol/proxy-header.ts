// The header with which a balancer tells whose connection it forwards: the PROXY protocol of HAProxy, versions 1
// (text) and 2 (binary), https://www.haproxy.org/download/2.8/doc/proxy-protocol.txt. Pure: bytes in, address out.

/** Where the connection really comes from. */
export interface ProxySource {
  readonly address: string;
  readonly port: number;
}

export type ProxyHeader =
  /** Not all of it is there yet. */
  | { readonly type: 'incomplete' }
  | { readonly type: 'invalid' }
  /** `source` null: the balancer speaks for itself (a health check). The request begins at `length`. */
  | { readonly type: 'header'; readonly source: ProxySource | null; readonly length: number };

const invalid: ProxyHeader = { type: 'invalid' };
const incomplete: ProxyHeader = { type: 'incomplete' };

/** Longest header of version 1, line end included, as the specification has it. */
const textBytesMax = 107;
/** Longest header of version 2 that is taken: addresses and extensions of any real balancer fit well into it. */
const binaryBytesMax = 2048;
const signature = Buffer.from([0x0d, 0x0a, 0x0d, 0x0a, 0x00, 0x0d, 0x0a, 0x51, 0x55, 0x49, 0x54, 0x0a]);
const textStart = Buffer.from('PROXY ');

/** Reads the header at the start of `bytes`, which hold all that has come so far. */
export function readProxyHeader(bytes: Buffer): ProxyHeader {
  if (startsLike(bytes, signature)) return bytes.length < 16 ? incomplete : readBinary(bytes);
  if (startsLike(bytes, textStart)) return readText(bytes);
  return invalid;
}

/** Whether `bytes` begin with `start`, as far as they go. */
function startsLike(bytes: Buffer, start: Buffer): boolean {
  const length = Math.min(bytes.length, start.length);
  return bytes.subarray(0, length).equals(start.subarray(0, length));
}

function readText(bytes: Buffer): ProxyHeader {
  const end = bytes.indexOf('\r\n');
  if (end === -1) return bytes.length < textBytesMax ? incomplete : invalid;
  const length = end + 2;
  if (length > textBytesMax) return invalid;
  const [, family = '', text = '', , port = '', ...rest] = bytes.toString('latin1', 0, end).split(' ');
  if (family === 'UNKNOWN') return { type: 'header', source: null, length };
  const address = family === 'TCP4' ? ipv4Text(text) : family === 'TCP6' ? ipv6Text(text) : null;
  if (address === null || rest.length !== 1 || !/^\d{1,5}$/.test(port) || Number(port) > 65535)
    return invalid;
  return { type: 'header', source: { address, port: Number(port) }, length };
}

function readBinary(bytes: Buffer): ProxyHeader {
  const versionAndCommand = bytes.readUInt8(12);
  const length = 16 + bytes.readUInt16BE(14);
  if (length > binaryBytesMax) return invalid;
  if (bytes.length < length) return incomplete;
  if (versionAndCommand === 0x20) return { type: 'header', source: null, length };
  if (versionAndCommand !== 0x21) return invalid;
  switch (bytes.readUInt8(13)) {
    case 0x11:
      if (length < 16 + 12) return invalid;
      return {
        type: 'header',
        source: { address: bytes.subarray(16, 20).join('.'), port: bytes.readUInt16BE(24) },
        length,
      };
    case 0x21:
      if (length < 16 + 36) return invalid;
      return {
        type: 'header',
        source: { address: ipv6OfBytes(bytes.subarray(16, 32)), port: bytes.readUInt16BE(48) },
        length,
      };
    default:
      // Unspecified, or a family that no TCP client has: as if the balancer spoke for itself.
      return { type: 'header', source: null, length };
  }
}

/** `text` where it is an IPv4 address in its usual form, else null. */
function ipv4Text(text: string): string | null {
  const octets = text.split('.');
  const isOctet = (octet: string) => /^(0|[1-9]\d{0,2})$/.test(octet) && Number(octet) <= 255;
  return octets.length === 4 && octets.every(isOctet) ? text : null;
}

/** An IPv6 address in its usual form (RFC 5952), or null where `text` is none. */
function ipv6Text(text: string): string | null {
  const url = `http://[${text}]`;
  return /^[0-9a-fA-F:.]+$/.test(text) && URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : null;
}

function ipv6OfBytes(bytes: Buffer): string {
  const groups = Array.from({ length: 8 }, (_, index) => bytes.readUInt16BE(2 * index).toString(16));
  return ipv6Text(groups.join(':')) ?? groups.join(':');
}
