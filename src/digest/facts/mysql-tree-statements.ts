import { variantOf } from './mysql-tree-nodes.ts';
import { Sensitive } from './sql-sensitive.ts';
import { isNode, listOf, type Node } from './sql-tree.ts';

/** What a utility statement says: a relation or a schema, a part of the tree to walk on, or that a literal decides. */
export type MysqlPart =
  | { readonly name: unknown; readonly operations: readonly string[] }
  | { readonly schema: unknown; readonly operation: string }
  | { readonly walk: unknown }
  | { readonly sensitivity: number }
  | { readonly unknown: true };

type Reader = (node: Node | readonly unknown[]) => MysqlPart[];

const on = (name: unknown, ...operations: string[]): MysqlPart => ({ name, operations });
const fields =
  (read: (node: Node) => MysqlPart[]): Reader =>
  (node) =>
    isNode(node) ? read(node) : [];
const nothing: Reader = () => [];
const code: Reader = (node) => [{ sensitivity: Sensitive.code }, { walk: node }];
const UNKNOWN: MysqlPart = { unknown: true };

const RELATIONS = new Set(['Table', 'View', 'Sequence']);
const SCHEMAS = new Set(['Database', 'Schema']);

const drop = fields((node) => {
  const kind = node['object_type'];
  if (typeof kind !== 'string') return [UNKNOWN];
  if (kind === 'Index') return node['table'] ? [on(node['table'], 'alter')] : [UNKNOWN];
  return listOf(node['names']).map((name) =>
    RELATIONS.has(kind) ? on(name, 'drop') : SCHEMAS.has(kind) ? { schema: name, operation: 'drop' } : UNKNOWN,
  );
});

const createTable = fields((node) => {
  const [, like] = variantOf(node['like']);
  const parts = [on(node['name'], 'create')];
  if (isNode(like)) parts.push(on(like['name'], 'select'));
  if (node['clone']) parts.push(UNKNOWN);
  return [...parts, { walk: node['columns'] }, { walk: node['constraints'] }, { walk: node['query'] }];
});

const alterTable = fields((node) => [
  on(node['name'], 'alter'),
  ...listOf(node['operations']).map((operation): MysqlPart => {
    const [kind, inner] = variantOf(operation);
    if (kind !== 'RenameTable') return { walk: operation };
    const [, name] = variantOf(isNode(inner) ? inner['table_name'] : null);
    return on(name, 'create');
  }),
]);

const granted = (operation: string): Reader =>
  fields((node) => {
    if (node['objects'] === null || node['objects'] === undefined) return [];
    const [kind, names] = variantOf(node['objects']);
    return kind === 'Tables' ? listOf(names).map((name) => on(name, operation)) : [UNKNOWN];
  });

const shownIn = (node: Node): unknown => {
  const options = isNode(node['show_options']) ? node['show_options']['show_in'] : null;
  return isNode(options) ? options['parent_name'] : null;
};

/** Readers of the statements we know by the tree's variants. */
export const MYSQL_UTILITY: Readonly<Record<string, Reader | undefined>> = {
  CreateTable: createTable,
  CreateView: fields((node) => [on(node['name'], 'create'), { walk: node['query'] }]),
  CreateIndex: fields((node) => [on(node['table_name'], 'alter')]),
  CreateDatabase: fields((node) => [{ schema: node['db_name'], operation: 'create' }]),
  CreateSequence: fields((node) => [on(node['name'], 'create')]),
  Drop: drop,
  AlterTable: alterTable,
  RenameTable: (list) =>
    listOf(list).flatMap((pair) =>
      isNode(pair) ? [on(pair['old_name'], 'alter'), on(pair['new_name'], 'create')] : [UNKNOWN],
    ),
  Truncate: fields((node) =>
    listOf(node['table_names']).map((item) => (isNode(item) ? on(item['name'], 'truncate') : UNKNOWN)),
  ),
  Use: fields((node) => {
    const [kind, name] = variantOf(node);
    return kind === 'Object' ? [{ schema: name, operation: 'use' }] : [UNKNOWN];
  }),
  Set: fields((node) => {
    const [, inner] = variantOf(node);
    const values = isNode(inner) ? (inner['values'] ?? inner['assignments']) : inner;
    return [{ sensitivity: Sensitive.literal }, { walk: values }];
  }),
  ShowCreate: fields((node) => {
    const kind = node['obj_type'];
    return kind === 'Table' || kind === 'View' ? [on(node['obj_name'], 'show')] : [UNKNOWN];
  }),
  ShowColumns: fields((node) => [on(shownIn(node), 'show')]),
  ShowTables: fields((node) => (shownIn(node) ? [{ schema: shownIn(node), operation: 'show' }] : [])),
  ShowDatabases: nothing,
  ShowVariables: nothing,
  ShowStatus: nothing,
  ShowCollation: nothing,
  ShowCharset: nothing,
  ExplainTable: fields((node) => [on(node['table_name'], 'describe')]),
  Analyze: fields((node) => [on(node['table_name'], 'analyze')]),
  LockTables: fields((node) =>
    listOf(node['tables']).map((item) => (isNode(item) ? on(item['table'], 'lock') : UNKNOWN)),
  ),
  UnlockTables: nothing,
  Flush: fields((node) => listOf(node['tables']).map((name) => on(name, 'flush'))),
  Call: fields((node) => [{ sensitivity: Sensitive.code }, on(node['name'], 'call'), { walk: node['args'] }]),
  Execute: code,
  Deallocate: nothing,
  Grant: granted('grant'),
  Revoke: granted('revoke'),
  Kill: nothing,
  StartTransaction: nothing,
  Commit: nothing,
  Rollback: nothing,
  Savepoint: nothing,
  ReleaseSavepoint: nothing,
};
