import type { OperationFacts } from '../../exchange/operation-facts.ts';
import { mysqlNameOf } from '../sql/mysql-quoted.ts';
import { operationFacts } from './judged-facts.ts';
import { alterTable, createTable, isConnected, isDefinition, isMerge, load } from './mysql-definitions.ts';
import { sequenceOf } from './mysql-sequences.ts';
import { KINDS, show } from './mysql-show.ts';
import { isMysqlName, MysqlTokens, mysqlTokensOf } from './mysql-tokens.ts';
import { lower, type Reader, Utility } from './mysql-utility-reader.ts';

/** Tokens of a statement: as many as mysqlTokensOf gives, it was cut there. */
const MAX_TOKENS = 4096;

const only =
  (verb: string): Reader =>
  (statement) => {
    statement.add(verb);
    statement.rest();
  };
const code =
  (why: string): Reader =>
  (statement) => {
    statement.add('code');
    statement.doubt(why);
  };

const commitEnd: Reader = (statement) => {
  statement.add('transaction');
  statement.take('work');
  if (statement.take('and')) {
    statement.take('no');
    statement.take('chain');
  }
  if (statement.take('no', 'release') && statement.tokens.before === 'no') statement.take('release');
  statement.end();
};

const rollback: Reader = (statement) => {
  statement.take('work');
  if (!statement.take('to')) {
    commitEnd(statement);
    return;
  }
  statement.add('transaction');
  statement.take('savepoint');
  statement.tokens.at++;
  statement.end();
};

const start: Reader = (statement) => {
  if (!statement.take('transaction')) {
    only('replication')(statement);
    return;
  }
  statement.add('transaction');
  while (statement.take('with', 'consistent', 'snapshot', 'read', 'write', 'only', ','));
  statement.end();
};

const LOCKS = new Set(['read', 'write', 'local', 'low_priority', 'concurrent', 'wait', 'nowait', '?']);

const lock: Reader = (statement) => {
  const { tokens } = statement;
  if (statement.takeAll('instance', 'for', 'backup')) {
    statement.add('admin');
    return;
  }
  if (!statement.take('tables', 'table')) {
    statement.doubt();
    return;
  }
  do {
    if (!statement.target('lock')) return;
    if (statement.take('as')) tokens.at++;
    else if (isMysqlName(tokens.peek()) && !LOCKS.has(statement.word())) tokens.at++;
    while (LOCKS.has(statement.word()) && tokens.more) tokens.at++;
  } while (statement.take(','));
  statement.end();
};

const truncate: Reader = (statement) => {
  statement.take('table');
  statement.target('truncate');
  while (statement.take('wait', 'nowait', '?'));
  statement.end();
};

const MAINTAINED = new Set(['no_write_to_binlog', 'local']);

const maintain: Reader = (statement) => {
  const { tokens } = statement;
  while (MAINTAINED.has(statement.word())) tokens.at++;
  if (!statement.take('table', 'tables', 'view')) {
    statement.doubt('runs another statement');
    return;
  }
  statement.list('maintain');
  statement.rest();
};

const handler: Reader = (statement) => {
  if (!statement.target('select')) return;
  // What an alias stands for was judged when it was opened.
  if (!statement.take('open', 'close', 'read')) statement.doubt();
  statement.expressions();
};

const rename: Reader = (statement) => {
  if (statement.take('user')) {
    only('grant')(statement);
    return;
  }
  if (!statement.take('table', 'tables')) {
    statement.doubt();
    return;
  }
  statement.ifExists();
  do {
    if (!statement.target('alter')) return;
    while (statement.take('wait', 'nowait', '?'));
    if (!statement.take('to')) {
      statement.doubt();
      return;
    }
    statement.target('create');
  } while (statement.take(','));
  statement.end();
};

