import { policySnapshots } from '../config/policy-snapshots.ts';
import type { ListenerConfig, Snapshot } from '../config/snapshot.ts';
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
    const called = [protocol, ...at].includes(listener.name) ? [] : [listener.name];
    const said = [...called, ...policiesOf(listener)].join('; ');
    lines.push(`  ${protocol.padEnd(9)} ${at.join(', ')} -> ${to}${said === '' ? '' : `  (${said})`}`);
  }
  if (snapshot.admin) lines.push(`  ${'admin'.padEnd(9)} ${webAddress(addressOf(snapshot.admin.address).text)}`);
  if (snapshot.metrics)
    lines.push(`  ${'metrics'.padEnd(9)} ${webAddress(addressOf(snapshot.metrics.address).text, 'metrics')}`);
  lines.push(`  ${'workers'.padEnd(9)} ${workers === 0 ? 'none: everything in one process' : workers}`);
  return lines.join('\n');
}

/** `2 policies enforced, 1 in shadow mode`: nobody should have to guess whether the gate is shut. */
function policiesOf(listener: ListenerConfig): string[] {
  const links = policySnapshots(listener).filter(({ of }) => of === 'policies');
  const enforced = links.reduce((sum, link) => sum + link.enforced, 0);
  const shadow = links.reduce((sum, link) => sum + link.shadow, 0);
  if (enforced + shadow === 0) return [];
  const policies = (count: number): string => `${count} ${count === 1 ? 'policy' : 'policies'}`;
  if (enforced === 0) return [`${policies(shadow)} in shadow mode`];
  return [`${policies(enforced)} enforced${shadow === 0 ? '' : `, ${shadow} in shadow mode`}`];
}

const webAddress = (text: string, path = ''): string => (text.startsWith('/') ? text : `http://${text}/${path}`);

/** `envoy.filters.network.postgres_proxy` → `postgres` */
const shortName = (filter: string): string => filter.slice(filter.lastIndexOf('.') + 1).replace(/_proxy$/, '');
