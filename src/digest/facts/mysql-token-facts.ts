import { mysqlNameOf, writeMysqlTarget } from '../sql/mysql-quoted.ts';
import { MysqlQuery } from './mysql-query-tokens.ts';
import { mysqlStatementSensitivity } from './mysql-sensitive.ts';
import { MYSQL_STATEMENTS } from './mysql-statements.ts';
import { isMysqlName, MysqlTokens, mysqlTokensOf } from './mysql-tokens.ts';
import { Sensitive } from './sql-sensitive.ts';
import type { TokenFacts } from './sql-token-facts.ts';
import { Summary } from './summary.ts';
import { Targets } from './targets.ts';

const QUERIES = new Set(['select', 'insert', 'replace', 'update', 'delete', 'values', 'table', 'with']);
const OBJECTS = new Set(
  (
    'table view index sequence schema database function procedure role user trigger event server tablespace package ' +
    'resource logfile instance'
  ).split(' '),
);

/** What a reader of one kind of statement has to hand: the tokens after its first word, and where facts go. */
export class MysqlFacts {
  readonly tokens: MysqlTokens;
  readonly summary = new Summary();
  readonly targets = new Targets();
  sensitivity: number;

  constructor(tokens: MysqlTokens, sensitivity: number) {
    this.tokens = tokens;
    this.sensitivity = sensitivity;
  }

  add(schema: string, name: string, ...operations: readonly string[]): void {
    for (const operation of operations) this.targets.add(schema, name, operation);
    this.summary.add(writeMysqlTarget(schema, name));
  }

  /** Reads `name` or `schema.name` (or `schema.*`: '' as name); null, and nothing read, if there is none. */
  name(): { schema: string; name: string } | null {
    const { tokens } = this;
    const first = tokens.peek();
    if (first === '*' && tokens.peek(1) === '.' && tokens.peek(2) === '*') {
      tokens.at += 3;
      return null;
    }
    if (!isMysqlName(first)) return null;
    tokens.at++;
    if (tokens.peek() !== '.') return { schema: '', name: mysqlNameOf(first) };
    const second = tokens.peek(1);
    if (second === '*') {
      tokens.at += 2;
      return { schema: mysqlNameOf(first), name: '' };
    }
    if (!isMysqlName(second)) return { schema: '', name: mysqlNameOf(first) };
    tokens.at += 2;
    return { schema: mysqlNameOf(first), name: mysqlNameOf(second) };
  }

  /** Reads one name and adds it. */
  target(...operations: readonly string[]): boolean {
    const name = this.name();
    if (name) this.add(name.schema, name.name, ...operations);
    return name !== null;
  }

  /** Reads names with commas between, each with what `after` steps over. */
  list(after: (tokens: MysqlTokens) => void, ...operations: readonly string[]): void {
    do {
      if (!this.target(...operations)) return;
      after(this.tokens);
    } while (this.tokens.take(','));
  }

  /** Reads all that is left as queries. */
  rest(): void {
    new MysqlQuery(this).read();
  }
}

/**
 * Facts from a canonical text of MySQL. As for Postgres: a reading aid where the parser does not read the statement, good
 * enough to show, never to allow by. Linear.
 */
export const mysqlTokenFacts = (text: string): TokenFacts => {
  const list = mysqlTokensOf(text);
  const at = list.findIndex((token) => isMysqlName(token));
  const first = list[at] ?? '';
  const tokens = new MysqlTokens(list);
  const facts = new MysqlFacts(tokens, mysqlStatementSensitivity(first));
  const operation = first === 'with' ? mainKeyword(list) : first === 'desc' ? 'describe' : first;
  const label = QUERIES.has(first) ? '' : labelOf(list, at, operation);
  facts.summary.add(label);
  const read = MYSQL_STATEMENTS[first];
  if (read === undefined) {
    tokens.at = Math.max(at, 0);
    facts.rest();
  } else {
    tokens.at = at + 1;
    read(facts);
  }
  if (first === 'begin' && list[at + 1] === 'not') facts.sensitivity = Sensitive.code;
  return {
    operation: operation.toUpperCase(),
    label,
    summary: facts.summary.toString(),
    targets: facts.targets.list(),
    sensitivity: facts.sensitivity,
    tokens: list.length,
  };
};

/** The statement that a WITH belongs to: the first of its keywords outside parentheses. */
const mainKeyword = (tokens: readonly string[]): string => {
  let depth = 0;
  for (const token of tokens) {
    if (token === '(') depth++;
    else if (token === ')') depth--;
    else if (depth === 0 && token !== 'with' && QUERIES.has(token)) return token;
  }
  return 'with';
};

const labelOf = (tokens: readonly string[], at: number, first: string): string => {
  const head = first.toUpperCase();
  const next = tokens[at + 1] ?? '';
  if (first === 'create' || first === 'drop' || first === 'alter') {
    for (let i = at + 1; i < at + 16; i++) {
      const token = tokens[i];
      if (token !== undefined && OBJECTS.has(token)) return `${head} ${token.toUpperCase()}`;
    }
    return head;
  }
  if (first === 'set') {
    const scoped = next === 'global' || next === 'session' || next === 'local' || next === 'persist';
    const name = scoped ? tokens[at + 2] : next;
    if (name?.startsWith('@@')) return `${head} ${name}`;
    return isMysqlName(name) ? `${head} ${name}` : head;
  }
  if (first === 'show') {
    const words = tokens.slice(at + 1, at + 4).filter((token) => token !== 'full' && token !== 'extended');
    if (words[0] === 'create' && isMysqlName(words[1])) return `${head} CREATE ${words[1].toUpperCase()}`;
    if (isMysqlName(words[0])) return `${head} ${words[0].toUpperCase()}`;
  }
  if (first === 'load' || first === 'xa' || first === 'start' || first === 'install' || first === 'flush')
    return /^[a-z]+$/.test(next) ? `${head} ${next.toUpperCase()}` : head;
  return head;
};
