import { isIP } from 'node:net';
import * as z from 'zod';
import type { CidrConfig } from '../policy/rbac/cidr.ts';
import type { MetadataMatch, ValueMatch } from '../policy/rbac/rbac-config.ts';
import type { StringMatch } from '../policy/rbac/string-match.ts';
import { message, wholeNumber } from './field-types.ts';
import { show } from './problem.ts';
import { stringMatcherSchema } from './string-matcher.ts';

/** Envoy's matchers of values: `type.matcher.v3` and `config.core.v3.CidrRange`. */

/** Names of the fields that are given. */
export const given = (value: Readonly<Record<string, unknown>>): string[] =>
  Object.keys(value).filter((name) => value[name] !== undefined);

/** A proto `oneof` that must be set. Not told besides what is wrong already, as where its field was mistyped. */
export const exactlyOne = (names: readonly string[]) => ({
  error: `needs exactly one of ${names.join(', ')}`,
  when: ({ issues }: { readonly issues: readonly unknown[] }) => issues.length === 0,
});

export const stringMatch = (): z.ZodType<StringMatch> =>
  stringMatcherSchema().superRefine((match, context) => {
    if (match.is === 'regex' && match.text === '')
      context.addIssue({ code: 'custom', message: 'is empty', input: match.text, path: ['safe_regex', 'regex'] });
  });

/** Without `prefix_len` it is all addresses of the family (Envoy's default is 0). */
export const cidrRange = (): z.ZodType<CidrConfig> =>
  message({
    address_prefix: z.string().refine((text) => isIP(text) !== 0, {
      error: ({ input }) => `${show(input)} is not an IP address, such as 10.0.0.0 or 2001:db8::`,
    }),
    prefix_len: wholeNumber(0, 128).default(0),
  });

const empty = () => message({});
const VALUE_KINDS = [
  'null_match',
  'double_match',
  'string_match',
  'bool_match',
  'present_match',
  'list_match',
  'or_match',
] as const;

const doubleMatch = message({
  range: message({ start: z.number().default(0), end: z.number().default(0) }).optional(),
  exact: z.number().optional(),
}).refine((match) => given(match).length === 1, exactlyOne(['range', 'exact']));

const valueMatch: z.ZodType<ValueMatch> = z.lazy(() =>
  message({
    null_match: empty().optional(),
    double_match: doubleMatch.optional(),
    string_match: stringMatch().optional(),
    bool_match: z.boolean().optional(),
    present_match: z.boolean().optional(),
    list_match: message({ one_of: valueMatch }).optional(),
    or_match: message({ value_matchers: z.array(valueMatch).min(2) }).optional(),
  })
    .refine((match) => given(match).length === 1, exactlyOne(VALUE_KINDS))
    .transform((match): ValueMatch => {
      if (match.double_match?.range)
        return { is: 'range', from: match.double_match.range.start, to: match.double_match.range.end };
      if (match.double_match) return { is: 'number', exact: match.double_match.exact! };
      if (match.string_match) return { is: 'string', match: match.string_match };
      if (match.bool_match !== undefined) return { is: 'bool', value: match.bool_match };
      if (match.present_match !== undefined) return { is: 'present', value: match.present_match };
      if (match.list_match) return { is: 'list', oneOf: match.list_match.one_of };
      if (match.or_match) return { is: 'or', of: match.or_match.value_matchers };
      return { is: 'null' };
    }),
);

export const metadataMatch = (): z.ZodType<MetadataMatch> =>
  message({
    filter: z.string().min(1).max(256),
    path: z.array(message({ key: z.string().min(1).max(1024) })).min(1),
    value: valueMatch,
    invert: z.boolean().default(false),
  }).transform(({ filter, path, value, invert }) => ({
    namespace: filter,
    path: path.map(({ key }) => key),
    value,
    invert,
  }));
