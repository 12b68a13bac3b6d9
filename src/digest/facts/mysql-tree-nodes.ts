import { RESERVED_WORDS } from '../sql/mysql-words.ts';
import { isNode, listOf, type Node, textOf } from './sql-tree.ts';

/**
 * What sqlparser-rs's tree is made of, as far as we know it: enum variants are objects with one key in upper camel case.
 * A variant that is not listed makes the whole tree "not understood": nothing is claimed about what we cannot read.
 */
const EXPRESSIONS =
  'IsFalse IsNotFalse IsTrue IsNotTrue IsNull IsNotNull IsUnknown IsNotUnknown IsDistinctFrom IsNotDistinctFrom InList ' +
  'InSubquery Between BinaryOp Like ILike SimilarTo RLike AnyOp AllOp UnaryOp Convert Cast AtTimeZone Extract Ceil Floor ' +
  'Position Substring Trim Overlay Collate Nested Value Prefixed TypedString Case Exists Subquery Tuple Interval ' +
  'MatchAgainst Wildcard QualifiedWildcard MemberOf Rollup OuterJoin';
const QUERIES =
  'Query SetOperation Values UnnamedExpr ExprWithAlias Expressions Named Unnamed ExprNamed Expr List OrderBy Limit Having ' +
  'Separator LimitOffset OffsetCommaLimit Join Inner Left LeftOuter Right RightOuter CrossJoin StraightJoin On Using ' +
  'DuplicateKeyUpdate ColumnName WindowSpec NamedWindow Preceding Following Derived JsonTable NestedJoin ' +
  'WithFromKeyword WithoutKeyword';
const DEFINITIONS =
  'PrimaryKey Unique Check Default Comment Index AddColumn DropColumn ModifyColumn ChangeColumn AddConstraint RenameColumn ' +
  'DropIndex DropPrimaryKey DropForeignKey DropConstraint RenameConstraint Algorithm Lock AutoIncrement AlterColumn ' +
  'SetDefault CharacterSet Collation Generated OnUpdate DialectSpecific FulltextOrSpatial UniqueConstraint After';
export const KNOWN_NODES = new Set(`${EXPRESSIONS} ${QUERIES} ${DEFINITIONS}`.split(' '));

/** Fields and variants that hold no relation, function or query. */
export const LEAVES = new Set(
  (
    'Identifier CompoundIdentifier ObjectName alias span data_type table_options op keyword hive_distribution hive_formats ' +
    'index_hints partitions optimizer_hints modifier characteristics lock_type file_format Number SingleQuotedString ' +
    'DoubleQuotedString NationalStringLiteral HexStringLiteral SingleQuotedByteStringLiteral Boolean Placeholder ' +
    'field leading_field last_field fractional_seconds_precision target_type charset referred_columns columns_list ' +
    'select_modifiers trim_where escape_char sql_security format describe_alias object_type value_table_mode'
  ).split(' '),
);

/** A variant's name begins with a capital. */
export const isVariant = (key: string): boolean => key.charCodeAt(0) >= 0x41 && key.charCodeAt(0) <= 0x5a;

const identifier = (part: unknown): string => {
  const inner = isNode(part) ? (part['Identifier'] ?? part) : null;
  return isNode(inner) ? textOf(inner['value']) : '';
};

/** Parts of an object's name; `*` reads as ''. */
export const partsOf = (name: unknown): string[] =>
  (Array.isArray(name) ? name : [name]).map((part) => identifier(part)).map((part) => (part === '*' ? '' : part));

/** Schema and name of an object's name: its last two parts. */
export const schemaAndName = (name: unknown): readonly [schema: string, name: string] => {
  const parts = partsOf(name);
  return [parts.at(-2) ?? '', parts.at(-1) ?? ''];
};

/** The inner node of `{ Variant: … }`, with the variant's name. */
export const variantOf = (value: unknown): readonly [variant: string, node: unknown] => {
  if (typeof value === 'string') return [value, null];
  if (!isNode(value)) return ['', null];
  for (const key in value) if (isVariant(key)) return [key, value[key]];
  return ['', null];
};

const quotesOf = (name: unknown): unknown[] =>
  (Array.isArray(name) ? name : [name]).map((part) => {
    const inner = isNode(part) ? (part['Identifier'] ?? part) : null;
    return isNode(inner) ? inner['quote_style'] : null;
  });

/** A string in a name's place: the parser takes what no server does, or only in another mode. */
export const isString = (name: unknown): boolean =>
  quotesOf(name).some((quote) => quote !== undefined && quote !== null && quote !== '`');
export const isQuoted = (name: unknown): boolean => quotesOf(name).includes('`');

/** An alias as it stands in a table factor, or ''. */
export const aliasOf = (node: Node): string => (isNode(node['alias']) ? identifier(node['alias']['name']) : '');

/** The queries of a WITH clause: name and query. */
export const ctesOf = (clause: Node): { name: string; query: unknown }[] =>
  listOf(clause['cte_tables'])
    .filter((cte) => isNode(cte))
    .map((cte) => ({ name: aliasOf(cte), query: cte['query'] }));

const RESERVED = new Set(RESERVED_WORDS.split(' '));

/**
 * True if a table's name or alias is a word that is none without quotes: the parser took MySQL's grammar for a name, as in
 * `update low_priority t`. What stands behind a dot may be any word.
 */
export const isReserved = (name: unknown): boolean => {
  const first: unknown = Array.isArray(name) ? name[0] : isNode(name) ? (name['name'] ?? name) : name;
  const part = isNode(first) ? (first['Identifier'] ?? first) : null;
  return isNode(part) && !part['quote_style'] && RESERVED.has(textOf(part['value'])) && part['value'] !== 'dual';
};
