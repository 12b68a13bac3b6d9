import { EXT_AUTHZ } from './authz-cases.ts';
import { CONDITIONS, STRINGS, TEXTS } from './condition-cases.ts';
import { MATCHERS } from './matcher-cases.ts';
import { OTHERS } from './other-cases.ts';
import { admit, chain, type Fields, type FilterCase, filter, permit, table, when } from './parts.ts';
import { PERMISSIONS, PRINCIPALS } from './rule-cases.ts';
import { RULE_SETS } from './rule-set-cases.ts';

export const CASES: readonly FilterCase[] = [
  ...table('permission', permit, PERMISSIONS),
  ...table('principal', admit, PRINCIPALS),
  ...Object.entries(MATCHERS).map(([name, matcher]) => chain(`matcher ${name}`, [matcher])),
  ...table('condition', when, CONDITIONS),
  ...table('texts', (condition) => when(condition, STRINGS), TEXTS),
  ...RULE_SETS.map((one) => ({ ...one, name: `rules ${one.name}` })),
  ...OTHERS,
  ...EXT_AUTHZ,
].map((one, i) => JSON.parse(JSON.stringify(one).replaceAll('{{name}}', `case${i}`)) as FilterCase);

/** The whole chain: echo at its end, unless a terminal filter is there. */
export const chainOf = ({ filters }: FilterCase): readonly Fields[] => {
  const isTerminal = /network\.(echo|direct_response)\.v3\./.test(JSON.stringify(filters.at(-1)));
  return isTerminal ? filters : [...filters, filter('echo.v3.Echo', {})];
};
