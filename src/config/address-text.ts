import { isIP } from 'node:net';
import { isDnsName } from './field-types.ts';
import { show } from './problem.ts';
import type { FilterSchema } from './snapshot.ts';
import { type JsonMap, newMap } from './tree.ts';

/** What text could not be read as, in our words; never holds a password. */
export interface Unreadable {
  readonly fault: string;
}
export const isUnreadable = (value: object): value is Unreadable => 'fault' in value;

/** `127.0.0.1:15432`, `[::1]:15432` or `unix:/path` as Envoy's Address message. */
export function listenAddressOf(text: string): JsonMap | Unreadable {
  const parts = splitAddress(text);
  if (parts === null)
    return { fault: `${show(text)} is not an address such as 127.0.0.1:15432, [::1]:15432 or unix:/path` };
  if (parts.path !== null) return pipeAddress(parts.path);
  if (parts.port === null) return { fault: `${show(text)} has no port` };
  if (parts.host === 'localhost') return { fault: `${show(text)} is not an IP address: write 127.0.0.1:${parts.port}` };
  if (parts.host === '') return { fault: `${show(text)} has no IP address: 0.0.0.0:${parts.port} is every interface` };
  if (isIP(parts.host) === 0) return { fault: `${show(text)} does not begin with an IP address` };
  if (parts.port > 65535) return { fault: `${show(text)} has a port above 65535` };
  return socketAddress(parts.host, parts.port);
}

/** Where an upstream URL leads. */
export interface Upstream {
  readonly protocol: string;
  /** Null for `tcp`. */
  readonly filter: FilterSchema | null;
  readonly address: JsonMap;
  readonly host: string | null;
  /** Of the server; for a unix socket the protocol's default, or null. */
  readonly port: number | null;
}

const SCHEME_ALIASES: Readonly<Record<string, string>> = {
  postgresql: 'postgres',
  mariadb: 'mysql',
  valkey: 'redis',
};
/** What people also write. */
const MEANT: Readonly<Record<string, string>> = { mongo: 'mongodb', zk: 'zookeeper', pg: 'postgres' };
/**
 * Of connection strings for clients, such as those of a replica set or an ensemble. Their members are not all the same to
 * their clients, so that a list of upstreams is not what is advised.
 */
const SEVERAL_HOSTS = 'names several hosts: write a proxy for each of them, with one host';

/** `postgres://host:port`, `tcp://[::1]:9000`, `postgres://unix:/path`. `scheme`: for a host of a list that names none. */
export function upstreamOf(
  text: string,
  filters: readonly FilterSchema[],
  scheme: string | null = null,
): Upstream | Unreadable {
  const url = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/is.exec(text);
  const rest = url ? url[2]! : text;
  // Said of all credentials alike, and before anything else: none of the text is printed.
  if (rest.includes('@'))
    return { fault: 'must not hold a user name or password: clients log in with their own, and Sluice keeps none' };
  const protocols = filters.flatMap(({ protocol }) => (protocol ? [protocol.name] : []));
  const example = `${protocols[0] ?? 'tcp'}://host:port`;
  const named = url?.[1]?.toLowerCase() ?? scheme;
  if (named === null) return { fault: `${show(text)} has no scheme: write ${example}` };
  const protocol = SCHEME_ALIASES[named] ?? named;
  const filter = filters.find((one) => one.protocol?.name === protocol) ?? null;
  if (filter === null && protocol !== 'tcp') return { fault: unknownScheme(protocol, [...protocols, 'tcp']) };
  if (rest.startsWith('unix:')) {
    const path = rest.slice('unix:'.length);
    if (!path.startsWith('/')) return { fault: `${show(text)}: the path of a unix socket begins with /` };
    return { protocol, filter, address: pipeAddress(path), host: null, port: filter?.protocol?.defaultPort ?? null };
  }
  const end = rest.search(/[/?#]/);
  const where = end < 0 ? rest : rest.slice(0, end);
  if (where.includes(',')) return { fault: SEVERAL_HOSTS };
  const parts = splitAddress(where);
  if (parts === null || parts.path !== null || parts.host === '')
    return { fault: `${show(text)} is not a URL such as ${example}` };
  const { host } = parts;
  if (isIP(host) === 0 && !isDnsName(host)) return { fault: `${show(host)} is neither an IP address nor a DNS name` };
  // A trailing slash says nothing; a database name or parameters would be ignored, and nothing is ignored.
  if (end >= 0 && rest.slice(end) !== '/')
    return { fault: `only scheme, host and port are read: write ${protocol}://${where}` };
  const port = parts.port ?? filter?.protocol?.defaultPort ?? null;
  if (port === null) return { fault: `${show(text)} has no port` };
  if (port < 1 || port > 65535) return { fault: `${show(text)} has a port outside 1..65535` };
  return { protocol, filter, address: socketAddress(host, port), host, port };
}

/**
 * The hosts of `kafka://b1:9092,b2:9092`: the list that clients of such a protocol start from, any of which tells of all.
 * Other texts, and lists of other protocols, stay as they are.
 */
export function upstreamList(text: string, filters: readonly FilterSchema[]): string[] {
  const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(text)?.[1]?.toLowerCase() ?? '';
  const protocol = SCHEME_ALIASES[scheme] ?? scheme;
  const isList = filters.some((filter) => filter.protocol?.name === protocol && filter.protocol.doors !== undefined);
  return isList ? text.split(',').map((one) => one.trim()) : [text];
}

function unknownScheme(scheme: string, known: readonly string[]): string {
  const protocol = scheme.replace(/\+srv$/, '');
  if (protocol !== scheme && known.includes(protocol))
    return `${scheme}:// is looked up in DNS by drivers, not by Sluice: write ${protocol}://host:port, a proxy for each member`;
  const meant = Object.hasOwn(MEANT, scheme) ? MEANT[scheme]! : '';
  return `the scheme ${show(scheme)} is none of ${known.join(', ')}${known.includes(meant) ? `; write ${meant}://` : ''}`;
}

const pipeAddress = (path: string): JsonMap => newMap({ pipe: newMap({ path }) });
const socketAddress = (address: string, port: number): JsonMap =>
  newMap({ socket_address: newMap({ address, port_value: port }) });

function splitAddress(text: string): { host: string; port: number | null; path: string | null } | null {
  if (text.startsWith('unix:')) return text.startsWith('unix:/') ? { host: '', port: null, path: text.slice(5) } : null;
  const match = /^(?:\[([0-9a-f:.%\w]+)\]|([^:[\]/\s]*))(?::(\d{1,6}))?$/i.exec(text);
  if (!match) return null;
  const host = match[1] ?? match[2] ?? '';
  if (match[1] !== undefined && isIP(match[1]) !== 6) return null;
  return { host, port: match[3] === undefined ? null : Number(match[3]), path: null };
}
