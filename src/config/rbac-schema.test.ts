import { describe, expect, test } from 'vitest';
import { filterSchemas } from '../server/catalog.ts';
import { badText, goodText } from './fixtures/loading.ts';
import { formatProblem } from './problem.ts';
import { RBAC_TYPE_URL } from './rbac-schema.ts';

// Which files Envoy takes is held against it in test/integration/filters-envoy.test.ts; here: what is said, and where.

const filters = filterSchemas();
const NETWORK = 'type.googleapis.com/envoy.extensions.filters.network.';
const PROTOCOL = `
      - {name: p, typed_config: {'@type': ${NETWORK}postgres_proxy.v3alpha.PostgresProxy, stat_prefix: p}}`;
/** `fields` stand from line 9 on (10 behind a protocol filter), in column 11. */
const file = (type: string, fields: string, before = '', after = '') => `static_resources:
  listeners:
  - address: {socket_address: {address: 127.0.0.1, port_value: 5432}}
    filter_chains:
    - filters:${before}
      - name: f
        typed_config:
          '@type': ${type}
${fields.replace(/^/gm, '          ')}${after}
      - {name: t, typed_config: {'@type': ${NETWORK}tcp_proxy.v3.TcpProxy, stat_prefix: t, cluster: c}}
  clusters:
  - {name: c, load_assignment: {cluster_name: c, endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: 1}}}}]}]}}
`;
const AT = 'static_resources.listeners[0].filter_chains[0].filters[0].typed_config';
const rule = (permission: string, more = '') =>
  `stat_prefix: r
rules:
  policies:
    p:
      permissions: [${permission}]
      principals: [{any: true}]
${more}`.trimEnd();

describe('mistakes in RBAC', () => {
  const CASES: readonly (readonly [string, string, readonly string[]])[] = [
    ['an unknown field', 'stat_prefix: r\nrule: {}', [`10:11 ${AT}.rule: unknown field, did you mean rules?`]],
    [
      'what Envoy has and Sluice has not',
      'stat_prefix: r\nenforce_on_transport_ready: true',
      [`10:11 ${AT}.enforce_on_transport_ready: known to Envoy, not supported by Sluice yet`],
    ],
    ['no prefix', 'rules: {}', [`7:9 ${AT}.stat_prefix: is required`]],
    [
      'another action',
      'stat_prefix: r\nrules: {action: allow}',
      [`10:27 ${AT}.rules.action: "allow" is none of ALLOW, DENY, LOG`],
    ],
    [
      'a permission mistyped',
      rule('{destination_prot: 1}'),
      [`13:32 ${AT}.rules.policies.p.permissions[0].destination_prot: unknown field, did you mean destination_port?`],
    ],
    [
      'a permission of nothing',
      rule('{}'),
      [
        `13:31 ${AT}.rules.policies.p.permissions[0]: needs exactly one of and_rules, or_rules, any, header, url_path, uri_template, destination_ip, destination_port, destination_port_range, metadata, sourced_metadata, not_rule, requested_server_name, matcher`,
      ],
    ],
    [
      'two in one',
      rule('{any: true, destination_port: 1}'),
      [`13:31 ${AT}.rules.policies.p.permissions[0]: needs exactly one of`],
    ],
    [
      'deep inside',
      rule('{not_rule: {and_rules: {rules: [{any: true}, {destination_ip: {address_prefix: host}}]}}}'),
      [
        `13:110 ${AT}.rules.policies.p.permissions[0].not_rule.and_rules.rules[1].destination_ip.address_prefix: "host" is not an IP address, such as 10.0.0.0 or 2001:db8::`,
      ],
    ],
    [
      'a header',
      rule('{header: {name: x}}'),
      [
        `13:40 ${AT}.rules.policies.p.permissions[0].header: is a header rule, which the network filter does not take: there are no headers (Envoy refuses it too)`,
      ],
    ],
    [
      'no port',
      rule('{destination_port_range: {start: 5, end: 5}}'),
      [
        `13:56 ${AT}.rules.policies.p.permissions[0].destination_port_range: holds no port: start must be below end, which is not in the range`,
      ],
    ],
    [
      'a condition that is not there',
      rule('{any: true}', '      condition: {call_expr: {function: nope, args: []}}'),
      [`15:28 ${AT}.rules.policies.p.condition: there is no function nope of 0`],
    ],
    [
      'a loop',
      rule('{any: true}', '      condition: {comprehension_expr: {}}'),
      [
        `15:49 ${AT}.rules.policies.p.condition.comprehension_expr: is a loop (all, exists, map, filter), which conditions may not have; Envoy runs none either`,
      ],
    ],
    [
      'a number beyond 64 bits',
      rule('{any: true}', "      condition: {const_expr: {int64_value: '9223372036854775808'}}"),
      [`15:55 ${AT}.rules.policies.p.condition.const_expr.int64_value: does not fit in 64 bits`],
    ],
    [
      'an input of HTTP',
      'stat_prefix: r\nmatcher:\n  matcher_tree:\n    input: {name: i, typed_config: {"@type": nope}}\n    exact_match_map: {map: {}}',
      [
        `12:56 ${AT}.matcher.matcher_tree.input.typed_config.@type: "nope" is no input of a network RBAC matcher`,
        `13:38 ${AT}.matcher.matcher_tree.exact_match_map.map: is empty`,
      ],
    ],
  ];
  for (const [name, fields, want] of CASES)
    test(name, async () => {
      const seen = await badText(file(RBAC_TYPE_URL, fields), filters);
      expect(seen.map((problem, i) => problem.slice(0, want[i]?.length ?? problem.length))).toEqual(want);
    });
});

