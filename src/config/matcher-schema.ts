import * as z from 'zod';
import type { Input, Matcher, MatcherTest, OnMatch, Predicate } from '../policy/rbac/rbac-config.ts';
import { choice, message, name } from './field-types.ts';
import { show } from './problem.ts';
import { cidrRange, exactlyOne, given, stringMatch } from './rbac-values-schema.ts';

/**
 * xds.type.matcher.v3.Matcher as Envoy's network RBAC takes it: lists and trees over what is known of a connection, that
 * end in an action of config.rbac.v3.
 */

const TYPE = 'type.googleapis.com/';
const ACTION = `${TYPE}envoy.config.rbac.v3.Action`;
const NETWORK = `${TYPE}envoy.extensions.matching.common_inputs.network.v3.`;
const SSL = `${TYPE}envoy.extensions.matching.common_inputs.ssl.v3.`;
const ENVIRONMENT = `${TYPE}envoy.extensions.matching.common_inputs.environment_variable.v3.Config`;
const IP_TREE = `${TYPE}xds.type.matcher.v3.IPMatcher`;
const IP_LIST = `${TYPE}envoy.extensions.matching.input_matchers.ip.v3.Ip`;

/** The inputs that Envoy's network RBAC allows. Server names, certificates and the like are of TLS: there is none yet. */
const INPUTS: Readonly<Record<string, Input['of']>> = {
  [`${NETWORK}SourceIPInput`]: 'source_ip',
  [`${NETWORK}SourcePortInput`]: 'source_port',
  [`${NETWORK}DirectSourceIPInput`]: 'direct_source_ip',
  [`${NETWORK}DestinationIPInput`]: 'destination_ip',
  [`${NETWORK}DestinationPortInput`]: 'destination_port',
  [`${NETWORK}ServerNameInput`]: 'nothing',
  [`${NETWORK}NetworkNamespaceInput`]: 'nothing',
  [`${NETWORK}FilterStateInput`]: 'nothing',
  [`${SSL}UriSanInput`]: 'nothing',
  [`${SSL}DnsSanInput`]: 'nothing',
  [`${SSL}SubjectInput`]: 'nothing',
  [ENVIRONMENT]: 'constant',
};
const SHORT_NAMES = Object.keys(INPUTS)
  .map((url) => url.split('.').at(-1))
  .join(', ');

const input = message({
  name: name(),
  typed_config: z
    .looseObject({
      '@type': z.enum(Object.keys(INPUTS) as [string, ...string[]], {
        error: ({ input: seen }) =>
          seen === undefined ? 'is required' : `${show(seen)} is no input of a network RBAC matcher: ${SHORT_NAMES}`,
      }),
    })
    .superRefine(({ '@type': type, ...fields }, context) => {
      const allowed = { [`${NETWORK}FilterStateInput`]: ['key', 'field'], [ENVIRONMENT]: ['name'] }[type] ?? [];
      for (const field of Object.keys(fields))
        if (!allowed.includes(field))
          context.addIssue({ code: 'unrecognized_keys', keys: [field], input: fields, message: 'unknown field' });
      const [required] = allowed;
      if (required !== undefined && (typeof fields[required] !== 'string' || fields[required] === ''))
        context.addIssue({ code: 'custom', message: 'is required', input: fields[required], path: [required] });
    }),
}).transform(({ typed_config: { '@type': type, ...fields } }): Input => {
  const of = INPUTS[type]!;
  if (of !== 'constant') return { of };
  const text = process.env[String(fields['name'])];
  return text === undefined ? { of: 'nothing' } : { of, text };
});

const action = message({
  name: name(),
  typed_config: message({
    '@type': z.literal(ACTION, { error: ({ input: seen }) => `${show(seen)} is not ${ACTION}` }),
    name: z.string().min(1).max(256),
    action: choice(['ALLOW', 'DENY', 'LOG']).default('ALLOW'),
  }),
});

const onMatch: z.ZodType<OnMatch> = z.lazy(() =>
  message({
    matcher: matcher.optional(),
    action: action.optional(),
    keep_matching: z.literal(false, { error: 'cannot be true here (Envoy refuses it too)' }).optional(),
  })
    .refine(({ keep_matching: _, ...one }) => given(one).length === 1, exactlyOne(['matcher', 'action']))
    .transform(({ matcher: nested, action: acts }): OnMatch => {
      if (nested) return { kind: 'matcher', matcher: nested };
      return { kind: 'action', name: acts!.typed_config.name, action: acts!.typed_config.action };
    }),
);

