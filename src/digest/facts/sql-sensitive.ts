/**
 * Statements and functions whose effect stands in a literal, so that statements with one digest may do different things
 * (threat rows PG-26, PG-27). Incomplete by nature: any function can run text inside.
 */
export const Sensitive = {
  no: 0,
  /** The literal changes what is touched, and a parse of the very text shows it (SET, set_config, COPY to a file). */
  literal: 1,
  /** The literal, or an object that we cannot see into, is code (DO, EXECUTE, CALL, query_to_xml, dblink). */
  code: 2,
} as const;

/** Functions by their last name, folded or quoted, in any schema. */
const FUNCTIONS: Readonly<Record<'literal' | 'code', string>> = {
  literal:
    'set_config current_setting nextval currval setval to_regclass pg_notify pg_terminate_backend pg_cancel_backend ' +
    'pg_reload_conf pg_rotate_logfile pg_switch_wal pg_promote pg_create_restore_point pg_logical_emit_message ' +
    'pg_relation_size pg_total_relation_size pg_table_size pg_indexes_size pg_relation_filepath has_table_privilege ' +
    'pg_stat_file pg_current_logfile pg_replication_slot_advance pg_drop_replication_slot ' +
    'pg_create_logical_replication_slot pg_create_physical_replication_slot',
  code:
    'query_to_xml query_to_xml_and_xmlschema query_to_xmlschema cursor_to_xml cursor_to_xmlschema table_to_xml ' +
    'table_to_xml_and_xmlschema table_to_xmlschema schema_to_xml schema_to_xml_and_xmlschema schema_to_xmlschema ' +
    'database_to_xml database_to_xml_and_xmlschema database_to_xmlschema ts_stat ts_rewrite xpath_table connectby',
};
/** Whole families. */
const PREFIXES: readonly (readonly [string, number])[] = [
  ['dblink', Sensitive.code],
  ['crosstab', Sensitive.code],
  ['lo_', Sensitive.literal],
  ['pg_read_', Sensitive.literal],
  ['pg_ls_', Sensitive.literal],
  ['pg_file_', Sensitive.literal],
  ['pg_logical_slot_', Sensitive.literal],
];

const names = new Map<string, number>();
for (const name of FUNCTIONS.literal.split(' ')) names.set(name, Sensitive.literal);
for (const name of FUNCTIONS.code.split(' ')) names.set(name, Sensitive.code);

/** How a call of the function with this (folded, unqualified) name reads. */
export const functionSensitivity = (name: string): number => {
  const known = names.get(name);
  if (known !== undefined) return known;
  for (const [prefix, kind] of PREFIXES) if (name.startsWith(prefix)) return kind;
  return Sensitive.no;
};

/** Statements by their first keyword, in lower case. */
const STATEMENTS = new Map<string, number>([
  ['set', Sensitive.literal],
  ['reset', Sensitive.literal],
  ['discard', Sensitive.literal],
  ['do', Sensitive.code],
  ['call', Sensitive.code],
  ['execute', Sensitive.code],
  ['load', Sensitive.code],
  ['prepare', Sensitive.literal],
  ['security', Sensitive.literal],
  ['import', Sensitive.code],
]);

export const statementSensitivity = (keyword: string): number => STATEMENTS.get(keyword) ?? Sensitive.no;
