import { Sensitive } from './sql-sensitive.ts';
import { isHarmlessSetting } from './sql-settings.ts';
import { inner, isNode, listOf, type Node, nameParts, textOf } from './sql-tree.ts';

/**
 * What a utility statement says: a relation by name (or a schema, with the name ''), a part of the tree to walk on, an
 * access that is none to a relation, that a literal decides, or that more is done than can be told.
 */
export type Part =
  | { readonly schema: string; readonly name: string; readonly operations: readonly string[] }
  | { readonly node: unknown; readonly operations: readonly string[] }
  | { readonly access: readonly [verb: string, type: string, schema: string, name: string] }
  | { readonly sensitivity: number }
  | { readonly doubt: string };

/** A reader of one kind of statement; `literals`: string literals in it are the text's own. */
type Reader = (node: Node, literals: boolean) => Part[];

const access = (verb: string, type = '', schema = '', name = ''): Part => ({ access: [verb, type, schema, name] });
/** An access to an object by the parts of its name. */
const accessTo = (verb: string, type: string, parts: readonly string[]): Part =>
  access(verb, type, parts.at(-2) ?? '', parts.at(-1) ?? '');

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

/** Kinds of objects that belong to a schema and are no relations. */
const IN_SCHEMAS: Readonly<Record<string, string>> = {
  OBJECT_FUNCTION: 'function',
  OBJECT_PROCEDURE: 'function',
  OBJECT_ROUTINE: 'function',
  OBJECT_AGGREGATE: 'function',
  OBJECT_TYPE: 'type',
  OBJECT_DOMAIN: 'type',
  OBJECT_DOMCONSTRAINT: 'type',
  OBJECT_ATTRIBUTE: 'type',
  OBJECT_COLLATION: 'collation',
  OBJECT_CONVERSION: 'conversion',
  OBJECT_STATISTIC_EXT: 'statistics',
  OBJECT_TSCONFIGURATION: 'text search configuration',
  OBJECT_TSDICTIONARY: 'text search dictionary',
};

/** The parts of an object's name in any of the forms that the grammar has for one. */
const objectParts = (value: unknown): string[] => {
  const withArgs = inner(value, 'ObjectWithArgs');
  if (withArgs !== null) return nameParts(withArgs['objname']);
  const type = inner(value, 'TypeName');
  return type === null ? nameParts(value) : nameParts(type['names']);
};

/** DROP, COMMENT, SECURITY LABEL: an object by its kind. */
const object = (kind: string, value: unknown, operation: string): Part[] => {
  const parts = nameParts(value);
  if (RELATIONS.has(kind)) return named(parts, operation);
  if (PARTS_OF_RELATIONS.has(kind)) return named(parts.slice(0, -1), 'alter');
  if (kind === 'OBJECT_SCHEMA')
    return parts[0] === undefined ? [] : [{ schema: parts[0], name: '', operations: [operation] }];
  const verb = operation === 'drop' ? 'drop' : 'alter';
  const type = IN_SCHEMAS[kind];
  if (type !== undefined) return [accessTo(verb, type, objectParts(value))];
  const last = objectParts(value).at(-1) ?? '';
  if (kind === 'OBJECT_ROLE') return [access('grant', 'role', '', last)];
  return [access('admin', kind.slice('OBJECT_'.length).toLowerCase(), '', last)];
};

const CODE = 'runs code that nobody can read';
const code: Reader = (node) => [{ sensitivity: Sensitive.code }, access('code'), { doubt: CODE }, ...others(node)];
const harmless =
  (verb: 'session' | 'transaction'): Reader =>
  () => [access(verb)];

/** What belongs to the whole server or database, and is for its administrators: `field` names it. */
const admin =
  (type: string, field = ''): Reader =>
  (node) => [access('admin', type, '', field === '' ? '' : textOf(node[field])), ...others(node)];

