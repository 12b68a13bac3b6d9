import { cidr, ELSEWHERE, type Fields, rbac, TYPE, typed, V4 } from './parts.ts';

export const INPUT = `${TYPE}envoy.extensions.matching.common_inputs.network.v3.`;
export const SSL = `${TYPE}envoy.extensions.matching.common_inputs.ssl.v3.`;
export const source = typed('i', `${INPUT}SourceIPInput`);
export const act = (action?: string, name = 'act', more: Fields = {}): Fields => ({
  action: typed('a', `${TYPE}envoy.config.rbac.v3.Action`, { name, ...(action && { action }) }),
  ...more,
});
export const matching = (matcher: Fields): Fields => rbac({ matcher });
export const exactly = (input: Fields, text: string): Fields =>
  matching({ matcher_tree: { input, exact_match_map: { map: { [text]: act('ALLOW') } } } });
export const list = (predicate: Fields, on = act('ALLOW')): Fields =>
  matching({ matcher_list: { matchers: [{ predicate, on_match: on }] } });
export const is = (text: string, input = source): Fields => ({
  single_predicate: { input, value_match: { exact: text } },
});
export const LOCAL = '127.0.0.1';
export const ip = (...range_matchers: Fields[]): Fields =>
  matching({
    matcher_tree: {
      input: source,
      custom_match: typed('ip', `${TYPE}xds.type.matcher.v3.IPMatcher`, { range_matchers }),
    },
  });
export const network = (name: string, fields: Fields = {}): Fields => typed('i', INPUT + name, fields);

