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

/** For a peer that has none: an unnamed unix socket. */
export const UNNAMED: Address = pipeAddress('unix');