const drop: Reader = (statement) => {
  const { tokens } = statement;
  statement.take('temporary');
  const kind = statement.word();
  tokens.at++;
  if (kind === 'package' && statement.take('body')) {
    // Its body goes, the package stays.
  }
  if (kind === 'user' || kind === 'role') {
    only('grant')(statement);
    return;
  }
  if (kind === 'prepare') {
    statement.add('session');
    return;
  }
  if (kind === 'database' || kind === 'schema') {
    statement.ifExists();
    if (isMysqlName(tokens.peek())) statement.add('drop', 'table', mysqlNameOf(tokens.peek())); // and all that is in it
    statement.schema('drop');
  } else if (kind === 'table' || kind === 'tables' || kind === 'view' || kind === 'sequence') {
    statement.ifExists();
    statement.list('drop'); // a sequence is a table by every other statement too
    while (statement.take('restrict', 'cascade', 'wait', 'nowait', '?'));
  } else if (kind === 'index') {
    statement.ifExists();
    tokens.at++;
    if (statement.take('on')) statement.target('alter');
    else statement.doubt();
    statement.rest();
  } else if (KINDS.has(kind)) {
    statement.ifExists();
    statement.list('drop', kind);
  } else statement.doubt();
  statement.end();
};

/** DESCRIBE t. Explained statements are the parser's. */
const describe: Reader = (statement) => {
  if (statement.takeAll('for', 'connection')) {
    statement.add('monitor');
    statement.rest();
    return;
  }
  statement.target('describe');
  if (isMysqlName(statement.tokens.peek()) || statement.word() === '?') statement.tokens.at++;
  statement.end();
};

const EXPLAINED = new Set([
  'select',
  'insert',
  'replace',
  'update',
  'delete',
  'with',
  'table',
  'values',
  '(',
  'format',
  'extended',
  'partitions',
  'analyze',
  'for',
  'into',
  'set',
]);

const grantLike: Reader = (statement) => {
  const { tokens } = statement;
  statement.add('grant');
  for (; tokens.more; tokens.at++) {
    if (statement.word() !== 'on') continue;
    tokens.at++;
    if (statement.take('procedure', 'function', 'package')) return;
    statement.take('table');
    const [schema, name] = [tokens.peek(), tokens.peek() === '*' || tokens.peek(1) === '.' ? tokens.peek(2) : ''];
    // A schema `*` is all of them, wherever the session is.
    if (tokens.peek(1) === '.') statement.add('grant', 'table', mysqlNameOf(schema), star(name));
    else statement.add('grant', 'table', '', star(schema));
    return;
  }
};
const star = (token: string): string => (token === '*' ? '' : mysqlNameOf(token));

const alter: Reader = (statement) => {
  if (statement.word() === 'user' || statement.word() === 'role') only('grant')(statement);
  else if (statement.word() === 'instance' || statement.word() === 'server' || statement.word() === 'tablespace')
    only('admin')(statement);
  else {
    statement.take('database', 'schema');
    const next = statement.word();
    if (next === '?' || next === 'character' || next === 'default') statement.add('alter', 'schema');
    else statement.schema('alter');
    statement.rest();
  }
};

const create: Reader = (statement) => {
  const { tokens } = statement;
  if (statement.takeAll('or', 'replace')) {
    // As CREATE.
  }
  const kind = statement.word();
  tokens.at++;
  if (kind === 'user' || kind === 'role') only('grant')(statement);
  else if (kind === 'server' || kind === 'tablespace' || kind === 'undo' || kind === 'logfile')
    only('admin')(statement);
  else {
    statement.ifExists();
    statement.schema('create');
    statement.rest();
  }
};

const CREATES = new Set(['user', 'role', 'server', 'tablespace', 'undo', 'logfile', 'database', 'schema']);
const ALTERS = new Set(['user', 'role', 'instance', 'server', 'tablespace', 'database', 'schema']);
const DEFINES = new Set(['procedure', 'function', 'trigger', 'event', 'package']);

/** A routine: its name is told, what it will do is not. */
const define: Reader = (statement) => {
  const { tokens } = statement;
  while (tokens.more && !DEFINES.has(statement.word())) tokens.at++;
  const type = statement.word();
  tokens.at++;
  statement.take('body');
  statement.ifExists();
  statement.target('create', type);
  statement.doubt('holds code that runs later');
};

