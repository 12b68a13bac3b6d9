import * as z from 'zod';
import { compileFilter, FilterSyntaxError } from '../stats/name-filter.ts';
import { message } from './field-types.ts';

/** One of Envoy's type.matcher.v3.StringMatcher. */
export interface StringMatcherConfig {
  readonly is: 'exact' | 'prefix' | 'suffix' | 'contains' | 'regex';
  readonly text: string;
  /** Not of a regex (Envoy). */
  readonly ignoreCase: boolean;
}

const KINDS = ['exact', 'prefix', 'suffix', 'contains', 'safe_regex'] as const;
const text = () => z.string().max(1024);

/** Regular expressions run on a matcher whose time is pattern × text (stats/name-filter): what that cannot do is refused. */
const regex = () =>
  z.string().superRefine((pattern, context) => {
    try {
      compileFilter(whole(pattern));
    } catch (error) {
      if (!(error instanceof FilterSyntaxError)) throw error;
      context.addIssue({ code: 'custom', message: error.message.replace(/^filter:? /, ''), input: pattern });
    }
  });

/** A regex matches the whole text (Envoy, RE2). */
const whole = (pattern: string): string => `^(?:${pattern})$`;

export const stringMatcherSchema = () =>
  message(
    {
      exact: text().optional(),
      prefix: text().min(1).optional(),
      suffix: text().min(1).optional(),
      contains: text().min(1).optional(),
      safe_regex: message({ regex: regex(), google_re2: message({}, 'max_program_size').optional() }).optional(),
      ignore_case: z.boolean().default(false),
    },
    'custom',
  )
    .refine((one) => KINDS.filter((kind) => one[kind] !== undefined).length === 1, {
      error: `needs exactly one of ${KINDS.join(', ')}`,
    })
    .refine((one) => one.safe_regex === undefined || !one.ignore_case, {
      error: 'has no effect on safe_regex',
      path: ['ignore_case'],
    })
    .transform((one): StringMatcherConfig => {
      const ignoreCase = one.ignore_case;
      if (one.safe_regex !== undefined) return { is: 'regex', text: one.safe_regex.regex, ignoreCase: false };
      if (one.exact !== undefined) return { is: 'exact', text: one.exact, ignoreCase };
      if (one.prefix !== undefined) return { is: 'prefix', text: one.prefix, ignoreCase };
      if (one.suffix !== undefined) return { is: 'suffix', text: one.suffix, ignoreCase };
      return { is: 'contains', text: one.contains ?? '', ignoreCase };
    });

/** Of a checked matcher; never throws. */
export function stringMatcher({ is, text: given, ignoreCase }: StringMatcherConfig): (text: string) => boolean {
  const folded = ignoreCase ? given.toLowerCase() : given;
  const of = ignoreCase ? (seen: string) => seen.toLowerCase() : (seen: string) => seen;
  switch (is) {
    case 'exact':
      return (seen) => of(seen) === folded;
    case 'prefix':
      return (seen) => of(seen).startsWith(folded);
    case 'suffix':
      return (seen) => of(seen).endsWith(folded);
    case 'contains':
      return (seen) => of(seen).includes(folded);
    case 'regex':
      return compileFilter(whole(given));
  }
}
