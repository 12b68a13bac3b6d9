import { isIP } from 'node:net';
import * as z from 'zod';
import { isUnreadable, listenAddressOf, type Upstream, upstreamList, upstreamOf } from './address-text.ts';
import { MAX_DURATION_MS, message, name, protoDuration, SHORT_EXAMPLES, sayNoDuration } from './field-types.ts';
import { ShortPolicies } from './policies-short.ts';
import { whyUnjudged } from './policy-filter.ts';
import { type Place, problemAt, type Source, show } from './problem.ts';
import type { FilterSchema, Problem } from './snapshot.ts';
import { TCP_PROXY_TYPE_URL, tcpProxySchema } from './tcp-proxy-schema.ts';
import { from, type TracedTree } from './traced.ts';
import { isMap, type Json, type JsonMap, type Path, valueAt } from './tree.ts';
import { check, fieldNames } from './zod-problems.ts';

export const DEFAULT_ADMIN = '127.0.0.1:9901';
/** An upstream's port plus this is where its proxy listens by default. */
const PORT_OFFSET = 10_000;

/** A duration of the short form; gives proto JSON's. Lower limits are checked in the full form. */
const shortDuration = z
  .string({ error: ({ input }) => (input === null ? 'has no value' : sayNoDuration(input, SHORT_EXAMPLES)) })
  .transform((text, context): string => {
    const proto = protoDuration(text);
    const tooLong = proto !== null && Number.parseFloat(proto) * 1000 > MAX_DURATION_MS;
    if (proto !== null && !tooLong) return proto;
    const fault = tooLong ? `${show(text)} is above ${MAX_DURATION_MS / 1000}s` : sayNoDuration(text, SHORT_EXAMPLES);
    context.addIssue({ code: 'custom', message: fault, input: text });
    return z.NEVER;
  });

/** Checked in the full form, once compiled. */
const later = z.unknown().optional();

const top = message({
  proxies: z.array(z.unknown()).min(1),
  admin: z.union([z.string(), z.literal(false)]).optional(),
  metrics: z.string().optional(),
  concurrency: later,
  drain_timeout: shortDuration.optional(),
  digest_rows: later,
  show_literals: later,
  max_connections: later,
  access_log: later,
  sinks: later,
  spool: later,
  sampling: later,
  policies: later,
  unparsed: later,
});
export const SHORT_FIELDS = fieldNames(top);

const proxyFields = {
  name: name().optional(),
  upstream: z.union([z.string(), z.array(z.string()).min(1)]),
  listen: z.string().optional(),
  connect_timeout: shortDuration.optional(),
  idle_timeout: shortDuration.optional(),
  max_connect_attempts: later,
  lb_policy: later,
  buffer_limit: later,
  access_log: later,
  policies: later,
  unparsed: later,
};

/** The proxy's own fields and, flat beside them, those of its protocol's config and options. */
const proxySchema = (filters: readonly FilterSchema[]) =>
  message({ ...proxyFields, ...Object.fromEntries(filters.flatMap(flatFields).map((field) => [field, later])) });
const flatFields = (filter: FilterSchema): string[] => [...configFields(filter), ...optionFields(filter)];
const optionFields = (filter: FilterSchema): string[] =>
  fieldNames(filter.options).filter((field) => !Object.hasOwn(proxyFields, field));
const configFields = (filter: FilterSchema): string[] =>
  fieldNames(filter.config).filter((field) => field !== 'stat_prefix' && !Object.hasOwn(proxyFields, field));

/** One proxy, as far as it is right. */
interface Proxy {
  readonly fields: JsonMap;
  readonly place: Place;
  readonly upstreams: readonly { readonly upstream: Upstream; readonly place: Place }[];
  readonly listen: JsonMap | null;
  /** What the fields said after checking, by name; a field that was wrong is absent. */
  readonly checked: JsonMap;
}

/**
 * Compiles the short form to the full one. Every value of the result knows where it came from, so that what the full
 * form's checks find is told at the short form's line. What is wrong is left out, and the rest is compiled all the same.
 */