export const MATCHERS: Readonly<Record<string, Fields>> = {
  empty: matching({}),
  'on_no_match allows': matching({ on_no_match: act('ALLOW') }),
  'on_no_match denies': matching({ on_no_match: act('DENY') }),
  'action is ALLOW by default': matching({ on_no_match: act() }),
  'action without name': matching({ on_no_match: act('ALLOW', '') }),
  'no such action': matching({
    on_no_match: { action: typed('a', `${TYPE}google.protobuf.StringValue`, { value: 'x' }) },
  }),
  'rules are ignored beside it': rbac({ rules: {}, matcher: { on_no_match: act('ALLOW') } }),
  'exact source': exactly(source, LOCAL),
  'exact other source': exactly(source, '127.0.0.2'),
  'exact direct source': exactly(network('DirectSourceIPInput'), LOCAL),
  'exact destination': exactly(network('DestinationIPInput'), LOCAL),
  'exact port': exactly(network('DestinationPortInput'), '1'),
  'exact source port': exactly(network('SourcePortInput'), '1'),
  'source type': exactly(network('SourceTypeInput'), 'local'),
  'server name': exactly(network('ServerNameInput'), ''),
  'filter state': exactly(network('FilterStateInput', { key: 'a' }), ''),
  'filter state without key': exactly(network('FilterStateInput'), ''),
  'dynamic metadata': exactly(network('DynamicMetadataInput', { filter: 'a', path: [{ key: 'b' }] }), ''),
  'network namespace': exactly(network('NetworkNamespaceInput'), ''),
  'uri san': exactly(typed('i', `${SSL}UriSanInput`), ''),
  'dns san': exactly(typed('i', `${SSL}DnsSanInput`), ''),
  subject: exactly(typed('i', `${SSL}SubjectInput`), ''),
  'http header': exactly(
    typed('i', `${TYPE}envoy.type.matcher.v3.HttpRequestHeaderMatchInput`, { header_name: 'a' }),
    '',
  ),
  'input with another field': exactly(network('SourceIPInput', { nope: 1 }), LOCAL),
  prefix: matching({ matcher_tree: { input: source, prefix_match_map: { map: { '127.': act('ALLOW') } } } }),
  'longest prefix': matching({
    matcher_tree: {
      input: source,
      prefix_match_map: { map: { '127.': act('ALLOW'), '127.0': act('DENY'), '1': act('ALLOW') } },
    },
  }),
  'shorter prefix where the longer leads nowhere': matching({
    matcher_tree: { input: source, prefix_match_map: { map: { '127.0': { matcher: {} }, '127.': act('ALLOW') } } },
  }),
  'map of nothing': matching({ matcher_tree: { input: source, exact_match_map: { map: {} } } }),
  'tree of nothing': matching({ matcher_tree: { input: source } }),
  list: list(is(LOCAL)),
  'list denies': list(is(LOCAL), act('DENY')),
  'list without match': list(is('127.0.0.2')),
  'list: the first wins': matching({
    matcher_list: {
      matchers: [
        { predicate: is(LOCAL), on_match: act('DENY', 'first') },
        { predicate: is(LOCAL), on_match: act('ALLOW', 'second') },
      ],
    },
  }),
  'list: the next where a nested one finds nothing': matching({
    matcher_list: {
      matchers: [
        { predicate: is(LOCAL), on_match: { matcher: {} } },
        { predicate: is(LOCAL), on_match: act('ALLOW', 'second') },
      ],
    },
  }),
  'on_no_match of a nested one': matching({
    matcher_list: {
      matchers: [{ predicate: is(LOCAL), on_match: { matcher: { on_no_match: act('DENY', 'nested') } } }],
    },
    on_no_match: act('ALLOW', 'outer'),
  }),
  'on_no_match after a nested one without': matching({
    matcher_list: { matchers: [{ predicate: is(LOCAL), on_match: { matcher: {} } }] },
    on_no_match: act('ALLOW', 'outer'),
  }),
  'list of none': matching({ matcher_list: { matchers: [] } }),
  'list and tree': matching({
    matcher_list: { matchers: [{ predicate: is(LOCAL), on_match: act('ALLOW') }] },
    matcher_tree: { input: source, exact_match_map: { map: { [LOCAL]: act('ALLOW') } } },
  }),
  regex: list({
    single_predicate: { input: source, value_match: { safe_regex: { google_re2: {}, regex: '127\\..*' } } },
  }),
  and: list({ and_matcher: { predicate: [is(LOCAL), is(LOCAL, network('DestinationIPInput'))] } }),
  'and with one that fails': list({ and_matcher: { predicate: [is(LOCAL), is('a')] } }),
  or: list({ or_matcher: { predicate: [is('a'), is(LOCAL)] } }),
  'or of one': list({ or_matcher: { predicate: [is(LOCAL)] } }),
  not: list({ not_matcher: is('a') }),
  'not what is missing': list({ not_matcher: is('a', network('FilterStateInput', { key: 'a' })) }),
  'what is missing is empty': list(is('', network('ServerNameInput'))),
  keep_matching: list(is(LOCAL), act('LOG', 'a', { keep_matching: true })),
  'list of addresses': list({
    single_predicate: {
      input: source,
      custom_match: typed('ip', `${TYPE}envoy.extensions.matching.input_matchers.ip.v3.Ip`, {
        stat_prefix: 'a',
        cidr_ranges: [V4],
      }),
    },
  }),
  'list of other addresses': list({
    single_predicate: {
      input: source,
      custom_match: typed('ip', `${TYPE}envoy.extensions.matching.input_matchers.ip.v3.Ip`, {
        stat_prefix: 'a',
        cidr_ranges: [ELSEWHERE],
      }),
    },
  }),
  'tree of addresses': ip({ ranges: [V4], on_match: act('ALLOW') }),
  'tree of other addresses': ip({ ranges: [ELSEWHERE], on_match: act('ALLOW') }),
  'tree: the most specific': ip(
    { ranges: [V4], on_match: act('ALLOW', 'wide') },
    { ranges: [cidr('127.0.0.0', 24)], on_match: act('DENY', 'narrow') },
  ),
  'tree: the wider where the narrow leads nowhere': ip(
    { ranges: [V4], on_match: act('ALLOW', 'wide') },
    { ranges: [cidr('127.0.0.0', 24)], on_match: { matcher: {} } },
  ),
  'tree: exclusive': ip(
    { ranges: [V4], on_match: act('ALLOW', 'wide') },
    { ranges: [cidr('127.0.0.0', 24)], on_match: { matcher: {} }, exclusive: true },
  ),
  'log only': matching({ on_no_match: act('LOG', 'logged') }),
  'log elsewhere': matching({
    matcher_list: { matchers: [{ predicate: is('a'), on_match: act('LOG') }] },
    on_no_match: act('ALLOW', 'plain'),
  }),
  'log elsewhere, and no match': list(is('a'), act('LOG')),
};