/** Roles and what they may do: `field` names one. */
const role =
  (field: string): Reader =>
  (node) => {
    const value = node[field];
    const spec = isNode(value) ? textOf(value['rolename']) : textOf(value);
    return [access('grant', 'role', '', spec)];
  };

/** An object of a schema, that is no relation, by the list of strings in a field. */
const inSchema =
  (verb: string, type: string, field: string): Reader =>
  (node) => [accessTo(verb, type, objectParts(node[field])), ...others(node, field)];

/** SET and RESET. */
const set: Reader = (node, literals) => {
  const kind = textOf(node['kind']);
  const name = textOf(node['name']).replace(/[A-Z]/g, (letter) => letter.toLowerCase());
  const parts: Part[] = [{ sensitivity: Sensitive.literal }];
  const resets = kind === 'VAR_RESET' || kind === 'VAR_SET_DEFAULT';
  if (kind === 'VAR_RESET_ALL') return [...parts, access('session')];
  if (kind === 'VAR_SET_MULTI') return [...parts, access('transaction')];
  if (name === 'role' || name === 'session_authorization') {
    const value = inner(listOf(node['args'])[0], 'A_Const')?.['sval'];
    return [...parts, access('role', 'role', '', isNode(value) && literals ? textOf(value['sval']) : '')];
  }
  return [...parts, resets || isHarmlessSetting(name) ? access('session') : access('setting', 'setting', '', name)];
};

/** What GRANT names beside relations. */
const GRANTED: Readonly<Record<string, string>> = {
  OBJECT_FUNCTION: 'function',
  OBJECT_PROCEDURE: 'function',
  OBJECT_ROUTINE: 'function',
  OBJECT_TYPE: 'type',
  OBJECT_DOMAIN: 'type',
};

const grant: Reader = (node) => {
  const operation = node['is_grant'] === true ? 'grant' : 'revoke';
  const objtype = textOf(node['objtype']);
  if (objtype !== 'OBJECT_TABLE' && objtype !== 'OBJECT_SEQUENCE' && objtype !== 'OBJECT_SCHEMA') {
    const type = GRANTED[objtype] ?? objtype.slice('OBJECT_'.length).toLowerCase();
    if (node['targtype'] === 'ACL_TARGET_ALL_IN_SCHEMA')
      return listOf(node['objects']).map((item) => access('grant', type, nameParts(item)[0] ?? '', ''));
    const granted = listOf(node['objects']).map((item) => accessTo('grant', type, objectParts(item)));
    return granted.length === 0 ? [access('grant', type)] : granted;
  }
  const all = node['targtype'] === 'ACL_TARGET_ALL_IN_SCHEMA' || node['objtype'] === 'OBJECT_SCHEMA';
  const parts: Part[] = [];
  for (const item of listOf(node['objects'])) {
    const name = all ? nameParts(item)[0] : undefined;
    if (name !== undefined) parts.push({ schema: name, name: '', operations: [operation] });
    else parts.push(walk(item, operation));
  }
  return parts;
};

const copy: Reader = (node, literals) => {
  const parts: Part[] = [];
  const relation = isNode(node['relation']) ? node['relation'] : {};
  const direction = node['is_from'] === true ? 'copy_from' : 'copy_to';
  if (node['relation'] === undefined) parts.push(access(direction));
  else parts.push(access(direction, 'table', textOf(relation['schemaname']), textOf(relation['relname'])));
  if (node['is_program'] === true) parts.push({ sensitivity: Sensitive.code }, access('program'));
  else if (node['filename'] !== undefined) {
    const file = literals ? textOf(node['filename']) : '';
    parts.push({ sensitivity: Sensitive.literal }, access('file', 'file', '', file));
  }
  parts.push(walk(node['relation'], 'copy', node['is_from'] === true ? 'insert' : 'select'));
  parts.push(walk(node['query'], 'references'), walk(node['whereClause'], 'select'));
  return parts;
};

