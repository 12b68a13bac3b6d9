/** Where the keys of a command begin: at an argument, behind a keyword searched from an argument on, or nobody can say. */
export type BeginSearch = number | readonly [keyword: string, from: number] | null;

/**
 * Which arguments from there on are keys. `range`: up to the last, counted from the beginning (below 0: from the end of the
 * command; with a limit n only the n-th part of what is left). `count`: an argument says how many.
 */
export type FindKeys =
  | { readonly range: readonly [last: number, step: number, limit: number] }
  | { readonly count: readonly [at: number, first: number, step: number] }
  | null;

export interface KeySpecRow {
  /** `RW access update`, as the server has them. */
  readonly flags: string;
  readonly at: BeginSearch;
  readonly keys: FindKeys;
}

/** A command or subcommand as its server's `COMMAND` tells it. */
export interface CommandRow {
  /** Lower case; of a subcommand its own name alone. */
  readonly name: string;
  /** First version that has it. */
  readonly since: string;
  /** Exact number of arguments, names included, or with a minus sign the least. */
  readonly arity: number;
  /** `write denyoom` */
  readonly flags: string;
  /** ACL categories without their `@`. */
  readonly acl: string;
  readonly keys?: readonly KeySpecRow[];
  readonly sub?: readonly CommandRow[];
}

const COLUMN = ' | ';
const SUB = '  ';

/**
 * Rows as lines of text, a subcommand indented below its command: `mset | 1.0.1 | -3 | write denyoom | write string slow |
 * OW update at 1 range -1 2 0`. Key specifications are separated by `;`, a keyword and where its search begins by `/`, and
 * what the server does not tell is `?`.
 */
export function rowsText(rows: readonly CommandRow[], indent = ''): string {
  return rows
    .map((row) => {
      const { name, since, arity, flags, acl, keys = [], sub = [] } = row;
      const columns = [name, since, arity, flags, acl, keys.map(specText).join('; ')];
      return `${indent}${columns.join(COLUMN).trimEnd()}\n${rowsText(sub, indent + SUB)}`;
    })
    .join('');
}

function specText({ flags, at, keys }: KeySpecRow): string {
  const begin = at === null ? '?' : typeof at === 'number' ? at : at.join('/');
  if (keys === null) return `${flags} at ${begin} ?`;
  return `${flags} at ${begin} ${'range' in keys ? `range ${keys.range.join(' ')}` : `count ${keys.count.join(' ')}`}`;
}

/** What rowsText() wrote. */
export function rowsOf(text: string): CommandRow[] {
  const rows: { readonly row: CommandRow; readonly sub: CommandRow[] }[] = [];
  for (const line of text.split('\n')) {
    const parent = line.startsWith(SUB) ? rows.at(-1) : undefined;
    if (parent !== undefined) parent.sub.push(rowOf(line));
    else if (line !== '') rows.push({ row: rowOf(line), sub: [] });
  }
  return rows.map(({ row, sub }) => (sub.length > 0 ? { ...row, sub } : row));
}

function rowOf(line: string): CommandRow {
  const [name = '', since = '', arity, flags = '', acl = '', specs = ''] = line
    .split('|')
    .map((column) => column.trim());
  const row = { name, since, arity: Number(arity), flags, acl };
  return specs === '' ? row : { ...row, keys: specs.split('; ').map(specOf) };
}

function specOf(text: string): KeySpecRow {
  const [, flags = '', begin = '', find] = /^(.*) at (\S+) (.*)$/.exec(text) ?? [];
  const [keyword = '', from] = begin.split('/');
  const at = begin === '?' ? null : from === undefined ? Number(begin) : ([keyword, Number(from)] as const);
  const [how, a, b, c] = find?.split(' ') ?? [];
  const numbers = [Number(a), Number(b), Number(c)] as const;
  return { flags, at, keys: how === 'range' ? { range: numbers } : how === 'count' ? { count: numbers } : null };
}
