/**
 * What is put before Envoy and before Sluice: filter chains, and what a client does. Recorded once from a real Envoy
 * (record.ts); CI has none.
 */

export type Fields = Readonly<Record<string, unknown>>;

export interface FilterCase {
  readonly name: string;
  /** Of the chain; echo follows unless the last is terminal. */
  readonly filters: readonly Fields[];
  /** One after the other, each after the echo of the one before, or after a while without. Default: `x`. */
  readonly sends?: readonly string[];
  /** How many clients do so, each while the ones before are there. Default: 1. */
  readonly clients?: number;
}

export const TYPE = 'type.googleapis.com/';
export const NETWORK = `${TYPE}envoy.extensions.filters.network.`;
export const typed = (name: string, type: string, fields: Fields = {}): Fields => ({
  name,
  typed_config: { '@type': type, ...fields },
});
export const filter = (type: string, fields: Fields): Fields => typed(type.split('.')[0]!, NETWORK + type, fields);

/** `{{name}}` becomes the case's name: each has stats of its own. */
export const rbac = (fields: Fields): Fields => filter('rbac.v3.RBAC', { stat_prefix: '{{name}}', ...fields });
export const ANY = { any: true };
export const NONE = { not_rule: ANY };
export const permit = (...permissions: Fields[]): Fields =>
  rbac({ rules: { policies: { p: { permissions, principals: [ANY] } } } });
export const admit = (...principals: Fields[]): Fields =>
  rbac({ rules: { policies: { p: { permissions: [ANY], principals } } } });
export const when = (condition: Fields, more: Fields = {}): Fields =>
  rbac({ rules: { policies: { p: { permissions: [ANY], principals: [ANY], condition, ...more } } } });
export const policy = (permission: Fields = ANY, principal: Fields = ANY): Fields => ({
  permissions: [permission],
  principals: [principal],
});
export const chain = (
  name: string,
  filters: readonly Fields[],
  more: Omit<FilterCase, 'name' | 'filters'> = {},
): FilterCase => ({
  name,
  filters,
  ...more,
});
export const table = (
  prefix: string,
  make: (fields: Fields) => Fields,
  rows: Readonly<Record<string, Fields>>,
): FilterCase[] => Object.entries(rows).map(([name, fields]) => chain(`${prefix} ${name}`, [make(fields)]));

export const cidr = (address_prefix: string, prefix_len?: number): Fields => ({
  address_prefix,
  ...(prefix_len !== undefined && { prefix_len }),
});
export const V4 = cidr('127.0.0.0', 8);
export const ELSEWHERE = cidr('10.0.0.0', 8);
export const UPSTREAM = `${TYPE}envoy.extensions.rbac.matchers.upstream_ip_port.v3.UpstreamIpPortMatcher`;
export const URI_TEMPLATE = `${TYPE}envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig`;
/** A MetadataMatcher on what the authorization service gave. */
export const matcherOf = (path: readonly string[], value: Fields, more: Fields = {}): Fields => ({
  filter: AUTHZ,
  path: path.map((key) => ({ key })),
  value,
  ...more,
});
export const metadata = (path: readonly string[], value: Fields, more: Fields = {}): Fields => ({
  metadata: matcherOf(path, value, more),
});
export const AUTHZ = 'envoy.filters.network.ext_authz';
export const PRESENT = { present_match: true };