const call: Reader = (node) => {
  const func = isNode(node['funccall']) ? node['funccall'] : {};
  return [
    { sensitivity: Sensitive.code },
    ...named(nameParts(func['funcname']), 'call'),
    accessTo('call', 'function', nameParts(func['funcname'])),
    walk(func['args'], 'references'),
  ];
};

const createTableAs: Reader = (node) => {
  const into = isNode(node['into']) ? node['into']['rel'] : undefined;
  return [walk(into, 'create', 'insert'), walk(node['query'], 'references')];
};

const schema: Reader = (node) => {
  const name = textOf(node['schemaname']);
  // CREATE SCHEMA AUTHORIZATION has the role's name, which is not written here perhaps.
  const own: Part[] = name === '' ? [access('create', 'schema')] : [{ schema: name, name: '', operations: ['create'] }];
  return [...own, walk(node['schemaElts'], 'references')];
};

const renameOrMove =
  (operation: string): Reader =>
  (node) => {
    const kind = textOf(node['objectType'] ?? node['renameType']);
    if (node['relation'] !== undefined) return [walk(node['relation'], operation)];
    if (kind === 'OBJECT_ROLE') return [access('grant', 'role', '', textOf(node['subname']))];
    if (kind === 'OBJECT_DATABASE') return [access('admin', 'database', '', textOf(node['subname']))];
    if (kind === 'OBJECT_SCHEMA') return [{ schema: textOf(node['subname']), name: '', operations: [operation] }];
    return object(kind, node['object'], operation);
  };

/** Routines hold their body as a literal or as statements; neither runs now. */
const routine: Reader = (node) => [
  { sensitivity: Sensitive.literal },
  accessTo('create', 'function', nameParts(node['funcname'])),
  walk(node['sql_body'], 'references'),
];

const executes: Reader = (node) => [
  { sensitivity: Sensitive.code },
  { doubt: 'runs a statement that was prepared' },
  ...others(node),
];