const ipList = message({
  name: name(),
  typed_config: message({
    '@type': z.literal(IP_LIST, {
      error: ({ input: seen }) => `${show(seen)} is not supported by Sluice: ${IP_LIST} is`,
    }),
    cidr_ranges: z.array(cidrRange()).min(1),
    stat_prefix: name(),
  }),
});

const predicate: z.ZodType<Predicate> = z.lazy(() =>
  message({
    single_predicate: message({ input, value_match: stringMatch().optional(), custom_match: ipList.optional() })
      .refine(({ input: _, ...one }) => given(one).length === 1, exactlyOne(['value_match', 'custom_match']))
      .optional(),
    or_matcher: message({ predicate: z.array(predicate).min(2) }).optional(),
    and_matcher: message({ predicate: z.array(predicate).min(2) }).optional(),
    not_matcher: predicate.optional(),
  })
    .refine(
      (one) => given(one).length === 1,
      exactlyOne(['single_predicate', 'or_matcher', 'and_matcher', 'not_matcher']),
    )
    .transform((one): Predicate => {
      if (one.or_matcher) return { is: 'some', of: one.or_matcher.predicate };
      if (one.and_matcher) return { is: 'all', of: one.and_matcher.predicate };
      if (one.not_matcher) return { is: 'not', of: one.not_matcher };
      const { input: of, value_match, custom_match } = one.single_predicate!;
      if (value_match) return { is: 'text', input: of, match: value_match };
      return { is: 'ip', input: of, ranges: custom_match!.typed_config.cidr_ranges };
    }),
);

const matchMap = z.lazy(() =>
  message({
    map: z
      .record(z.string(), onMatch)
      .refine((map) => Object.keys(map).length > 0, { error: 'is empty' })
      .transform((map) => Object.entries(map)),
  }),
);

const ipTree = z.lazy(() =>
  message({
    name: name(),
    typed_config: message({
      '@type': z.literal(IP_TREE, {
        error: ({ input: seen }) => `${show(seen)} is not supported by Sluice: ${IP_TREE} is`,
      }),
      range_matchers: z
        .array(
          message({
            ranges: z.array(cidrRange()).min(1),
            on_match: onMatch,
            exclusive: z.boolean().default(false),
          }).transform(({ ranges, on_match, exclusive }) => ({ ranges, next: on_match, exclusive })),
        )
        .default([]),
    }),
  }),
);

const matcherTree = z.lazy(() =>
  message({
    input,
    exact_match_map: matchMap.optional(),
    prefix_match_map: matchMap.optional(),
    custom_match: ipTree.optional(),
  })
    .refine(
      ({ input: _, ...one }) => given(one).length === 1,
      exactlyOne(['exact_match_map', 'prefix_match_map', 'custom_match']),
    )
    .transform((one): MatcherTest => {
      if (one.exact_match_map) return { kind: 'exact', input: one.input, map: one.exact_match_map.map };
      if (one.prefix_match_map) return { kind: 'prefix', input: one.input, map: one.prefix_match_map.map };
      return { kind: 'ip', input: one.input, ranges: one.custom_match!.typed_config.range_matchers };
    }),
);

const matcherList = z.lazy(() =>
  message({ matchers: z.array(message({ predicate, on_match: onMatch })).min(1) }).transform(
    ({ matchers }): MatcherTest => ({
      kind: 'list',
      entries: matchers.map(({ predicate: when, on_match }) => ({ when, next: on_match })),
    }),
  ),
);

/** Without a list and a tree only `on_no_match` decides; without that too, nothing matches. */
export const matcher: z.ZodType<Matcher> = z.lazy(() =>
  message({
    matcher_list: matcherList.optional(),
    matcher_tree: matcherTree.optional(),
    on_no_match: onMatch.optional(),
  })
    .refine((one) => one.matcher_list === undefined || one.matcher_tree === undefined, {
      error: 'needs one of matcher_list, matcher_tree, not both',
    })
    .transform(
      (one): Matcher => ({
        test: one.matcher_list ?? one.matcher_tree ?? null,
        onNoMatch: one.on_no_match ?? null,
      }),
    ),
);