describe('rules that can never see a query', () => {
  const metadata = rule('{metadata: {filter: a, path: [{key: b}], value: {present_match: true}}}');
  const shadow = metadata.replace('\nrules:', '\nshadow_rules:');
  const continuous = '\nenforcement_type: CONTINUOUS';
  const CASES: readonly (readonly [string, string, string])[] = [
    [
      'asked once',
      file(RBAC_TYPE_URL, metadata, PROTOCOL),
      "looks at metadata, and is asked once, before the first query: enforcement_type: CONTINUOUS asks at each of postgres's messages",
    ],
    ['shadow rules asked once', file(RBAC_TYPE_URL, shadow, PROTOCOL), 'looks at metadata, and is asked once'],
    [
      'no protocol filter',
      file(RBAC_TYPE_URL, metadata + continuous),
      'looks at metadata, and the chain has no protocol filter that would tell any of a query',
    ],
    [
      'before the protocol filter',
      file(RBAC_TYPE_URL, metadata + continuous, '', PROTOCOL),
      'stands before postgres, where Envoy would see the metadata of the message before',
    ],
  ];
  for (const [name, text, want] of CASES)
    test(`${name}: a warning in its place`, async () => {
      const { warnings } = await goodText(text, filters);
      expect(warnings.map(formatProblem)).toEqual([expect.stringContaining(want)]);
      const field = text.includes('shadow_rules') ? 'shadow_rules' : 'rules';
      const line = text.split('\n').findIndex((one) => one.trim() === `${field}:`);
      expect(warnings[0]!.path).toMatch(new RegExp(`typed_config\\.${field}$`));
      expect(Math.abs(warnings[0]!.line - 1 - line)).toBeLessThanOrEqual(1);
    });

  const QUIET: readonly (readonly [string, string])[] = [
    ['at each message', file(RBAC_TYPE_URL, metadata + continuous, PROTOCOL)],
    ['of addresses, once', file(RBAC_TYPE_URL, rule('{destination_port: 5432}'), PROTOCOL)],
  ];
  for (const [name, text] of QUIET)
    test(`${name}: none`, async () => expect((await goodText(text, filters)).warnings).toEqual([]));
});

describe('the other filters', () => {
  const of = (name: string) => NETWORK + name;
  const CASES: readonly (readonly [string, string, string, string])[] = [
    [
      'connection_limit of 0',
      of('connection_limit.v3.ConnectionLimit'),
      'stat_prefix: x\nmax_connections: 0',
      'max_connections: 0 is below 1',
    ],
    [
      'a delay that is none',
      of('connection_limit.v3.ConnectionLimit'),
      'stat_prefix: x\nmax_connections: 1\ndelay: soon',
      'delay: "soon" is not a duration such as "5s" or "0.25s"',
    ],
    [
      'fills too often',
      of('local_ratelimit.v3.LocalRateLimit'),
      'stat_prefix: x\ntoken_bucket: {max_tokens: 1, fill_interval: 0.01s}',
      'fill_interval: "0.01s" is below 0.05s',
    ],
    [
      'an authorization service that is not there',
      of('ext_authz.v3.ExtAuthz'),
      'stat_prefix: x\ngrpc_service: {envoy_grpc: {cluster_name: d}}',
      'cluster_name: "d" is not a cluster, did you mean "c"?',
    ],
    [
      'an answer without bytes',
      of('direct_response.v3.Config'),
      'response: {filename: /nonexistent/file}',
      'filename: cannot be read (ENOENT)',
    ],
    [
      'an answer before another filter',
      of('direct_response.v3.Config'),
      'response: {inline_string: x}',
      'envoy.filters.network.direct_response is terminal and must be the last of its chain',
    ],
  ];
  for (const [name, type, fields, want] of CASES)
    test(name, async () => {
      const seen = await badText(file(type, fields), filters);
      expect(
        seen.some((problem) => problem.includes(want)),
        seen.join('\n'),
      ).toBe(true);
    });
});
