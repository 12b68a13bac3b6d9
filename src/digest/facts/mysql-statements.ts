import { mysqlNameOf } from '../sql/mysql-quoted.ts';
import type { MysqlFacts } from './mysql-token-facts.ts';
import { isMysqlName, type MysqlTokens } from './mysql-tokens.ts';
import { Sensitive } from './sql-sensitive.ts';

/** Reads one kind of statement, from behind its first word. */
type Reader = (facts: MysqlFacts) => void;

const MODIFIERS = new Set(['no_write_to_binlog', 'local', 'extended', 'full', 'temporary', 'if', 'not', 'exists']);
const STATEMENTS = new Set('select insert replace update delete with table values ( set'.split(' '));
/** Words of LOCK TABLES and FLUSH TABLES behind a table. */
const LOCK_WORDS = new Set(['read', 'write', 'local', 'low_priority', 'concurrent', 'wait', 'nowait', '?']);

const none = (): void => {};

/** Nothing but a comma may stand behind a name. */
const stop = (): void => {};

const rest: Reader = (facts) => facts.rest();

const schema = (facts: MysqlFacts, operation: string): void => {
  const name = facts.tokens.peek();
  if (!isMysqlName(name)) return;
  facts.tokens.at++;
  facts.add(mysqlNameOf(name), '', operation);
};

/** `VERB TABLE a, b` */
const tableList =
  (operation: string): Reader =>
  (facts) => {
    const { tokens } = facts;
    tokens.skip(MODIFIERS);
    if (tokens.take('table') || tokens.take('tables') || tokens.take('view')) {
      tokens.skip(MODIFIERS);
      facts.list(stop, operation);
    }
  };

const alias = (tokens: MysqlTokens): void => {
  if (tokens.take('as')) tokens.at++;
  else if (isMysqlName(tokens.peek()) && !LOCK_WORDS.has(tokens.peek())) tokens.at++;
  tokens.skip(LOCK_WORDS);
};

const describe: Reader = (facts) => {
  const { tokens } = facts;
  const options = new Set(['extended', 'partitions', 'analyze']);
  tokens.skip(options);
  if (tokens.take('format')) tokens.at += 2;
  if (tokens.peek() === 'for') return; // FOR CONNECTION
  if (STATEMENTS.has(tokens.peek())) facts.rest();
  else facts.target('describe');
};

const SHOWN_TABLES = new Set(['columns', 'fields', 'index', 'indexes', 'keys']);
const SHOWN_SCHEMAS = new Set(['tables', 'triggers', 'events', 'table', 'open']);

const show: Reader = (facts) => {
  const { tokens } = facts;
  tokens.skip(MODIFIERS);
  const what = tokens.peek();
  if (what === 'create') {
    const kind = tokens.peek(1);
    tokens.at += 2;
    tokens.skip(MODIFIERS);
    if (kind === 'database' || kind === 'schema') schema(facts, 'show');
    else if (kind !== 'user') facts.target('show');
  } else if (SHOWN_TABLES.has(what) && tokens.find('from', 'in')) {
    tokens.at++;
    const name = facts.name();
    const within = tokens.peek() === 'from' || tokens.peek() === 'in' ? tokens.peek(1) : '';
    if (name) facts.add(isMysqlName(within) ? mysqlNameOf(within) : name.schema, name.name, 'show');
  } else if (SHOWN_SCHEMAS.has(what) && tokens.find('from', 'in')) {
    tokens.at++;
    schema(facts, 'show');
  }
};

const KINDS = [
  'table',
  'view',
  'index',
  'trigger',
  'database',
  'schema',
  'sequence',
  'procedure',
  'function',
  'event',
  'user',
  'role',
  'server',
  'tablespace',
  'package',
] as const;

const create: Reader = (facts) => {
  const { tokens } = facts;
  if (!tokens.find(...KINDS)) return;
  const kind = tokens.peek();
  tokens.at++;
  tokens.skip(MODIFIERS);
  switch (kind) {
    case 'table':
      facts.target('create');
      if (tokens.peek() === 'like' || (tokens.peek() === '(' && tokens.peek(1) === 'like')) {
        tokens.at += tokens.peek() === 'like' ? 1 : 2;
        facts.target('select');
      }
      facts.rest();
      break;
    case 'view':
      facts.target('create');
      facts.rest();
      break;
    case 'sequence':
      facts.target('create');
      break;
    case 'database':
    case 'schema':
      schema(facts, 'create');
      break;
    case 'index':
      if (tokens.find('on')) {
        tokens.at++;
        facts.target('alter');
      }
      break;
    case 'trigger':
      // Its body does not run now.
      if (tokens.find('on')) {
        tokens.at++;
        facts.target('alter');
      }
      facts.sensitivity = Sensitive.literal;
      break;
    case 'procedure':
    case 'function':
    case 'event':
    case 'package':
      facts.sensitivity = Sensitive.literal;
      break;
    default:
  }
};

