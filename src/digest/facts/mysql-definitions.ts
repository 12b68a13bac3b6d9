import { lower, type Reader, type Utility } from './mysql-utility-reader.ts';

/** CREATE TABLE, ALTER TABLE and LOAD, from canonical tokens. */

/** Words that may begin a query, or name a table, in a CREATE TABLE. */
const NOT_DEFINED = new Set(['select', 'values', 'with', 'union', 'table', 'as', 'connection']);

/** CREATE TABLE with columns and options, no query and no LIKE: those are the parser's. */
export const createTable: Reader = (statement) => {
  if (statement.take('or')) statement.take('replace');
  statement.take('temporary');
  statement.take('table');
  statement.ifExists();
  if (!statement.target('create')) return;
  if (statement.word() === 'like' || (statement.word() === '(' && statement.word(1) === 'like')) {
    statement.take('(');
    statement.take('like');
    statement.target('select');
    statement.take(')');
    statement.end();
    return;
  }
  definitions(statement);
};

/**
 * Columns, constraints, partitions and options: which other tables do they name? What they call is built in, for servers
 * allow no other function there.
 */
const definitions = (statement: Utility): void => {
  const { tokens } = statement;
  for (; tokens.more; tokens.at++) {
    if (tokens.before === '.') continue;
    if (statement.word() === 'directory') statement.add('file');
    if (statement.word() !== 'references') continue;
    tokens.at++;
    statement.target('references');
    tokens.at--;
  }
};

/** ALTER TABLE, without a query: what else it names. */
export const alterTable: Reader = (statement) => {
  const { tokens } = statement;
  while (statement.take('online', 'offline', 'ignore'));
  statement.take('table');
  statement.ifExists();
  if (!statement.target('alter')) return;
  for (; tokens.more; tokens.at++) {
    const word = statement.word();
    if (tokens.before === '.') continue;
    if (word === 'references') {
      tokens.at++;
      statement.target('references');
      tokens.at--;
    } else if (word === 'table' && lower(tokens.before) !== 'convert') {
      tokens.at++;
      statement.target('alter');
      tokens.at--;
    } else if (
      word === 'table' ||
      word === 'tablespace' ||
      word === 'union' ||
      word === 'select' ||
      word === 'connection'
    )
      statement.doubt();
    else if (word === 'rename' && !RENAMED.has(statement.word(1))) {
      tokens.at++;
      statement.take('to', 'as', '=');
      statement.target('create');
      tokens.at--;
    }
  }
};
const RENAMED = new Set(['column', 'index', 'key', 'constraint']);

/** UNION = (t1, t2): a MERGE table. Behind the UNION of queries a query begins. */
export const isMerge = (list: readonly string[]): boolean =>
  list.some((token, i) => {
    if (lower(token) !== 'union') return false;
    const at = list[i + 1] === '=' ? i + 2 : i + 1;
    if (list[at] !== '(') return list[i + 1] === '=';
    return !['select', 'with', 'values', 'table', '('].includes(lower(list[at + 1] ?? ''));
  });

/** ENGINE = FEDERATED, CONNECT, SPIDER; CONNECTION = '…': a table that stands for another one, of this server too. */
export const isConnected = (list: readonly string[]): boolean =>
  list.some((token, i) => {
    const word = lower(token);
    const next = lower(list[list[i + 1] === '=' ? i + 2 : i + 1] ?? '');
    if (word === 'connection') return next === '?';
    // An engine in quotes is not seen: it may be any.
    return word === 'engine' && list[i - 1] !== '.' && (next === '?' || CONNECTED.has(next.replaceAll('`', '')));
  });
const CONNECTED = new Set(['federated', 'connect', 'spider', 'federatedx']);

/** Does a CREATE TABLE hold definitions alone? */
export const isDefinition = (list: readonly string[]): boolean => {
  const from = list.indexOf('(');
  if (from < 0) return list.some((token) => lower(token) === 'like');
  // VALUES LESS THAN belongs to partitions, ALWAYS AS to columns.
  return list.every((token, i) => {
    const word = lower(token);
    if (!NOT_DEFINED.has(word) || list[i - 1] === '.') return true;
    if (word === 'table') return i < from;
    if (word === 'values') return ['less', 'in'].includes(lower(list[i + 1] ?? ''));
    return word === 'as' && list[i + 1] === '(' && lower(list[i + 2] ?? '') !== 'select';
  });
};

/** LOAD DATA, LOAD XML, LOAD INDEX. */
export const load: Reader = (statement) => {
  const { tokens } = statement;
  if (statement.takeAll('index', 'into', 'cache')) {
    statement.list('maintain');
    statement.rest();
    return;
  }
  if (!statement.take('data', 'xml')) {
    statement.doubt();
    return;
  }
  while (statement.take('low_priority', 'concurrent'));
  statement.add(statement.take('local') ? 'local_file' : 'file');
  let replaces = false;
  while (tokens.more && statement.word() !== 'into') {
    if (statement.word() === 'replace') replaces = true;
    tokens.at++;
  }
  if (!statement.takeAll('into', 'table')) {
    statement.doubt();
    return;
  }
  const name = statement.name();
  if (name === null) return;
  statement.add('insert', 'table', name.schema, name.name);
  if (replaces) statement.add('delete', 'table', name.schema, name.name);
  statement.expressions();
};