export function compileShortForm(
  source: Source,
  filters: readonly FilterSchema[],
): { full: TracedTree; problems: Problem[] } {
  const problems: Problem[] = [];
  const at = (...path: Path): Place => ({ source, path });
  const fields = checkFields(top, source, [], problems);
  const list = valueAt(source.tree, ['proxies']);
  const proxies = (Array.isArray(list) ? list : []).flatMap((_, i) => {
    const proxy = readProxy(source, ['proxies', i], filters, problems);
    return proxy === null ? [] : [proxy];
  });
  const address = (field: string, otherwise?: string) => {
    const text = fields[field] ?? otherwise;
    if (typeof text !== 'string') return undefined;
    const read = listenAddressOf(text);
    if (!isUnreadable(read)) return from(at(field), { address: from(at(field), read) });
    problems.push(problemAt(at(field), 'value', read.fault));
    return undefined;
  };
  const admin = address('admin', valueAt(source.tree, ['admin']) === undefined ? DEFAULT_ADMIN : undefined);
  const own = {
    concurrency: from(at('concurrency'), fields['concurrency']),
    drain_timeout: from(at('drain_timeout'), fields['drain_timeout']),
    digest_rows: from(at('digest_rows'), fields['digest_rows']),
    show_literals: from(at('show_literals'), fields['show_literals']),
    max_connections: from(at('max_connections'), fields['max_connections']),
    metrics: address('metrics'),
    sinks: from(at('sinks'), fields['sinks']),
    spool: from(at('spool'), fields['spool']),
    sampling: from(at('sampling'), fields['sampling']),
  };
  const names = chooseNames(proxies);
  const ports = new Ports(proxies);
  const accessLog = accessLogList(at('access_log'), fields['access_log']);
  const policies = new ShortPolicies(source, [...names, ...unreadableNames(list)], problems);
  const full = {
    node: Object.values(own).some((value) => value !== undefined) ? { metadata: { sluice: own } } : undefined,
    admin,
    static_resources: {
      listeners: proxies.map((proxy, i) => listenerOf(proxy, names[i]!, ports, accessLog, policies, problems)),
      clusters: proxies.map((proxy, i) => clusterOf(proxy, names[i]!)),
    },
  };
  return { full, problems };
}

/** Checks a map of the short form and gives its right fields; what is wrong is told and left out. */
function checkFields(schema: z.ZodObject, source: Source, path: Path, problems: Problem[]): JsonMap {
  const value = valueAt(source.tree, path);
  const fields: JsonMap = Object.create(null) as JsonMap;
  const placeOf = (inside: Path): Place => ({ source, path: inside });
  const whole = check(schema, value, path, placeOf);
  if (!whole.ok) problems.push(...whole.problems);
  if (!isMap(value)) return fields;
  for (const [key, field] of Object.entries(schema.shape)) {
    if (!Object.hasOwn(value, key)) continue;
    const one = (field as z.ZodType).safeParse(value[key]);
    if (one.success) fields[key] = one.data as Json;
  }
  return fields;
}

function readProxy(source: Source, path: Path, filters: readonly FilterSchema[], problems: Problem[]): Proxy | null {
  const value = valueAt(source.tree, path);
  const complain = (at: Path, text: string) => problems.push(problemAt({ source, path: at }, 'value', text));
  if (typeof value !== 'string' && !isMap(value)) {
    complain(path, value === null ? 'has no value' : `${show(value)} is neither a URL nor a map with an upstream`);
    return null;
  }
  const upstreamPath = isMap(value) ? [...path, 'upstream'] : path;
  const given = valueAt(source.tree, upstreamPath);
  const texts = typeof given === 'string' ? upstreamList(given, filters) : Array.isArray(given) ? given : [];
  const upstreams: { upstream: Upstream; place: Place }[] = [];
  for (const [i, text] of texts.entries()) {
    const at = typeof given === 'string' ? upstreamPath : [...upstreamPath, i];
    if (typeof text !== 'string') continue; // the schema says so
    const read = upstreamOf(text, filters, upstreams[0]?.upstream.protocol ?? null);
    if (isUnreadable(read)) complain(at, read.fault);
    else if (upstreams[0] && read.protocol !== upstreams[0].upstream.protocol)
      complain(
        at,
        `${show(text)} is not ${upstreams[0].upstream.protocol} like the first: one proxy speaks one protocol`,
      );
    else upstreams.push({ upstream: read, place: { source, path: at } });
  }
  const first = upstreams[0]?.upstream;
  let fields: JsonMap = Object.create(null) as JsonMap;
  let listen: JsonMap | null = null;
  if (isMap(value)) {
    // Where the protocol is unknown its fields may be any protocol's; the URL is the mistake then.
    const schema = proxySchema(first ? (first.filter ? [first.filter] : []) : filters);
    const foreign = first ? foreignFields(value, schema, first.protocol, filters) : new Map<string, string>();
    const before = problems.length;
    fields = checkFields(schema, source, path, problems);
    for (const [field, text] of foreign) {
      const told = problems.findIndex((p, i) => i >= before && p.path === source.label([...path, field]));
      if (told >= 0) problems[told] = { ...problems[told]!, message: text };
    }
    const text = fields['listen'];
    const read = typeof text === 'string' ? listenAddressOf(text) : null;
    if (read !== null && isUnreadable(read)) complain([...path, 'listen'], read.fault);
    else listen = read;
  }
  if (first === undefined) return null;
  return {
    fields: isMap(value) ? value : (Object.create(null) as JsonMap),
    place: { source, path },
    upstreams,
    listen,
    checked: fields,
  };
}

