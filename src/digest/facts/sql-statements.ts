import { Sensitive } from './sql-sensitive.ts';
import { isNode, listOf, type Node, nameParts, textOf } from './sql-tree.ts';

/** What a utility statement says: a relation by name, a part of the tree to walk on, or that a literal decides. */
export type Part =
  | { readonly schema: string; readonly name: string; readonly operations: readonly string[] }
  | { readonly node: unknown; readonly operations: readonly string[] }
  | { readonly sensitivity: number };

/** A reader of one kind of statement. Statements without one are walked as they are: relations in them are `references`. */
type Reader = (node: Node) => Part[];

const walk = (node: unknown, ...operations: string[]): Part => ({ node, operations });

/** All fields but these, as they are. */
const others = (node: Node, ...except: string[]): Part[] => {
  const parts: Part[] = [];
  for (const key in node) if (!except.includes(key)) parts.push(walk(node[key], 'references'));
  return parts;
};

/** The relation in one field gets `operations`; the rest is referred to. */
const on =
  (field: string, ...operations: string[]): Reader =>
  (node) => [walk(node[field], ...operations), ...others(node, field)];

/** Statement runs a query that stands in the tree. */
const around =
  (field: string): Reader =>
  (node) => [walk(node[field], 'references'), ...others(node, field)];

/** Kinds of objects that are relations. */
const RELATIONS = new Set([
  'OBJECT_TABLE',
  'OBJECT_VIEW',
  'OBJECT_MATVIEW',
  'OBJECT_FOREIGN_TABLE',
  'OBJECT_SEQUENCE',
  'OBJECT_INDEX',
]);
/** Kinds whose name is that of a relation with one more part. */
const PARTS_OF_RELATIONS = new Set([
  'OBJECT_COLUMN',
  'OBJECT_TRIGGER',
  'OBJECT_RULE',
  'OBJECT_POLICY',
  'OBJECT_TABCONSTRAINT',
]);

const named = (parts: readonly string[], ...operations: string[]): Part[] => {
  const name = parts.at(-1);
  return name === undefined ? [] : [{ schema: parts.at(-2) ?? '', name, operations }];
};

/** DROP, COMMENT, SECURITY LABEL: an object by its kind. */
const object = (kind: string, value: unknown, operation: string): Part[] => {
  const parts = nameParts(value);
  if (RELATIONS.has(kind)) return named(parts, operation);
  if (PARTS_OF_RELATIONS.has(kind)) return named(parts.slice(0, -1), 'alter');
  if (kind === 'OBJECT_SCHEMA')
    return parts[0] === undefined ? [] : [{ schema: parts[0], name: '', operations: [operation] }];
  return [];
};

const code: Reader = (node) => [{ sensitivity: Sensitive.code }, ...others(node)];
const byLiteral: Reader = (node) => [{ sensitivity: Sensitive.literal }, ...others(node)];

const grant: Reader = (node) => {
  const operation = node['is_grant'] === true ? 'grant' : 'revoke';
  const all = node['targtype'] === 'ACL_TARGET_ALL_IN_SCHEMA' || node['objtype'] === 'OBJECT_SCHEMA';
  const parts: Part[] = [];
  for (const item of listOf(node['objects'])) {
    const name = all ? nameParts(item)[0] : undefined;
    if (name !== undefined) parts.push({ schema: name, name: '', operations: [operation] });
    else parts.push(walk(item, operation));
  }
  return parts;
};

const copy: Reader = (node) => {
  const parts: Part[] = [];
  if (node['is_program'] === true) parts.push({ sensitivity: Sensitive.code });
  else if (node['filename'] !== undefined) parts.push({ sensitivity: Sensitive.literal });
  parts.push(walk(node['relation'], 'copy', node['is_from'] === true ? 'insert' : 'select'));
  parts.push(walk(node['query'], 'references'), walk(node['whereClause'], 'select'));
  return parts;
};

const call: Reader = (node) => {
  const func = isNode(node['funccall']) ? node['funccall'] : {};
  return [
    { sensitivity: Sensitive.code },
    ...named(nameParts(func['funcname']), 'call'),
    walk(func['args'], 'references'),
  ];
};

