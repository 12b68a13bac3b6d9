import type { TextToken } from '../../src/digest/facts/mysql-text-tokens.ts';

/** Modes that change nothing of how a text is split into words: those that drivers and frameworks add or take away. */
const HARMLESS = new Set(
  (
    'strict_trans_tables strict_all_tables only_full_group_by no_zero_in_date no_zero_date error_for_division_by_zero ' +
    'no_engine_substitution no_auto_create_user no_auto_value_on_zero no_unsigned_subtraction allow_invalid_dates ' +
    'traditional pad_char_to_full_length time_truncate_fractional'
  ).split(' '),
);
const OWN = /^(?:(?:session|local)\.)?sql_mode$/;

/**
 * Is this the session's sql_mode with harmless modes added or taken away? `CONCAT(@@sql_mode, ',STRICT_ALL_TABLES')` of
 * Rails and MariaDB's own drivers, `REPLACE(@@sql_mode, 'ONLY_FULL_GROUP_BY', '')`, one inside the other.
 */
export function keepsReading(value: readonly TextToken[]): boolean {
  return own(value, 0) === value.length;
}

/** Where the expression at `at` ends; -1: it is no such one. */
function own(value: readonly TextToken[], at: number): number {
  const first = value[at];
  if (first?.kind === 'system') return OWN.test(first.text) ? at + 1 : -1;
  if (first?.kind !== 'word' || !isMark(value[at + 1], '(')) return -1;
  let next = own(value, at + 2);
  if (next < 0) return -1;
  if (first.text === 'replace') {
    const taken = isMark(value[next], ',') ? textOf(value[next + 1]) : null;
    const given = isMark(value[next + 2], ',') ? textOf(value[next + 3]) : null;
    return taken !== null && modesIn(taken) && given === '' && isMark(value[next + 4], ')') ? next + 5 : -1;
  }
  if (first.text !== 'concat') return -1;
  for (; isMark(value[next], ','); next += 2) {
    const added = textOf(value[next + 1]);
    // A comma first: else it would go on with the word before it.
    if (added === null || !added.startsWith(',') || !modesIn(added)) return -1;
  }
  return isMark(value[next], ')') ? next + 1 : -1;
}

const isMark = (token: TextToken | undefined, mark: string): boolean => token?.kind === 'mark' && token.text === mark;
const textOf = (token: TextToken | undefined): string | null =>
  token?.kind === 'string' && token.certain ? token.text : null;
const modesIn = (text: string): boolean =>
  text
    .toLowerCase()
    .split(',')
    .every((mode) => mode.trim() === '' || HARMLESS.has(mode.trim())) && /^[a-z_, ]+$/i.test(text);