const READERS: Readonly<Record<string, Reader>> = {
  commit: commitEnd,
  rollback,
  start,
  savepoint: only('transaction'),
  release: only('transaction'),
  use: (statement) => {
    statement.schema('use');
    statement.end();
  },
  show,
  desc: describe,
  describe,
  explain: describe,
  truncate,
  lock,
  unlock: only('session'),
  handler,
  rename,
  drop,
  analyze: maintain,
  check: maintain,
  checksum: maintain,
  optimize: maintain,
  repair: maintain,
  cache: (statement) => {
    statement.take('index');
    statement.list('maintain');
    statement.rest();
  },
  load,
  grant: grantLike,
  revoke: grantLike,
  alter,
  create,
  do: (statement) => statement.expressions(),
  xa: (statement) => {
    statement.add(statement.word() === 'recover' ? 'monitor' : 'xa');
    statement.rest();
  },
  kill: only('admin'),
  flush: (statement) => {
    statement.add('admin');
    while (statement.take('no_write_to_binlog', 'local'));
    if (
      statement.take('tables', 'table') &&
      isMysqlName(statement.tokens.peek()) &&
      statement.word() !== 'with' &&
      statement.word() !== 'for'
    )
      statement.list('lock');
    statement.rest();
  },
  install: only('admin'),
  uninstall: only('admin'),
  shutdown: only('admin'),
  restart: only('admin'),
  reset: only('admin'),
  purge: only('admin'),
  backup: only('admin'),
  clone: (statement) => {
    statement.add('replication');
    statement.doubt('copies the whole server');
  },
  change: only('replication'),
  stop: only('replication'),
  import: code('tables from files'),
  binlog: code('runs recorded events'),
  help: only('session'),
  get: only('session'),
  signal: only('session'),
  resignal: only('session'),
  if: code('a compound statement'),
  case: code('a compound statement'),
  while: code('a compound statement'),
  loop: code('a compound statement'),
  repeat: code('a compound statement'),
  for: code('a compound statement'),
  declare: code('a compound statement'),
};

/**
 * What policies judge of a statement that is no query, from its canonical text: strictly, by the grammars of MySQL and
 * MariaDB. Null: it is the parser's to read (or, as SET and PREPARE, its literals decide).
 */
export function mysqlUtilityFacts(operation: string, text: string): OperationFacts | null {
  const list = mysqlTokensOf(text);
  const first = lower(list[0] ?? '');
  const second = lower(list[1] ?? '');
  let read = Object.hasOwn(READERS, first) ? READERS[first]! : null;
  if (first === 'begin')
    read =
      list.length === 1 || (list.length === 2 && second === 'work')
        ? only('transaction')
        : code('a compound statement');
  else if (
    first === 'create' &&
    list.slice(1, 24).some((token) => DEFINES.has(lower(token))) &&
    !list.slice(1, 5).some((token) => ['table', 'view', 'index', 'sequence'].includes(lower(token)))
  )
    read = define;
  else if (first === 'create' && !CREATES.has(second === 'or' ? lower(list[3] ?? '') : second)) read = null;
  else if (first === 'alter' && !ALTERS.has(second)) read = null;
  else if (
    (first === 'explain' || first === 'desc' || first === 'describe') &&
    EXPLAINED.has(second) &&
    !(second === 'for' && lower(list[2] ?? '') === 'connection')
  )
    read = null;
  else if (first === 'select') read = sequenceOf(list);
  if (first === 'alter' && list.slice(1, 5).some((token) => lower(token) === 'table'))
    read = isConnected(list) ? code('a table made of others') : alterTable;
  if (first === 'create' && list.slice(1, 5).some((token) => lower(token) === 'table')) {
    if (isMerge(list) || isConnected(list)) read = code('a table made of others');
    else if (isDefinition(list)) read = createTable;
  }
  if (read === null) return null;
  const statement = new Utility(new MysqlTokens(list));
  statement.tokens.at = 1;
  read(statement);
  if (list.length >= MAX_TOKENS) statement.doubt('too long to be read');
  const { accesses } = statement;
  return operationFacts(operation, {
    accesses: accesses.list(),
    unresolved: accesses.unresolved,
    hasWhere: list.some((token) => lower(token) === 'where'),
    limit: -1,
    limitAt: -1,
  });
}
