import { binaryName, type PolicyVocabulary, type TargetPattern } from '../../src/exchange/operation-facts.ts';
import { MAX_NAME_BYTES } from './wire.ts';

/** What one statement does to one thing. A statement may do several: `INSERT … SELECT` inserts and selects. */
const VERBS: PolicyVocabulary['verbs'] = {
  select: 'reads rows of a relation, RETURNING of UPDATE, DELETE and MERGE too; currval of a sequence',
  insert: 'adds rows',
  update: 'changes rows, ON CONFLICT DO UPDATE too; nextval and setval of a sequence',
  delete: 'removes rows',
  truncate: 'TRUNCATE',
  lock: 'LOCK TABLE, SELECT … FOR UPDATE and its kin',
  references: 'names a relation in a foreign key, INHERITS, LIKE',
  create: 'CREATE of what belongs to a schema, SELECT INTO, CREATE TABLE AS',
  alter: 'ALTER of what belongs to a schema, indexes, triggers, rules, policies, COMMENT',
  drop: 'DROP of what belongs to a schema',
  maintain: 'VACUUM, ANALYZE, CLUSTER, REINDEX, REFRESH MATERIALIZED VIEW',
  copy_from: 'COPY FROM, besides insert',
  copy_to: 'COPY TO, besides select',
  program: 'COPY FROM or TO PROGRAM: runs a program on the server; only where an allow policy names it',
  file: "reads or writes the server's files: COPY with a file, pg_read_file, lo_import …",
  call: 'calls a function or procedure that is none of the harmless ones of pg_catalog',
  code: 'runs code that nobody can read: DO, query_to_xml, dblink …; it touches $unresolved besides',
  grant: 'GRANT, REVOKE, default privileges, roles',
  role: 'SET ROLE, SET SESSION AUTHORIZATION, RESET ROLE',
  setting:
    'SET of a setting that widens rights or changes how names are looked up: search_path, row_security, app.tenant …',
  admin: 'what is for administrators: databases, extensions, servers, ALTER SYSTEM, LOAD, pg_terminate_backend …',
  listen: 'LISTEN',
  notify: 'NOTIFY, pg_notify',
  replication: 'walsender sessions, replication slots; only where an allow policy names it',
  fastpath: 'a function called by its number, without SQL; only where an allow policy names it',
  transaction: 'BEGIN, COMMIT, ROLLBACK, SAVEPOINT …',
  session: 'SHOW, other SET, RESET, DISCARD, DEALLOCATE, CLOSE, MOVE, UNLISTEN …',
};

const OPERATIONS = new Set(
  (
    'ABORT ALTER ANALYZE BEGIN CALL CHECKPOINT CLOSE CLUSTER COMMENT COMMIT COPY CREATE DEALLOCATE DECLARE DELETE DISCARD DO ' +
    'DROP END EXECUTE EXPLAIN FETCH GRANT IMPORT INSERT LISTEN LOAD LOCK MERGE MOVE NOTIFY PREPARE REASSIGN REFRESH REINDEX ' +
    'RELEASE RESET REVOKE ROLLBACK SAVEPOINT SECURITY SELECT SET SHOW START TABLE TRUNCATE UNLISTEN UPDATE VACUUM VALUES WITH ' +
    'STARTUP IDENTIFY_SYSTEM START_REPLICATION CREATE_REPLICATION_SLOT DROP_REPLICATION_SLOT ALTER_REPLICATION_SLOT ' +
    'READ_REPLICATION_SLOT TIMELINE_HISTORY BASE_BACKUP UPLOAD_MANIFEST'
  ).split(' '),
).add('FUNCTION CALL');

/** Types of things, and whether they belong to schemas. */
const TYPES: Readonly<Record<string, boolean>> = {
  table: true,
  function: true,
  type: true,
  collation: true,
  conversion: true,
  statistics: true,
  operator: true,
  schema: false,
  setting: false,
  role: false,
  channel: false,
  file: false,
  library: false,
  database: false,
  extension: false,
  language: false,
  tablespace: false,
  foreign_server: false,
  fdw: false,
  publication: false,
  subscription: false,
  server: false,
};

export const vocabulary: PolicyVocabulary = {
  verbs: VERBS,
  harmless: ['transaction', 'session'],
  guarded: ['program', 'replication', 'fastpath'],
  operations: OPERATIONS,
  target,
};

/** `orders`, `public.orders`, `shop.*`, `"Odd.Name".t`, `function=pg_sleep`, `setting=app.*`; `*`: everything. */
function target(text: string): TargetPattern | { readonly fault: string } {
  const typed = /^([a-z_]+)=(.*)$/s.exec(text);
  const type = typed?.[1] ?? 'table';
  const hasSchema = TYPES[type];
  if (hasSchema === undefined)
    return { fault: `there are no things of the type "${type}": write one of ${Object.keys(TYPES).join(', ')}` };
  const rest = typed?.[2] ?? text;
  if (text === '*') return { type: '', schema: '*', name: '*' };
  if (!hasSchema) {
    const name = type === 'file' || type === 'library' ? fileGlob(rest) : parts(rest, true);
    if ('fault' in name) return name;
    return { type, schema: '*', name: name.globs[0]! };
  }
  const name = parts(rest, false);
  if ('fault' in name) return name;
  const { globs } = name;
  if (globs.length > 2)
    return { fault: 'has more parts than schema.name; a session has one database: say it in databases' };
  return { type, schema: globs.length === 2 ? globs[0]! : '*', name: globs.at(-1)! };
}

type Globs = { readonly globs: readonly string[] } | { readonly fault: string };

/** Splits at dots outside quotes. `single`: dots belong to the name. */
function parts(text: string, single: boolean): Globs {
  const globs: string[] = [];
  let at = 0;
  let glob = '';
  let bytes = 0;
  let hasPart = false;
  const end = (): string => {
    if (!hasPart) return 'has an empty part';
    if (bytes > MAX_NAME_BYTES) return `has a name of ${bytes} bytes; the server keeps ${MAX_NAME_BYTES}`;
    globs.push(binaryName(glob));
    glob = '';
    bytes = 0;
    hasPart = false;
    return '';
  };
  while (at < text.length) {
    const c = text[at]!;
    if (c === '"') {
      const found = /^"((?:[^"]|"")*)"/.exec(text.slice(at));
      if (found === null) return { fault: 'has a double quote without its end' };
      const name = found[1]!.replaceAll('""', '"');
      glob += name.replace(/[\\*]/g, '\\$&');
      bytes += Buffer.byteLength(name);
      hasPart = name !== '';
      at += found[0].length;
      continue;
    }
    if (c === '.' && !single) {
      const fault = end();
      if (fault !== '') return { fault };
      at++;
      continue;
    }
    if (c === '\\' && at + 1 < text.length) {
      glob += text.slice(at, at + 2);
      at += 2;
    } else {
      if (/[A-Z]/.test(c)) {
        const word = /^[\w$]+/.exec(text.slice(at))![0];
        return {
          fault: `has upper case outside quotes: the server folds it, write ${word.toLowerCase()}, or "${word}" in quotes`,
        };
      }
      if (/[\s(),;'=]/.test(c)) return { fault: `has ${JSON.stringify(c)} outside double quotes` };
      glob += c;
      at++;
    }
    hasPart = true;
    if (c !== '*') bytes += Buffer.byteLength(c);
  }
  const fault = end();
  return fault === '' ? { globs } : { fault };
}

/** A path is no identifier. */
const fileGlob = (text: string): Globs =>
  text === '' ? { fault: 'has an empty part' } : { globs: [binaryName(text)] };
