import { lower, type Reader } from './mysql-utility-reader.ts';

const CALLS = new Set(['nextval', 'lastval']);
const VALUES = new Set(['next', 'previous']);

/** SELECT NEXTVAL(s), SELECT NEXT VALUE FOR s, alone: what Hibernate asks of MariaDB, which the parser does not know. */
export function sequenceOf(list: readonly string[]): Reader | null {
  const what = lower(list[1] ?? '');
  const isCall = list[2] === '(';
  if (!(isCall ? CALLS : VALUES).has(what)) return null;
  if (!isCall && (lower(list[2] ?? '') !== 'value' || lower(list[3] ?? '') !== 'for')) return null;
  const from = isCall ? 3 : 4;
  const behind = from + (list[from + 1] === '.' ? 3 : 1);
  if (list.length !== behind + (isCall ? 1 : 0) || (isCall && list[behind] !== ')')) return null;
  const changes = what === 'nextval' || what === 'next';
  return (statement) => {
    statement.tokens.at = from;
    const name = statement.name();
    if (name === null) return;
    statement.add('select', 'table', name.schema, name.name);
    if (changes) statement.add('insert', 'table', name.schema, name.name); // the privilege that it takes
  };
}