const drop: Reader = (facts) => {
  const { tokens } = facts;
  if (!tokens.find(...KINDS, 'tables')) return;
  const kind = tokens.peek();
  tokens.at++;
  tokens.skip(MODIFIERS);
  if (kind === 'table' || kind === 'tables' || kind === 'view' || kind === 'sequence') facts.list(stop, 'drop');
  else if (kind === 'database' || kind === 'schema') schema(facts, 'drop');
  else if (kind === 'index' && tokens.find('on')) {
    tokens.at++;
    facts.target('alter');
  }
};

const alter: Reader = (facts) => {
  const { tokens } = facts;
  if (!tokens.find(...KINDS)) return;
  const kind = tokens.peek();
  tokens.at++;
  tokens.skip(MODIFIERS);
  if (kind === 'view') {
    facts.target('alter');
    facts.rest();
  } else if (kind === 'sequence') facts.target('alter');
  else if (kind === 'database' || kind === 'schema') schema(facts, 'alter');
  else if (kind === 'table') {
    facts.target('alter');
    alterations(facts);
  } else if (kind === 'event' || kind === 'procedure' || kind === 'function') facts.sensitivity = Sensitive.literal;
};

/** What else ALTER TABLE names: RENAME TO b, EXCHANGE PARTITION p WITH TABLE b, REFERENCES b. */
const alterations = (facts: MysqlFacts): void => {
  const { tokens } = facts;
  while (tokens.more) {
    const token = tokens.peek();
    const next = tokens.peek(1);
    tokens.at++;
    if (token === 'references') facts.target('references');
    else if (token === 'with' && next === 'table') {
      tokens.at++;
      facts.target('alter');
    } else if (token === 'rename' && !['column', 'index', 'key', 'constraint'].includes(next)) {
      if (next === 'to' || next === 'as' || next === '=') tokens.at++;
      facts.target('create');
    }
  }
};

const rename: Reader = (facts) => {
  const { tokens } = facts;
  if (!tokens.take('table') && !tokens.take('tables')) return;
  tokens.skip(MODIFIERS);
  do {
    if (!facts.target('alter')) return;
    if (tokens.find('to', ',') && tokens.take('to')) facts.target('create');
  } while (tokens.take(','));
};

const load: Reader = (facts) => {
  const { tokens } = facts;
  if (tokens.peek() === 'index') {
    if (tokens.find('cache')) tokens.at++;
    facts.list(stop, 'load');
    return;
  }
  if (!tokens.find('into')) return;
  const replaces = tokens.before === 'replace';
  tokens.at++;
  tokens.take('table');
  facts.target('insert', ...(replaces ? ['delete'] : []));
  facts.rest();
};

const grant =
  (operation: string): Reader =>
  (facts) => {
    const { tokens } = facts;
    if (!tokens.find('on')) return;
    tokens.at++;
    if (!tokens.take('table') && !tokens.take('procedure') && !tokens.take('function')) tokens.take('package');
    facts.target(operation);
  };

const call: Reader = (facts) => {
  facts.target('call');
  facts.rest();
};

const truncate: Reader = (facts) => {
  facts.tokens.take('table');
  facts.target('truncate');
};

const analyze: Reader = (facts) => {
  facts.tokens.skip(MODIFIERS);
  if (facts.tokens.peek() === 'table' || facts.tokens.peek() === 'tables') tableList('analyze')(facts);
  else describe(facts);
};

const set: Reader = (facts) => {
  // SET STATEMENT … FOR …, and queries in values.
  if (facts.tokens.take('statement') && facts.tokens.find('for')) {
    facts.sensitivity = Sensitive.code;
    facts.tokens.at++;
  }
  facts.rest();
};

const lock: Reader = (facts) => {
  if (facts.tokens.take('tables') || facts.tokens.take('table')) facts.list(alias, 'lock');
};

const flush: Reader = (facts) => {
  const { tokens } = facts;
  tokens.skip(MODIFIERS);
  if ((tokens.take('tables') || tokens.take('table')) && tokens.peek() !== 'with' && tokens.peek() !== 'for')
    facts.list(stop, 'flush');
};

/** Readers by a statement's first word. Statements without one are read as queries. */
export const MYSQL_STATEMENTS: Readonly<Record<string, Reader>> = {
  use: (facts) => schema(facts, 'use'),
  set,
  show,
  describe,
  desc: describe,
  explain: describe,
  analyze,
  check: tableList('check'),
  checksum: tableList('checksum'),
  optimize: tableList('optimize'),
  repair: tableList('repair'),
  backup: tableList('backup'),
  truncate,
  create,
  drop,
  alter,
  rename,
  lock,
  flush,
  handler: (facts) => {
    facts.target('select');
    facts.rest();
  },
  load,
  cache: (facts) => {
    facts.tokens.take('index');
    facts.list(stop, 'load');
  },
  call,
  grant: grant('grant'),
  revoke: grant('revoke'),
  do: rest,
  kill: rest,
  execute: none,
  prepare: none,
  deallocate: none,
  xa: none,
  start: none,
  commit: none,
  rollback: none,
  savepoint: none,
  release: none,
  unlock: none,
  install: none,
  uninstall: none,
  binlog: none,
  change: none,
  purge: none,
  reset: none,
  stop: none,
  help: none,
  import: none,
  clone: none,
  shutdown: none,
  restart: none,
  signal: none,
  resignal: none,
  get: none,
};