/** Fields of another protocol than the proxy's. */
function foreignFields(
  value: JsonMap,
  schema: z.ZodObject,
  protocol: string,
  filters: readonly FilterSchema[],
): Map<string, string> {
  const foreign = new Map<string, string>();
  for (const key of Object.keys(value)) {
    const owner = Object.hasOwn(schema.shape, key)
      ? undefined
      : filters.find((one) => one.protocol && flatFields(one).includes(key));
    if (owner?.protocol) foreign.set(key, `is an option of ${owner.protocol.name}, and this proxy speaks ${protocol}`);
  }
  return foreign;
}

/** The given name, else the protocol's, numbered when it is taken: a proxy added at the end renames no other. */
function chooseNames(proxies: readonly Proxy[]): string[] {
  const taken = new Set(proxies.map((proxy) => proxy.checked['name']));
  return proxies.map((proxy) => {
    const given = proxy.checked['name'];
    if (typeof given === 'string') return given;
    const { protocol } = proxy.upstreams[0]!.upstream;
    let free: string = protocol;
    for (let n = 2; taken.has(free); n++) free = `${protocol}_${n}`;
    taken.add(free);
    return free;
  });
}

/** Names that proxies were given: one that could not be read is there all the same. */
const unreadableNames = (list: Json | undefined): string[] =>
  (Array.isArray(list) ? list : []).flatMap((proxy) => {
    const given = valueAt(proxy, ['name']);
    return typeof given === 'string' ? [given] : [];
  });

/** Default ports: the upstream's + 10,000, or the next that no proxy of the file has. */
class Ports {
  readonly #taken: Set<number>;

  constructor(proxies: readonly Proxy[]) {
    const ports = proxies.map((proxy) => valueAt(proxy.listen ?? undefined, ['socket_address', 'port_value']));
    this.#taken = new Set(ports.filter((port) => typeof port === 'number'));
  }

