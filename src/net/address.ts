import { isIP } from 'node:net';
import { isDnsName } from '../config/field-types.ts';
import type { AddressConfig } from '../config/snapshot.ts';
import type { Address } from './transport.ts';

/** `1.2.3.4:80`, `[::1]:80`: the form used in logs, metrics and answers. */
export const ipAddress = (host: string, port: number): Address => ({
  kind: 'ip',
  host,
  port,
  text: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
});

export const pipeAddress = (path: string): Address => ({ kind: 'pipe', host: path, port: 0, text: path });

export const addressOf = (config: AddressConfig): Address =>
  config.kind === 'ip' ? ipAddress(config.host, config.port) : pipeAddress(config.path);

/** `b2.example:9092`, `10.0.0.2:9092`, `[::1]:9092`; null for anything else, however long. The host without brackets. */
export function splitHostPort(text: string): { readonly host: string; readonly port: number } | null {
  if (text.length > MAX_HOST_PORT) return null;
  const match = /^(?:\[([0-9a-f:.]+(?:%[\w.-]+)?)\]|([^:[\]]+)):(\d{1,5})$/i.exec(text);
  if (match === null) return null;
  const [, v6, other, digits] = match;
  const host = v6 ?? other!;
  const port = Number(digits);
  if (port < 1 || port > 65_535) return null;
  const sound = v6 === undefined ? isIP(host) === 4 || isDnsName(host) : isIP(host) === 6;
  return sound ? { host, port } : null;
}
/** A DNS name has at most 253 characters. */
const MAX_HOST_PORT = 300;

/** What an IPv4 client sees of a socket that takes both: `::ffff:10.0.0.1` is 10.0.0.1. */
export const unmapped = (host: string): string => /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(host)?.[1] ?? host;

/** For a peer that has none: an unnamed unix socket. */
export const UNNAMED: Address = pipeAddress('unix');
