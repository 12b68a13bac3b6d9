import type { Snapshot } from '../config/snapshot.ts';
import { addressOf } from '../net/address.ts';
import type { ListenerInfo } from './data-plane.ts';

/** What runs where, for the one who started it. */
export function banner(snapshot: Snapshot, listeners: readonly ListenerInfo[], workers: number): string {
  const lines = ['Sluice is running.'];
  for (const listener of snapshot.listeners) {
    const filters = listener.filterChains[0]?.filters ?? [];
    const terminal = filters.at(-1);
    const cluster = snapshot.clusters.find(({ name }) => name === terminal?.config['cluster']);
    const to =
      cluster?.endpoints.map(({ address }) => addressOf(address).text).join(', ') ?? shortName(terminal?.name ?? '?');
    const decoder = filters.find(({ typeUrl }) => /\.network\.(?!tcp_proxy\.)\w+_(proxy|broker)\./.test(typeUrl));
    const protocol = Object.keys(listener.options)[0] ?? (decoder ? shortName(decoder.name) : 'tcp');
    const at = listeners
      .filter(({ name, upstream }) => name === listener.name && upstream === undefined)
      .map(({ address }) => address);
    const called = [protocol, ...at].includes(listener.name) ? '' : `  (${listener.name})`;
    lines.push(`  ${protocol.padEnd(9)} ${at.join(', ')} -> ${to}${called}`);
  }
  if (snapshot.admin) lines.push(`  ${'admin'.padEnd(9)} ${webAddress(addressOf(snapshot.admin.address).text)}`);
  if (snapshot.metrics)
    lines.push(`  ${'metrics'.padEnd(9)} ${webAddress(addressOf(snapshot.metrics.address).text, 'metrics')}`);
  lines.push(`  ${'workers'.padEnd(9)} ${workers === 0 ? 'none: everything in one process' : workers}`);
  return lines.join('\n');
}

const webAddress = (text: string, path = ''): string => (text.startsWith('/') ? text : `http://${text}/${path}`);

/** `envoy.filters.network.postgres_proxy` → `postgres` */
const shortName = (filter: string): string => filter.slice(filter.lastIndexOf('.') + 1).replace(/_proxy$/, '');