  take(upstreamPort: number): number {
    let port = upstreamPort + PORT_OFFSET;
    for (port = wrap(port); this.#taken.has(port); port = wrap(port + 1));
    this.#taken.add(port);
    return port;
  }
}
/** Above the last port it goes on at 10,000. */
const wrap = (port: number): number => (port > 65535 ? port - 65536 + PORT_OFFSET : port);

function listenerOf(
  proxy: Proxy,
  proxyName: string,
  ports: Ports,
  accessLog: TracedTree | undefined,
  policies: ShortPolicies,
  problems: Problem[],
): TracedTree {
  const { checked, place } = proxy;
  const at = (field: string): Place => ({ source: place.source, path: [...place.path, field] });
  const named = Object.hasOwn(checked, 'name') ? at('name') : place;
  const { filter, port } = proxy.upstreams[0]!.upstream;
  let address: TracedTree | undefined = from(at('listen'), proxy.listen ?? undefined);
  const auto = address === undefined && !Object.hasOwn(proxy.fields, 'listen');
  if (auto && port === null) {
    // A proxy that is only a URL has no field to point at.
    const bare = typeof valueAt(place.source.tree, place.path) === 'string';
    const text = 'is required: a unix socket has no port to derive it from';
    problems.push(bare ? problemAt(place, 'value', `listen ${text}`) : problemAt(at('listen'), 'key', text));
  }
  address ??= {
    socket_address: { address: '127.0.0.1', port_value: auto && port === null ? 0 : ports.take(port ?? 0) },
  };
  const pick = (fields: readonly string[]) =>
    Object.fromEntries(
      fields.map((field) => [field, from(at(field), checked[field])]).filter(([, value]) => value !== undefined),
    );
  // Servers that name each other are asked for where the others are: any that is there will do.
  const anyOf = filter?.protocol?.doors && proxy.upstreams.length > 1 ? proxy.upstreams.length : undefined;
  const onSocket = valueAt(proxy.listen ?? undefined, ['pipe']) !== undefined;
  // What opens ports beside a listener's own has no use for a unix socket.
  const startsFrom = onSocket ? {} : ((filter?.protocol?.shortForm ?? {}) as JsonMap);
  const options = filter ? { ...startsFrom, ...pick(optionFields(filter)) } : {};
  const own = {
    auto_port: auto ? true : undefined,
    access_log: accessLogList(at('access_log'), checked['access_log']) ?? accessLog,
    [filter?.protocol?.name ?? '']: Object.keys(options).length > 0 ? options : undefined,
  };
  const protocolFilter = filter && {
    name: filter.filterName,
    typed_config: { '@type': filter.typeUrl, stat_prefix: from(named, proxyName), ...pick(configFields(filter)) },
  };
  const policyLink = policies.linkOf(place.path, proxyName, whyUnjudged(filter?.protocol ?? null));
  return from(place, {
    name: from(named, proxyName),
    address,
    per_connection_buffer_limit_bytes: from(at('buffer_limit'), checked['buffer_limit']),
    filter_chains: [
      {
        filters: [
          ...(protocolFilter ? [protocolFilter] : []),
          ...(policyLink ? [policyLink] : []),
          {
            name: tcpProxySchema.filterName,
            typed_config: {
              '@type': TCP_PROXY_TYPE_URL,
              stat_prefix: from(named, proxyName),
              cluster: from(named, proxyName),
              idle_timeout: from(at('idle_timeout'), checked['idle_timeout']),
              max_connect_attempts: from(at('max_connect_attempts'), checked['max_connect_attempts'] ?? anyOf),
            },
          },
        ],
      },
    ],
    metadata: Object.values(own).some((value) => value !== undefined)
      ? { filter_metadata: { sluice: own } }
      : undefined,
  })!;
}

function clusterOf(proxy: Proxy, proxyName: string): TracedTree {
  const { checked, place } = proxy;
  const at = (field: string): Place => ({ source: place.source, path: [...place.path, field] });
  const named = Object.hasOwn(checked, 'name') ? at('name') : place;
  const leads = proxy.upstreams.some(({ upstream }) => upstream.filter?.protocol?.doors !== undefined);
  const resolves = proxy.upstreams.some(({ upstream }) => upstream.host !== null && isIP(upstream.host) === 0);
  const policy = checked['lb_policy'];
  return from(place, {
    name: from(named, proxyName),
    type: resolves ? 'STRICT_DNS' : 'STATIC',
    connect_timeout: from(at('connect_timeout'), checked['connect_timeout']),
    lb_policy: from(at('lb_policy'), typeof policy === 'string' ? policy.toUpperCase() : policy),
    per_connection_buffer_limit_bytes: from(at('buffer_limit'), checked['buffer_limit']),
    // `localhost` is ::1 first for AUTO, and most database servers started by hand listen on 127.0.0.1 only.
    dns_lookup_family: resolves || leads ? 'V4_PREFERRED' : undefined,
    load_assignment: {
      cluster_name: proxyName,
      endpoints: [
        {
          lb_endpoints: proxy.upstreams.map((one) => ({
            endpoint: { address: from(one.place, one.upstream.address) },
          })),
        },
      ],
    },
  })!;
}

/** `-`, a path, a map, or a list of these: the full form's list. */
function accessLogList(place: Place, value: Json | undefined): TracedTree | undefined {
  if (value === undefined) return undefined;
  if (Array.isArray(value))
    return from(
      place,
      value.map((one, i) => accessLogEntry({ source: place.source, path: [...place.path, i] }, one)),
    );
  return from(place, [accessLogEntry(place, value)]);
}

const accessLogEntry = (place: Place, value: Json): TracedTree =>
  from(place, typeof value === 'string' ? { path: from(place, value) } : value)!;
