import * as z from 'zod';
import type { AddressOf, Rule } from '../policy/rbac/rbac-config.ts';
import { choice, message, wholeNumber } from './field-types.ts';
import { cidrRange, exactlyOne, given, metadataMatch, stringMatch } from './rbac-values-schema.ts';

/** Envoy's Permission and Principal (config/rbac/v3/rbac.proto), each to a rule. */

const TYPE = 'type.googleapis.com/';
const UPSTREAM_IP_PORT = `${TYPE}envoy.extensions.rbac.matchers.upstream_ip_port.v3.UpstreamIpPortMatcher`;
const URI_TEMPLATE = `${TYPE}envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig`;
const MTLS = `${TYPE}envoy.extensions.rbac.principals.mtls_authenticated.v3.Config`;

/** An extension of which only these types exist. */
const extension = <T extends z.ZodType>(typedConfig: T) =>
  message({ name: z.string().min(1).max(256), typed_config: typedConfig });

const any = () => z.literal(true, { error: ({ input }) => `${String(input)} is not true` });

/** HTTP's. Envoy's network filter takes no header rules, and takes these, which never match. */
const urlPath = message({ path: stringMatch() });
const uriTemplate = extension(message({ '@type': z.literal(URI_TEMPLATE), path_template: z.string().min(1).max(256) }));
const header = () =>
  z.never({
    error: 'is a header rule, which the network filter does not take: there are no headers (Envoy refuses it too)',
  });

const portRange = message({ start: wholeNumber(0, 65_536).default(0), end: wholeNumber(0, 65_536).default(0) }).refine(
  ({ start, end }) => start < end,
  { error: 'holds no port: start must be below end, which is not in the range' },
);

/** Of the address that dynamic_forward_proxy keeps in a filter state: nobody keeps one here, so it never matches. */
const upstreamIpPort = extension(
  message({
    '@type': z.literal(UPSTREAM_IP_PORT),
    upstream_ip: cidrRange().optional(),
    upstream_port_range: message({ start: z.int().default(0), end: z.int().default(0) }).optional(),
  }).refine((one) => one.upstream_ip !== undefined || one.upstream_port_range !== undefined, {
    error: 'needs upstream_ip or upstream_port_range',
  }),
);

/** ROUTE: of HTTP's route. There is none, so it never matches. */
const sourcedMetadata = message({
  metadata_matcher: metadataMatch(),
  metadata_source: choice(['DYNAMIC', 'ROUTE']).default('DYNAMIC'),
}).transform(
  ({ metadata_matcher: match, metadata_source }): Rule =>
    metadata_source === 'ROUTE' ? { is: 'never' } : { is: 'metadata', match },
);

const PERMISSIONS = [
  'and_rules',
  'or_rules',
  'any',
  'header',
  'url_path',
  'uri_template',
  'destination_ip',
  'destination_port',
  'destination_port_range',
  'metadata',
  'sourced_metadata',
  'not_rule',
  'requested_server_name',
  'matcher',
] as const;

export const permission: z.ZodType<Rule> = z.lazy(() =>
  message({
    and_rules: message({ rules: z.array(permission).min(1) }).optional(),
    or_rules: message({ rules: z.array(permission).min(1) }).optional(),
    any: any().optional(),
    header: header().optional(),
    url_path: urlPath.optional(),
    uri_template: uriTemplate.optional(),
    destination_ip: cidrRange().optional(),
    destination_port: wholeNumber(0, 65_535).optional(),
    destination_port_range: portRange.optional(),
    metadata: metadataMatch().optional(),
    sourced_metadata: sourcedMetadata.optional(),
    not_rule: permission.optional(),
    requested_server_name: stringMatch().optional(),
    matcher: upstreamIpPort.optional(),
  })
    .refine((one) => given(one).length === 1, exactlyOne(PERMISSIONS))
    .transform((one): Rule => {
      if (one.and_rules) return { is: 'all', rules: one.and_rules.rules };
      if (one.or_rules) return { is: 'some', rules: one.or_rules.rules };
      if (one.not_rule) return { is: 'not', rule: one.not_rule };
      if (one.any) return { is: 'any' };
      if (one.destination_ip) return { is: 'ip', of: 'local', range: one.destination_ip };
      if (one.destination_port !== undefined)
        return { is: 'port', from: one.destination_port, to: one.destination_port + 1 };
      if (one.destination_port_range)
        return { is: 'port', from: one.destination_port_range.start, to: one.destination_port_range.end };
      if (one.metadata) return { is: 'metadata', match: one.metadata };
      if (one.sourced_metadata) return one.sourced_metadata;
      if (one.requested_server_name) return { is: 'server_name', match: one.requested_server_name };
      return { is: 'never' };
    }),
);

/** There is no downstream TLS yet: nobody is authenticated by it, as in Envoy without it. */
const authenticated = message({ principal_name: stringMatch().optional() });
const mtlsAuthenticated = extension(
  message(
    { '@type': z.literal(MTLS), any_validated_client_certificate: z.literal(true).optional() },
    'san_matcher',
  ).refine((one) => one.any_validated_client_certificate !== undefined, {
    error: 'needs any_validated_client_certificate',
  }),
);

/** Nobody keeps filter states here yet. */
const filterState = message({
  key: z.string().min(1).max(256),
  string_match: stringMatch().optional(),
  address_match: message({ ranges: z.array(cidrRange()), invert_match: z.boolean().default(false) }).optional(),
}).refine(({ key: _, ...match }) => given(match).length === 1, exactlyOne(['string_match', 'address_match']));

const PRINCIPALS = [
  'and_ids',
  'or_ids',
  'any',
  'authenticated',
  'source_ip',
  'direct_remote_ip',
  'remote_ip',
  'header',
  'url_path',
  'metadata',
  'sourced_metadata',
  'filter_state',
  'not_id',
  'custom',
] as const;

export const principal: z.ZodType<Rule> = z.lazy(() =>
  message({
    and_ids: message({ ids: z.array(principal).min(1) }).optional(),
    or_ids: message({ ids: z.array(principal).min(1) }).optional(),
    any: any().optional(),
    authenticated: authenticated.optional(),
    source_ip: cidrRange().optional(),
    direct_remote_ip: cidrRange().optional(),
    remote_ip: cidrRange().optional(),
    header: header().optional(),
    url_path: urlPath.optional(),
    metadata: metadataMatch().optional(),
    sourced_metadata: sourcedMetadata.optional(),
    filter_state: filterState.optional(),
    not_id: principal.optional(),
    custom: mtlsAuthenticated.optional(),
  })
    .refine((one) => given(one).length === 1, exactlyOne(PRINCIPALS))
    .transform((one): Rule => {
      if (one.and_ids) return { is: 'all', rules: one.and_ids.ids };
      if (one.or_ids) return { is: 'some', rules: one.or_ids.ids };
      if (one.not_id) return { is: 'not', rule: one.not_id };
      if (one.any) return { is: 'any' };
      if (one.source_ip) return ip('remote', one.source_ip);
      if (one.remote_ip) return ip('remote', one.remote_ip);
      if (one.direct_remote_ip) return ip('direct', one.direct_remote_ip);
      if (one.metadata) return { is: 'metadata', match: one.metadata };
      if (one.sourced_metadata) return one.sourced_metadata;
      return { is: 'never' };
    }),
);

const ip = (of: AddressOf, range: (Rule & { is: 'ip' })['range']): Rule => ({ is: 'ip', of, range });
