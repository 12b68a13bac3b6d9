import { isIPv6 } from 'node:net';

/** Ranges of addresses. IPv4 is judged as the IPv6 address that it maps to, so a socket that takes both hides nobody. */
export interface Cidr {
  contains(ip: Uint8Array): boolean;
  /** Is every address of `other` one of these? */
  covers(other: Cidr): boolean;
  readonly base: Uint8Array;
  /** Of 128. */
  readonly bits: number;
}

/** 16 bytes; null: no address. Takes `1.2.3.4`, `::1`, `::ffff:1.2.3.4` and a zone (`fe80::1%eth0`), which is dropped. */
export function parseIp(text: string): Uint8Array | null {
  if (text.length > 64) return null;
  const [host] = text.split('%', 1) as [string];
  if (!host.includes(':')) {
    const v4 = parseV4(host);
    return v4 && Uint8Array.of(...MAPPED, ...v4);
  }
  return parseV6(host);
}

/** `10.0.0.0/8`, `2001:db8::/32`, or one address; null: it is none, or has bits behind its prefix. */
export function compileCidr(text: string): Cidr | null {
  const match = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text);
  const base = match && !match[1]!.includes('%') ? parseIp(match[1]!) : null;
  if (base === null) return null;
  const isV4 = !match![1]!.includes(':');
  const width = isV4 ? 32 : 128;
  const given = match![2] === undefined ? width : Number(match![2]);
  if (given > width) return null;
  const bits = given + (isV4 ? 96 : 0);
  for (let bit = bits; bit < 128; bit++) if (base[bit >> 3]! & (0x80 >> (bit & 7))) return null;
  const contains = (ip: Uint8Array): boolean => sameBits(base, ip, bits);
  return { base, bits, contains, covers: (other) => bits <= other.bits && contains(other.base) };
}

/** Host of `1.2.3.4:80` or `[::1]:80` as 16 bytes; null: it came by another way (a unix socket). */
export function ipOfAddress(address: string): Uint8Array | null {
  const host = hostOf(address);
  return host === '' ? null : parseIp(host);
}

export const hostOf = (address: string): string => /^\[?(.*?)\]?:\d+$/.exec(address)?.[1] ?? '';

const MAPPED = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff];

function parseV4(text: string): number[] | null {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part))) return null;
  const bytes = parts.map(Number);
  return bytes.every((byte) => byte < 256) ? bytes : null;
}

function parseV6(text: string): Uint8Array | null {
  if (!isIPv6(text)) return null;
  const halves = text.split('::');
  if (halves.length > 2) return null;
  const [head, tail] = halves.map(groupsOf) as [number[] | null, (number[] | null)?];
  if (head === null || tail === null) return null;
  const given = head.length + (tail?.length ?? 0);
  if (tail === undefined ? given !== 16 : given > 14) return null;
  return Uint8Array.of(...head, ...new Array<number>(16 - given).fill(0), ...(tail ?? []));
}

/** Bytes of `2001:db8:1.2.3.4`; an IPv4 address may stand at the end. */
function groupsOf(text: string): number[] | null {
  if (text === '') return [];
  const bytes: number[] = [];
  const groups = text.split(':');
  for (const [place, group] of groups.entries()) {
    if (group.includes('.')) {
      const v4 = place === groups.length - 1 ? parseV4(group) : null;
      if (v4 === null) return null;
      bytes.push(...v4);
      continue;
    }
    if (!/^[0-9a-f]{1,4}$/i.test(group)) return null;
    const value = Number.parseInt(group, 16);
    bytes.push(value >> 8, value & 0xff);
  }
  return bytes;
}

function sameBits(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  const whole = bits >> 3;
  for (let i = 0; i < whole; i++) if (a[i] !== b[i]) return false;
  const rest = bits & 7;
  return rest === 0 || (a[whole]! ^ b[whole]!) >> (8 - rest) === 0;
}