/** VACUUM, ANALYZE, CLUSTER of no relation: of all. */
const ALL_MAINTAINED: readonly Part[] = [access('maintain', 'database'), access('maintain', 'table')];

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
  CreateTrigStmt: (node) => [
    walk(node['relation'], 'alter'),
    accessTo('call', 'function', nameParts(node['funcname'])),
    ...others(node, 'relation', 'funcname'),
  ],
  CreatePolicyStmt: on('table', 'alter'),
  AlterPolicyStmt: on('table', 'alter'),
  RuleStmt: on('relation', 'alter'),
  AlterTableStmt: on('relation', 'alter'),
  RenameStmt: renameOrMove('alter'),
  AlterObjectSchemaStmt: (node, literals) => {
    const parts = renameOrMove('alter')(node, literals);
    // It is made in the other schema.
    const relation = isNode(node['relation']) ? textOf(node['relation']['relname']) : '';
    const type = IN_SCHEMAS[textOf(node['objectType'])] ?? 'table';
    const name = relation === '' ? (objectParts(node['object']).at(-1) ?? '') : relation;
    return [...parts, access('create', type, textOf(node['newschema']), name)];
  },
  AlterOwnerStmt: renameOrMove('alter'),
  DropStmt: (node) => listOf(node['objects']).flatMap((item) => object(textOf(node['removeType']), item, 'drop')),
  CommentStmt: (node) => object(textOf(node['objtype']), node['object'], 'comment'),
  SecLabelStmt: (node) => [
    { sensitivity: Sensitive.literal },
    access('admin', 'label'),
    ...object(textOf(node['objtype']), node['object'], 'label'),
  ],
  GrantStmt: grant,
  RefreshMatViewStmt: on('relation', 'refresh'),
  VacuumStmt: (node) => [
    walk(node['rels'], node['is_vacuumcmd'] === true ? 'vacuum' : 'analyze'),
    ...(node['rels'] === undefined ? ALL_MAINTAINED : []),
  ],
  ClusterStmt: (node) => [walk(node['relation'], 'cluster'), ...(node['relation'] === undefined ? ALL_MAINTAINED : [])],
  ReindexStmt: (node) => {
    const name = textOf(node['name']);
    if (node['kind'] === 'REINDEX_OBJECT_SCHEMA' && name !== '')
      return [{ schema: name, name: '', operations: ['reindex'] }];
    if (node['relation'] === undefined) return [access('maintain', 'database', '', name), access('maintain', 'table')];
    return [walk(node['relation'], 'reindex')];
  },
  ExplainStmt: around('query'),
  DeclareCursorStmt: around('query'),
  FetchStmt: (node) =>
    node['ismove'] === true ? [access('session')] : [{ doubt: 'reads from a cursor that was not seen opened' }],
  ClosePortalStmt: harmless('session'),
  PrepareStmt: (node) => [{ sensitivity: Sensitive.literal }, access('session'), walk(node['query'], 'references')],
  ExecuteStmt: executes,
  DeallocateStmt: harmless('session'),
  ReturnStmt: (node) => others(node),
  CallStmt: call,
  DoStmt: code,
  TransactionStmt: harmless('transaction'),
  ConstraintsSetStmt: harmless('session'),
  VariableSetStmt: set,
  VariableShowStmt: harmless('session'),
  DiscardStmt: (node) => [{ sensitivity: Sensitive.literal }, access('session'), ...others(node)],
  ListenStmt: (node) => [access('listen', 'channel', '', textOf(node['conditionname']))],
  UnlistenStmt: harmless('session'),
  NotifyStmt: (node) => [access('notify', 'channel', '', textOf(node['conditionname']))],
  LoadStmt: (node, literals) => [
    { sensitivity: Sensitive.code },
    access('admin', 'library', '', literals ? textOf(node['filename']) : ''),
  ],
  CheckPointStmt: admin('server'),
  AlterSystemStmt: (node) => {
    const setting = isNode(node['setstmt']) ? textOf(node['setstmt']['name']) : '';
    return [{ sensitivity: Sensitive.literal }, access('admin', 'setting', '', setting)];
  },
  CreateRoleStmt: role('role'),
  AlterRoleStmt: role('role'),
  AlterRoleSetStmt: (node, literals) => [{ sensitivity: Sensitive.literal }, ...role('role')(node, literals)],
  DropRoleStmt: (node) =>
    listOf(node['roles']).map((item) => access('grant', 'role', '', textOf(inner(item, 'RoleSpec')?.['rolename']))),
  GrantRoleStmt: (node) =>
    listOf(node['granted_roles']).map((item) =>
      access('grant', 'role', '', textOf(inner(item, 'AccessPriv')?.['priv_name'])),
    ),
  AlterDefaultPrivilegesStmt: () => [access('grant')],
  DropOwnedStmt: () => [access('drop', 'table'), access('drop', 'schema'), access('grant', 'role')],
  ReassignOwnedStmt: () => [access('alter', 'table'), access('alter', 'schema'), access('grant', 'role')],
  CreatedbStmt: admin('database', 'dbname'),
  DropdbStmt: admin('database', 'dbname'),
  AlterDatabaseStmt: admin('database', 'dbname'),
  AlterDatabaseRefreshCollStmt: admin('database', 'dbname'),
  AlterDatabaseSetStmt: (node, literals) => [
    { sensitivity: Sensitive.literal },
    ...admin('database', 'dbname')(node, literals),
  ],
  CreateTableSpaceStmt: admin('tablespace', 'tablespacename'),
  DropTableSpaceStmt: admin('tablespace', 'tablespacename'),
  AlterTableSpaceOptionsStmt: admin('tablespace', 'tablespacename'),
  AlterTableMoveAllStmt: admin('tablespace', 'orig_tablespacename'),
  CreateExtensionStmt: admin('extension', 'extname'),
  AlterExtensionStmt: admin('extension', 'extname'),
  AlterExtensionContentsStmt: admin('extension', 'extname'),
  CreateFdwStmt: admin('fdw', 'fdwname'),
  AlterFdwStmt: admin('fdw', 'fdwname'),
  CreateForeignServerStmt: admin('foreign_server', 'servername'),
  AlterForeignServerStmt: admin('foreign_server', 'servername'),
  CreateUserMappingStmt: admin('foreign_server', 'servername'),
  AlterUserMappingStmt: admin('foreign_server', 'servername'),
  DropUserMappingStmt: admin('foreign_server', 'servername'),
  ImportForeignSchemaStmt: (node) => [
    { sensitivity: Sensitive.code },
    access('admin', 'foreign_server', '', textOf(node['server_name'])),
    { schema: textOf(node['local_schema']), name: '', operations: ['create'] },
    ...others(node),
  ],
  CreatePublicationStmt: admin('publication', 'pubname'),
  AlterPublicationStmt: admin('publication', 'pubname'),
  CreateSubscriptionStmt: (node, literals) => [
    { sensitivity: Sensitive.literal },
    ...admin('subscription', 'subname')(node, literals),
  ],
  AlterSubscriptionStmt: admin('subscription', 'subname'),
  DropSubscriptionStmt: admin('subscription', 'subname'),
  CreatePLangStmt: admin('language', 'plname'),
  CreateAmStmt: admin('access_method', 'amname'),
  CreateEventTrigStmt: admin('event_trigger', 'trigname'),
  AlterEventTrigStmt: admin('event_trigger', 'trigname'),
  CreateCastStmt: admin('cast'),
  CreateTransformStmt: admin('transform'),
  CreateOpClassStmt: admin('opclass'),
  CreateOpFamilyStmt: admin('opfamily'),
  AlterOpFamilyStmt: admin('opfamily'),
  AlterOperatorStmt: admin('operator'),
  CreateConversionStmt: inSchema('create', 'conversion', 'conversion_name'),
  CreateFunctionStmt: routine,
  AlterFunctionStmt: (node) => {
    const func = isNode(node['func']) ? node['func'] : {};
    return [accessTo('alter', 'function', nameParts(func['objname'])), ...others(node, 'func')];
  },
  DefineStmt: (node) => {
    const kind = textOf(node['kind']);
    const type = IN_SCHEMAS[kind] ?? kind.slice('OBJECT_'.length).toLowerCase();
    return [accessTo('create', type, nameParts(node['defnames'])), ...others(node, 'defnames')];
  },
  CompositeTypeStmt: (node) => {
    const type = isNode(node['typevar']) ? node['typevar'] : {};
    return [access('create', 'type', textOf(type['schemaname']), textOf(type['relname'])), ...others(node, 'typevar')];
  },
  CreateDomainStmt: inSchema('create', 'type', 'domainname'),
  CreateEnumStmt: inSchema('create', 'type', 'typeName'),
  CreateRangeStmt: inSchema('create', 'type', 'typeName'),
  AlterDomainStmt: inSchema('alter', 'type', 'typeName'),
  AlterEnumStmt: inSchema('alter', 'type', 'typeName'),
  AlterTypeStmt: inSchema('alter', 'type', 'typeName'),
  AlterCollationStmt: inSchema('alter', 'collation', 'collname'),
  AlterTSDictionaryStmt: inSchema('alter', 'text search dictionary', 'dictname'),
  AlterTSConfigurationStmt: inSchema('alter', 'text search configuration', 'cfgname'),
  CreateStatsStmt: (node) => [
    accessTo('create', 'statistics', nameParts(node['defnames'])),
    walk(node['relations'], 'alter'),
    ...others(node, 'defnames', 'relations'),
  ],
  AlterStatsStmt: inSchema('alter', 'statistics', 'defnames'),
  AlterObjectDependsStmt: (node) => object(textOf(node['objectType']), node['object'], 'alter'),
};
