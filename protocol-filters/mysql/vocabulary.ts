import { binaryName, type PolicyVocabulary, type TargetPattern } from '../../src/exchange/operation-facts.ts';

const VERBS = {
  select: 'reads rows: SELECT, TABLE, HANDLER, COM_FIELD_LIST, and what other statements read',
  insert: 'adds rows: INSERT, REPLACE, LOAD DATA',
  update: 'changes rows: UPDATE, ON DUPLICATE KEY UPDATE',
  delete: 'removes rows: DELETE, REPLACE',
  truncate: 'TRUNCATE',
  create: 'CREATE of a table, view, database, procedure …',
  alter: 'ALTER, RENAME, CREATE INDEX, DROP INDEX',
  drop: 'DROP of a table, view, database, procedure …',
  references: 'a foreign key that refers to the table',
  lock: 'LOCK TABLES, FOR UPDATE, FLUSH TABLES',
  maintain: 'ANALYZE, CHECK, CHECKSUM, OPTIMIZE, REPAIR TABLE',
  describe: 'SHOW of tables, columns and definitions, DESCRIBE',
  monitor: 'SHOW of the server: PROCESSLIST, ENGINE STATUS, GRANTS of others …',
  call: 'CALL of a procedure, and functions that are not built in or that wait (SLEEP)',
  file: 'reads or writes files of the server: INTO OUTFILE, LOAD_FILE, LOAD DATA',
  local_file: 'LOAD DATA LOCAL: the client sends a file',
  code: 'runs text that cannot be seen: PREPARE FROM a variable, BINLOG, compound statements',
  grant: 'GRANT, REVOKE, users, roles, passwords',
  setting: 'SET of what changes how text reads, in a way nobody can tell, or what is logged',
  admin: 'SET GLOBAL, KILL, FLUSH, SHUTDOWN, INSTALL, RESET, PURGE …',
  xa: 'XA transactions',
  change_user: 'COM_CHANGE_USER: another user on the same connection',
  replication: 'COM_BINLOG_DUMP and its kin, START and STOP REPLICA, CHANGE MASTER, CLONE',
  use: 'USE, COM_INIT_DB: rules are about the tables that are named, whatever the default database',
  transaction: 'BEGIN, COMMIT, ROLLBACK, SAVEPOINT, SET autocommit',
  session: 'SET of the session, SHOW of variables and warnings, ping, reset: nothing that belongs to others',
} as const;

const TYPES: ReadonlySet<string> = new Set([
  'table',
  'schema',
  'function',
  'procedure',
  'trigger',
  'event',
  'package',
  'server',
  'tablespace',
  'setting',
  'user',
]);

/**
 * What policies for MySQL are written of. A target is `orders`, `shop.orders`, `shop.*`, with backticks where a name has a
 * dot or the like in it; `procedure=shop.p`, `function=sleep`, `setting=sql_mode`, `user=app` are of other types.
 */
export const MYSQL_VOCABULARY: PolicyVocabulary = {
  verbs: VERBS,
  harmless: ['use', 'transaction', 'session'],
  guarded: ['replication', 'code', 'change_user'],
  foldsDenied: true,
  operations: null,
  target: readTarget,
};

function readTarget(text: string): TargetPattern | { readonly fault: string } {
  const typed = /^([a-z_]+)=/.exec(text);
  if (typed !== null && !TYPES.has(typed[1]!))
    return { fault: `${typed[1]} is no type of a target: ${[...TYPES].join(', ')}` };
  const type = typed?.[1] ?? '';
  const parts = partsOf(typed === null ? text : text.slice(typed[0].length));
  if (typeof parts === 'string') return { fault: parts };
  const [first, second] = parts;
  if (parts.length > 2) return { fault: 'a name has two parts at most: database and table' };
  if (second === undefined) {
    if (type === 'schema') return { type, schema: first!, name: '*' };
    if (text === '*') return { type: '', schema: '*', name: '*' };
    return { type: type === '' ? 'table' : type, schema: '*', name: first! };
  }
  // `shop.*` is also the database itself: CREATE DATABASE shop, SHOW TABLES.
  return { type: type === '' && second !== '*' ? 'table' : type, schema: first!, name: second };
}

/** Parts at dots, backticks taken off; what stood in them is taken as it is. A text: what is wrong. */
function partsOf(text: string): string[] | string {
  const parts: string[] = [];
  let at = 0;
  do {
    let part = '';
    if (text[at] === '`') {
      at++;
      for (;;) {
        if (at >= text.length) return 'a backtick is not closed';
        if (text[at] === '`' && text[at + 1] !== '`') break;
        if (text[at] === '`') at++;
        part += text[at] === '*' || text[at] === '\\' ? `\\${text[at]}` : text[at];
        at++;
      }
      at++;
      if (part === '') return 'a name is empty';
    } else {
      const end = text.indexOf('.', at) < 0 ? text.length : text.indexOf('.', at);
      part = text.slice(at, end);
      at = end;
      if (part === '') return 'a name is empty';
      const odd = /[\s'"`;,()]/.exec(part);
      if (odd !== null) return `a name with ${JSON.stringify(odd[0])} in it is written in backticks`;
    }
    if ([...part.replaceAll(/\\(.)/g, '$1')].length > 64) return 'longer than the 64 characters a name has';
    if (part.endsWith(' ')) return 'no name ends with a blank';
    parts.push(binaryName(part));
    if (at < text.length && text[at] !== '.') return 'a dot must stand between two names';
  } while (text[at++] === '.' && at <= text.length);
  return parts;
}
