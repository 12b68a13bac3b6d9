import { cutName } from '../sql/sql-names.ts';
import type { Accesses } from './accesses.ts';
import { HARMLESS } from './harmless-functions.ts';
import { isHarmlessSetting } from './sql-settings.ts';
import { inner, isNode, listOf, nameParts, textOf } from './sql-tree.ts';

/** What a function does besides computing, by its last name in any schema: a verb of the vocabulary. */
const VERBS = new Map<string, string>();
const verb = (name: string, functions: string): void => {
  for (const each of functions.split(' ')) VERBS.set(each, name);
};
// They run text that an argument holds, or read what an argument names: nobody can tell what they touch.
verb(
  'code',
  'query_to_xml query_to_xml_and_xmlschema query_to_xmlschema cursor_to_xml cursor_to_xmlschema table_to_xml ' +
    'table_to_xml_and_xmlschema table_to_xmlschema schema_to_xml schema_to_xml_and_xmlschema schema_to_xmlschema ' +
    'database_to_xml database_to_xml_and_xmlschema database_to_xmlschema ts_stat ts_rewrite xpath_table connectby',
);
verb(
  'file',
  'lo_import lo_export pg_stat_file pg_current_logfile pg_hba_file_rules pg_ident_file_mappings pg_show_all_file_settings',
);
verb(
  'admin',
  'pg_terminate_backend pg_cancel_backend pg_reload_conf pg_rotate_logfile pg_switch_wal pg_promote pg_create_restore_point ' +
    'pg_wal_replay_pause pg_wal_replay_resume pg_backup_start pg_backup_stop pg_start_backup pg_stop_backup ' +
    'pg_log_backend_memory_contexts pg_import_system_collations pg_export_snapshot pg_stat_reset',
);
verb('replication', 'pg_copy_logical_replication_slot pg_copy_physical_replication_slot pg_drop_replication_slot');

const FAMILIES: readonly (readonly [prefix: string, verb: string])[] = [
  ['dblink', 'code'],
  ['crosstab', 'code'],
  ['pg_read_', 'file'],
  ['pg_ls_', 'file'],
  ['pg_file_', 'file'],
  ['pg_logical_', 'replication'],
  ['pg_create_', 'replication'],
  ['pg_replication_', 'replication'],
  ['pg_stat_reset_', 'admin'],
  ['binary_upgrade_', 'admin'],
];

const verbOf = (name: string): string => {
  const known = VERBS.get(name);
  if (known !== undefined) return known;
  for (const [prefix, family] of FAMILIES) if (name.startsWith(prefix)) return family;
  return '';
};

/** Functions of sequences: what they do to the one that their first argument names. */
const SEQUENCES = new Map([
  ['nextval', 'update'],
  ['setval', 'update'],
  ['currval', 'select'],
]);

/**
 * What calling a function does. `literals`: the string literals in `args` are the text's own; else what depends on one is
 * a doubt. Those of pg_catalog that only compute add nothing; all that nobody knows is a `call`.
 */
export function addCall(accesses: Accesses, funcname: unknown, args: unknown, literals: boolean): void {
  const parts = nameParts(funcname);
  const name = parts.at(-1) ?? '';
  const schema = parts.at(-2) ?? '';
  const builtIn = schema === '' || schema === 'pg_catalog';
  if (builtIn && HARMLESS.has(name)) return;
  // Drivers read keys with _pg_expandarray: those compute too.
  if (schema === 'information_schema' && name.startsWith('_pg_')) return;
  const sequence = builtIn ? SEQUENCES.get(name) : undefined;
  if (sequence !== undefined) {
    addSequence(accesses, sequence, literals ? literalOf(args) : null);
    return;
  }
  if (builtIn && name === 'set_config') {
    addSetting(accesses, literals ? literalOf(args) : null);
    return;
  }
  if (builtIn && name === 'pg_notify') {
    accesses.add('notify', 'channel', '', (literals ? literalOf(args) : null) ?? '');
    return;
  }
  const special = verbOf(name);
  accesses.add(special === '' ? 'call' : special, 'function', schema, name);
  if (special === 'code') accesses.doubt('calls a function that runs text');
}

/** The first argument where it is a string constant, perhaps with a cast that leaves it as it is; else null. */
function literalOf(args: unknown): string | null {
  let value = listOf(args)[0];
  for (let cast = inner(value, 'TypeCast'); cast !== null; cast = inner(value, 'TypeCast')) {
    if (!keepsText(cast['typeName'])) return null;
    value = cast['arg'];
  }
  const constant = inner(value, 'A_Const');
  const string = constant?.['sval'];
  return isNode(string) ? textOf(string['sval']) : null;
}

const KEEP_TEXT = new Set(['text', 'varchar', 'regclass']);

/** varchar(3) does not, and what a type of the user's does nobody knows. */
function keepsText(type: unknown): boolean {
  if (!isNode(type) || type['typmods'] !== undefined || type['arrayBounds'] !== undefined) return false;
  const parts = nameParts(type['names']);
  return KEEP_TEXT.has(parts.at(-1) ?? '') && (parts.length === 1 || parts[0] === 'pg_catalog');
}

function addSequence(accesses: Accesses, verb: string, text: string | null): void {
  const parts = text === null ? null : regclassParts(text);
  if (parts === null) {
    accesses.add(verb, 'table', '', '');
    accesses.doubt('a sequence that only the server knows');
  } else accesses.add(verb, 'table', parts[0], parts[1]);
}

function addSetting(accesses: Accesses, name: string | null): void {
  if (name === null) {
    accesses.add('setting', 'setting', '', '');
    accesses.doubt('a setting that only the server knows');
    return;
  }
  const setting = name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  if (setting === 'role' || setting === 'session_authorization') accesses.add('role', 'role', '', '');
  else if (isHarmlessSetting(setting)) accesses.add('session', '', '', '');
  else accesses.add('setting', 'setting', '', setting);
}

const REGCLASS =
  /^\s*(?:("(?:[^"]|"")+"|[a-z_\u0080-\uffff][\w$\u0080-\uffff]*)\s*\.\s*)?("(?:[^"]|"")+"|[a-z_\u0080-\uffff][\w$\u0080-\uffff]*)\s*$/i;

/** A relation as the server reads it from text; null where it is an oid, or reads in no way that we know. */
export function regclassParts(text: string): [schema: string, name: string] | null {
  const found = REGCLASS.exec(text);
  if (found === null) return null;
  return [found[1] === undefined ? '' : folded(found[1]), folded(found[2]!)];
}

const folded = (name: string): string =>
  cutName(
    name.startsWith('"')
      ? name.slice(1, -1).replaceAll('""', '"')
      : name.replace(/[A-Z]/g, (letter) => letter.toLowerCase()),
  );