const createTableAs: Reader = (node) => {
  const into = isNode(node['into']) ? node['into']['rel'] : undefined;
  return [walk(into, 'create', 'insert'), walk(node['query'], 'references')];
};

const schema: Reader = (node) => {
  const name = textOf(node['schemaname']);
  const own: Part[] = name === '' ? [] : [{ schema: name, name: '', operations: ['create'] }];
  return [...own, walk(node['schemaElts'], 'references')];
};

const renameOrMove =
  (operation: string): Reader =>
  (node) => {
    const kind = textOf(node['objectType'] ?? node['renameType']);
    if (node['relation'] !== undefined) return [walk(node['relation'], operation)];
    if (kind === 'OBJECT_SCHEMA') return [{ schema: textOf(node['subname']), name: '', operations: [operation] }];
    return object(kind, node['object'], operation);
  };

/** Routines hold their body as a literal or as statements; neither runs now. */
const routine: Reader = (node) => [{ sensitivity: Sensitive.literal }, walk(node['sql_body'], 'references')];

/** Readers by the tree's statement types. */
export const UTILITY: Readonly<Record<string, Reader>> = {
  TruncateStmt: on('relations', 'truncate'),
  LockStmt: on('relations', 'lock'),
  CopyStmt: copy,
  CreateStmt: on('relation', 'create'),
  CreateForeignTableStmt: (node) => {
    const base = isNode(node['base']) ? node['base'] : isNode(node['base_stmt']) ? node['base_stmt'] : node;
    return [walk(base['relation'], 'create'), ...others(base, 'relation')];
  },
  CreateTableAsStmt: createTableAs,
  ViewStmt: (node) => [walk(node['view'], 'create'), walk(node['query'], 'references')],
  IndexStmt: on('relation', 'alter'),
  CreateSeqStmt: on('sequence', 'create'),
  AlterSeqStmt: on('sequence', 'alter'),
  CreateSchemaStmt: schema,
  CreateTrigStmt: on('relation', 'alter'),
  CreatePolicyStmt: on('table', 'alter'),
  AlterPolicyStmt: on('table', 'alter'),
  RuleStmt: on('relation', 'alter'),
  AlterTableStmt: on('relation', 'alter'),
  RenameStmt: renameOrMove('alter'),
  AlterObjectSchemaStmt: renameOrMove('alter'),
  AlterOwnerStmt: renameOrMove('alter'),
  DropStmt: (node) => listOf(node['objects']).flatMap((item) => object(textOf(node['removeType']), item, 'drop')),
  CommentStmt: (node) => object(textOf(node['objtype']), node['object'], 'comment'),
  SecLabelStmt: (node) => [
    { sensitivity: Sensitive.literal },
    ...object(textOf(node['objtype']), node['object'], 'label'),
  ],
  GrantStmt: grant,
  RefreshMatViewStmt: on('relation', 'refresh'),
  VacuumStmt: (node) => [walk(node['rels'], node['is_vacuumcmd'] === true ? 'vacuum' : 'analyze')],
  ClusterStmt: on('relation', 'cluster'),
  ReindexStmt: (node) => {
    const name = textOf(node['name']);
    if (node['kind'] === 'REINDEX_OBJECT_SCHEMA' && name !== '')
      return [{ schema: name, name: '', operations: ['reindex'] }];
    return [walk(node['relation'], 'reindex')];
  },
  ExplainStmt: around('query'),
  DeclareCursorStmt: around('query'),
  PrepareStmt: (node) => [{ sensitivity: Sensitive.literal }, walk(node['query'], 'references')],
  ExecuteStmt: code,
  CallStmt: call,
  DoStmt: code,
  LoadStmt: code,
  VariableSetStmt: byLiteral,
  AlterSystemStmt: byLiteral,
  AlterRoleSetStmt: byLiteral,
  AlterDatabaseSetStmt: byLiteral,
  DiscardStmt: byLiteral,
  CreateFunctionStmt: routine,
  ImportForeignSchemaStmt: code,
  CreateSubscriptionStmt: byLiteral,
};
