import { networkInterfaces } from 'node:os';
import type { AddressConfig, ClusterConfig, ListenerConfig, Snapshot } from '../config/snapshot.ts';
import type { DoorRange } from '../exchange/protocol-filter.ts';
import { addressOf, splitHostPort } from '../net/address.ts';

/**
 * Where a door with this port is listened on: on every host that clients may have come to the listener by, since that is
 * what they are told. Empty: the listener has unix sockets only.
 */
export function doorPlaces(listener: ListenerConfig, port: number): AddressConfig[] {
  const all = [listener.address, ...listener.additionalAddresses];
  const hosts = [...new Set(all.flatMap((one) => (one.kind === 'ip' ? [one.host] : [])))];
  const every = hosts.find((host) => host === '::') ?? null; // takes IPv4 as well
  const v4 = hosts.includes('0.0.0.0');
  const wanted = every !== null ? [every] : hosts.filter((host) => !v4 || host === '0.0.0.0' || host.includes(':'));
  return wanted.map((host) => ({ kind: 'ip', host, port }));
}

/** The hosts of the listener's cluster, `b1:9092`; without unix sockets. */
export function endpointsOf({ filterChains }: ListenerConfig, clusters: readonly ClusterConfig[]): string[] {
  const name = filterChains[0]?.filters.at(-1)?.config['cluster'];
  const endpoints = clusters.find((cluster) => cluster.name === name)?.endpoints ?? [];
  return endpoints.flatMap(({ address }) => (address.kind === 'ip' ? [addressOf(address).text] : []));
}

/**
 * Ports that servers have, or may have again in a moment, on the hosts of this listener's doors: a door there would keep
 * them from starting, or lead to itself. Where nobody chose the doors' ports these are the ports of all servers.
 */
export function upstreamPorts(upstreams: readonly string[], listener: ListenerConfig): number[] {
  const places = doorPlaces(listener, 1).map((place) => (place.kind === 'ip' ? place.host : ''));
  const isHere = (host: string): boolean =>
    host === 'localhost' || host === '::1' || host.startsWith('127.') || places.includes(host);
  return upstreams.flatMap((upstream) => {
    const read = splitHostPort(upstream);
    return read !== null && (listener.doors?.firstPort === 0 || isHere(read.host)) ? [read.port] : [];
  });
}

/**
 * The server names the listener itself, by an address of this machine: it has been told that its clients come by a proxy, or
 * it means its own machine and is mistaken. A door to that would lead through the listener twice.
 */
export function leadsBack(listener: ListenerConfig, ownPort: number, upstream: string): boolean {
  const read = splitHostPort(upstream);
  return read?.port === ownPort && doorPlaces(listener, ownPort).some((place) => isAt(place, read.host.toLowerCase()));
}

function isAt(place: AddressConfig, host: string): boolean {
  if (place.kind !== 'ip') return false;
  if (place.host !== '::' && place.host !== '0.0.0.0')
    return host === place.host || (host === 'localhost' && (place.host === '::1' || place.host === '127.0.0.1'));
  const isLoopback = host === 'localhost' || host === '::1' || host.startsWith('127.');
  return isLoopback || Object.values(networkInterfaces()).some((all) => all?.some(({ address }) => address === host));
}

/** The upstream host, `b1:9092`, that the listener's own port leads to: the only one of its cluster. Null: there are more. */
export function onlyUpstream(listener: ListenerConfig, clusters: readonly ClusterConfig[]): string | null {
  const ports = new Set(
    [listener.address, ...listener.additionalAddresses].map((one) => one.kind === 'ip' && one.port),
  );
  const [only, ...others] = endpointsOf(listener, clusters);
  return only !== undefined && others.length === 0 && ports.size === 1 ? only : null;
}

/**
 * How many of a listener's doors there are before an upstream is named: clients that have outlived a restart may know those
 * ports only, and ask there where the others are. All, where somebody chose the ports (up to a limit); else one for each host
 * of the cluster.
 */
export function sparesOf(listener: ListenerConfig, clusters: readonly ClusterConfig[]): number {
  const { firstPort, count } = listener.doors ?? { firstPort: 0, count: 0 };
  return firstPort > 0
    ? Math.min(count, MAX_SPARES)
    : Math.min(count, Math.max(1, endpointsOf(listener, clusters).length));
}

const MAX_SPARES = 256;

/** Of all listeners, the admin server and the metrics: they are nobody's doors. */
export const configuredPorts = ({ listeners, admin, metrics }: Snapshot): number[] =>
  [
    ...listeners.flatMap(({ address, additionalAddresses }) => [address, ...additionalAddresses]),
    ...[admin, metrics].flatMap((one) => (one === null ? [] : [one.address])),
  ].flatMap((one) => (one.kind === 'ip' ? [one.port] : []));

/** Ports that are tried beyond the doors' number where the range is nobody's choice. */
const MORE_TRIES = 200;

/**
 * The ports that a door may have, best first: the one that its upstream had before, those that nobody had, those that
 * others had. None that a listener, the admin server or the metrics have. `remembered`: by the keys of doors.
 */
export function portsToTry(
  { firstPort, count }: DoorRange,
  ownPort: number,
  snapshot: Snapshot,
  taken: readonly number[],
  key: string,
  remembered: ReadonlyMap<string, number>,
): number[] {
  const not = new Set([ownPort, ...taken, ...configuredPorts(snapshot)]);
  const first = firstPort || ownPort + 1;
  const last = Math.min(65_535, first - 1 + count + (firstPort === 0 ? MORE_TRIES : 0));
  const ports: number[] = [];
  for (let port = first; port <= last; port++) if (!not.has(port)) ports.push(port);
  const others = new Set([...remembered].flatMap(([other, port]) => (other === key ? [] : [port])));
  const rank = (port: number): number => (port === remembered.get(key) ? 0 : others.has(port) ? 2 : 1);
  return ports.sort((a, b) => rank(a) - rank(b) || a - b);
}
