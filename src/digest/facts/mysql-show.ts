import { mysqlNameOf } from '../sql/mysql-quoted.ts';
import type { Reader } from './mysql-utility-reader.ts';

/** SHOW, from canonical tokens. */

/** What may be created, dropped and shown besides tables and databases. */
export const KINDS = new Set([
  'procedure',
  'function',
  'trigger',
  'event',
  'package',
  'server',
  'tablespace',
  'sequence',
]);

const SHOWS_SESSION = new Set(
  'variables status warnings errors engines charset collation plugins privileges profiles profile contributors authors storage'.split(
    ' ',
  ),
);
const SHOWS_SERVER = new Set(
  'processlist engine binary binlog master slave replica replicas relaylog slaves open locale client_statistics index_statistics user_statistics table_statistics explain'.split(
    ' ',
  ),
);
const SHOWS_TABLE = new Set(['columns', 'fields', 'index', 'indexes', 'keys']);
const SHOWS_SCHEMA = new Set(['tables', 'triggers', 'events']);

export const show: Reader = (statement) => {
  const { tokens } = statement;
  while (statement.take('full', 'extended', 'global', 'session', 'local', 'all'));
  const what = statement.word();
  tokens.at++;
  if (what === 'create') showCreate(statement);
  else if (SHOWS_TABLE.has(what)) {
    if (!statement.take('from', 'in')) {
      statement.doubt();
      return;
    }
    const name = statement.name();
    const within = statement.take('from', 'in') ? statement.tokens.peek() : '';
    if (within !== '') tokens.at++;
    if (name !== null) statement.add('describe', 'table', within === '' ? name.schema : mysqlNameOf(within), name.name);
    filter(statement);
  } else if (SHOWS_SCHEMA.has(what) || (what === 'table' && statement.take('status'))) {
    if (statement.take('from', 'in')) statement.schema('describe');
    else statement.add('describe', 'schema');
    filter(statement);
  } else if (what === 'databases' || what === 'schemas') {
    statement.add('describe', 'schema', '*');
    filter(statement);
  } else if (what === 'procedure' || what === 'function' || what === 'package') {
    statement.add('describe', what, '*');
    statement.take('body');
    statement.take('status', 'code');
    filter(statement);
  } else if (what === 'grants') {
    statement.add(tokens.more ? 'monitor' : 'session');
    statement.rest();
  } else if (SHOWS_SERVER.has(what)) {
    statement.add('monitor');
    statement.take('tables');
    if (what === 'open' && statement.take('from', 'in')) statement.schema('describe');
    while (statement.take('from', 'in')) tokens.at++; // a log's name, a position
    filter(statement);
  } else if (
    SHOWS_SESSION.has(what) ||
    (what === 'character' && statement.take('set')) ||
    (what === 'count' && statement.take('('))
  ) {
    statement.add('session');
    statement.expressions();
  } else statement.doubt();
};

/** LIKE 'x', WHERE without a query, LIMIT. */
const filter: Reader = (statement) => statement.expressions();

const showCreate: Reader = (statement) => {
  const kind = statement.word();
  statement.tokens.at++;
  statement.ifExists();
  if (kind === 'table' || kind === 'view' || kind === 'sequence') statement.target('describe');
  else if (kind === 'database' || kind === 'schema') statement.schema('describe');
  else if (kind === 'user') {
    statement.add('monitor');
    statement.rest();
    return;
  } else if (KINDS.has(kind)) {
    statement.take('body');
    statement.target('describe', kind);
  } else statement.doubt();
  statement.end();
};
