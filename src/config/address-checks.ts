import { isIP, SocketAddress } from 'node:net';
import type { DoorRange } from '../exchange/protocol-filter.ts';
import { chainsOf } from './filter-schemas.ts';
import { show } from './problem.ts';
import type { FilterSchema } from './snapshot.ts';
import { isMap, type Json, type JsonMap, mapsAt, newMap, type Path, valueAt } from './tree.ts';

export type Complain = (path: Path, text: string, what?: 'key' | 'value') => unknown;

const LISTENERS: Path = ['static_resources', 'listeners'];

/** That nobody wants what another has: addresses, and the ports of doors. */
export function checkAddresses(tree: Json, filters: readonly FilterSchema[], complain: Complain): void {
  checkDoors(tree, filters, uniqueAddresses(tree, complain), complain);
}

/** `ip:port`, `[ip]:port` or the path of a socket; the name of a listener that has none. */
export function addressText(address: Json | undefined): string | undefined {
  const host = valueAt(address, ['socket_address', 'address']);
  const port = valueAt(address, ['socket_address', 'port_value']);
  const path = valueAt(address, ['pipe', 'path']);
  if (typeof path === 'string') return path;
  if (typeof host !== 'string' || typeof port !== 'number') return undefined;
  return isIP(host) === 6 ? `[${host}]:${port}` : `${host}:${port}`;
}

interface Bound {
  readonly path: Path;
  readonly host: string; // canonical IP, or '' for a socket path
  readonly port: number;
  readonly text: string;
}

/**
 * Two listeners, or a listener and the admin page, on one address. Port 0 is a free one, and auto ports give way. Gives
 * the addresses that somebody chose.
 */
function uniqueAddresses(tree: Json, complain: Complain): readonly Bound[] {
  const bound: Bound[] = [];
  const add = (path: Path) => {
    const address = valueAt(tree, path);
    const text = addressText(address);
    if (text === undefined) return;
    const host = valueAt(address, ['socket_address', 'address']);
    const port = valueAt(address, ['socket_address', 'port_value']);
    const one: Bound = {
      path,
      host: typeof host === 'string' ? canonicalIp(host) : '',
      port: typeof port === 'number' ? port : 0,
      text,
    };
    if (one.host !== '' && one.port === 0) return;
    const other = bound.find((before) => overlap(before, one));
    if (other) complain(path, `${one.text} is already taken by ${ownerOf(tree, other.path)}`);
    else bound.push(one);
  };
  add(['admin', 'address']);
  add(['node', 'metadata', 'sluice', 'metrics', 'address']);
  for (const { path } of mapsAt(tree, LISTENERS)) {
    if (valueAt(tree, [...path, 'metadata', 'filter_metadata', 'sluice', 'auto_port']) !== true)
      add([...path, 'address']);
    for (const more of mapsAt(tree, [...path, 'additional_addresses'])) add([...more.path, 'address']);
  }
  return bound;
}

/** Whose address stands at this path. */
function ownerOf(tree: Json, path: Path): string {
  if (path[0] === 'admin') return 'admin';
  if (path[0] === 'node') return 'metrics';
  const name = valueAt(tree, [...path.slice(0, 3), 'name']);
  return `listener ${typeof name === 'string' ? show(name) : path[2]}`;
}

function overlap(a: Bound, b: Bound): boolean {
  if (a.host === '' || b.host === '') return a.text === b.text;
  if (a.port !== b.port) return false;
  const any = (one: Bound) => one.host === '0.0.0.0' || one.host === '::';
  return a.host === b.host || (isIP(a.host) === isIP(b.host) && (any(a) || any(b)));
}

function canonicalIp(host: string): string {
  const version = isIP(host);
  if (version !== 6 || host.includes('%')) return host;
  return new SocketAddress({ address: host, family: 'ipv6' }).address;
}

/** The ports that a listener wants for its doors, where somebody chose them. */
interface Chosen extends DoorRange {
  readonly path: Path;
  /** Canonical IPs. */
  readonly hosts: readonly string[];
  readonly owner: string;
}

/** Ports that were chosen for doors belong to nobody else; those that follow a listener's own go round what is taken. */
function checkDoors(tree: Json, filters: readonly FilterSchema[], bound: readonly Bound[], complain: Complain): void {
  const before: Chosen[] = [];
  for (const { path } of mapsAt(tree, LISTENERS)) {
    const one = chosenDoors(tree, path, filters);
    if (one === null) continue;
    const last = one.firstPort + one.count - 1;
    const ports = `${one.firstPort}${one.count > 1 ? `..${last}` : ''}`;
    if (last > 65_535) {
      complain(one.path, `ports ${ports}: there are none above 65535`);
      continue;
    }
    const at = (host: string, port: number): Bound => ({ path: one.path, host, port, text: '' });
    const taken = bound.find(
      (other) =>
        other.host !== '' &&
        other.port >= one.firstPort &&
        other.port <= last &&
        one.hosts.some((host) => overlap(at(host, other.port), other)),
    );
    const crossed = before.find(
      (other) =>
        other.firstPort <= last &&
        one.firstPort < other.firstPort + other.count &&
        one.hosts.some((host) => other.hosts.some((its) => overlap(at(host, 1), at(its, 1)))),
    );
    if (taken) complain(one.path, `ports ${ports}: ${taken.text} is already taken by ${ownerOf(tree, taken.path)}`);
    else if (crossed) complain(one.path, `ports ${ports}: ${crossed.owner} has some of them`);
    else before.push(one);
  }
}

function chosenDoors(tree: Json, listener: Path, filters: readonly FilterSchema[]): Chosen | null {
  const protocol = chainsOf(tree, listener, filters)
    .flatMap((chain) => chain.filters)
    .find(({ schema }) => schema?.protocol?.doors !== undefined)?.schema;
  if (!protocol?.protocol || !protocol.options) return null;
  const path = [...listener, 'metadata', 'filter_metadata', 'sluice', protocol.protocol.name];
  const given = valueAt(tree, path);
  const rangeOf = (options: JsonMap): DoorRange | null => {
    const checked = protocol.options!.safeParse(options);
    return checked.success ? protocol.protocol!.doors!(checked.data) : null;
  };
  if (!isMap(given)) return null;
  const range = rangeOf(given);
  if (range === null || range.firstPort === 0) return null;
  // The option that chose them: without it they would be others.
  const field = Object.keys(given).find((key) => {
    const { [key]: _, ...rest } = given;
    const other = rangeOf(newMap(rest));
    return other !== null && other.firstPort !== range.firstPort;
  });
  const addresses = [
    [...listener, 'address'],
    ...mapsAt(tree, [...listener, 'additional_addresses']).map((more) => [...more.path, 'address']),
  ];
  const hosts = addresses
    .map((at) => valueAt(tree, [...at, 'socket_address', 'address']))
    .filter((host) => typeof host === 'string');
  return {
    ...range,
    path: field === undefined ? path : [...path, field],
    hosts: hosts.map(canonicalIp),
    owner: ownerOf(tree, listener),
  };
}
