import { isIP } from 'node:net';

/** `config.core.v3.CidrRange`. A length above the family's own is the whole address (Envoy). */
export interface CidrConfig {
  readonly address_prefix: string;
  readonly prefix_len: number;
}

/** The 4 or 16 bytes of a peer's address as text; an IPv4-mapped one is IPv4. Null for anything else. */
export function ipBytes(text: string): Uint8Array | null {
  const bytes = rawBytes(text);
  return bytes !== null && isMapped(bytes) ? bytes.slice(12) : bytes;
}

function rawBytes(text: string): Uint8Array | null {
  const family = isIP(text);
  if (family === 4) return Uint8Array.from(text.split('.'), Number);
  if (family !== 6) return null;
  const bytes = new Uint8Array(16);
  const [head = '', tail] = withoutDots(text.split('%', 1)[0]!).split('::');
  const front = head === '' ? [] : head.split(':');
  const back = tail === undefined || tail === '' ? [] : tail.split(':');
  for (const [i, part] of front.entries()) putPart(bytes, i, part);
  for (const [i, part] of back.entries()) putPart(bytes, 8 - back.length + i, part);
  return bytes;
}

function putPart(bytes: Uint8Array, at: number, part: string): void {
  const value = Number.parseInt(part, 16);
  bytes[2 * at] = value >> 8;
  bytes[2 * at + 1] = value & 0xff;
}

/** `::ffff:10.0.0.1` with its last four bytes as two groups. */
function withoutDots(text: string): string {
  const at = text.lastIndexOf(':') + 1;
  if (!text.includes('.')) return text;
  const [a, b, c, d] = text.slice(at).split('.').map(Number);
  return `${text.slice(0, at)}${((a! << 8) | b!).toString(16)}:${((c! << 8) | d!).toString(16)}`;
}

const isMapped = (bytes: Uint8Array): boolean =>
  bytes.length === 16 && bytes[10] === 0xff && bytes[11] === 0xff && bytes.subarray(0, 10).every((byte) => byte === 0);

/**
 * Does the address lie in the range? One of the other family does not, nor does null (a peer without an address). A range
 * of IPv4-mapped addresses is one of IPv6, in which no peer's address lies (Envoy).
 */
export function cidrMatcher(range: CidrConfig): (ip: Uint8Array | null) => boolean {
  const prefix = rawBytes(range.address_prefix);
  if (prefix === null) return () => false;
  const wholeBits = prefixBits(range);
  const whole = wholeBits >> 3;
  const mask = (0xff00 >> (wholeBits & 7)) & 0xff;
  return (ip) => {
    if (ip === null || ip.length !== prefix.length) return false;
    for (let i = 0; i < whole; i++) if (ip[i] !== prefix[i]) return false;
    return mask === 0 || ((ip[whole]! ^ prefix[whole]!) & mask) === 0;
  };
}

/** How many leading bits count. */
export const prefixBits = ({ address_prefix, prefix_len }: CidrConfig): number =>
  Math.min(prefix_len, isIP(address_prefix) === 4 ? 32 : 128);
