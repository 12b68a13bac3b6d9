import { writeMysqlTarget } from '../sql/mysql-quoted.ts';
import { Accesses } from './accesses.ts';
import { isHarmlessMysqlFunction } from './mysql-functions.ts';
import { mysqlFunctionSensitivity } from './mysql-sensitive.ts';
import { hasCondition, limitSpan } from './mysql-tree-limits.ts';
import {
  aliasOf,
  ctesOf,
  isQuoted,
  isReserved,
  isString,
  isVariant,
  KNOWN_NODES,
  LEAVES,
  partsOf,
  schemaAndName,
  variantOf,
} from './mysql-tree-nodes.ts';
import { MYSQL_UTILITY, type MysqlPart } from './mysql-tree-statements.ts';
import { hides, type Scope } from './sql-scope.ts';
import { Sensitive } from './sql-sensitive.ts';
import { isNode, listOf, type Node, textOf } from './sql-tree.ts';
import type { TreeFacts } from './sql-tree-facts.ts';
import { Summary } from './summary.ts';
import { Targets } from './targets.ts';

/** Nodes looked at; a larger tree counts as not understood. */
const NODES = 50_000;
const SELECT = ['select'] as const;
const SELECT_LOCK = ['select', 'lock'] as const;

/** Policies' words for what is called otherwise in summaries. */
const VERBS = new Map([
  ['show', 'describe'],
  ['analyze', 'maintain'],
  ['flush', 'admin'],
  ['revoke', 'grant'],
]);

const SEQUENCES = new Set(['nextval', 'lastval', 'setval']);

/** Tables that a statement changes, by name or alias; null: all that it names. */
type Changed = { readonly names: ReadonlySet<string> | null; readonly operation: string };

interface Work {
  /** A node, or a list of them; a string is a word of the summary. */
  readonly what: unknown;
  readonly operations: readonly string[];
  readonly scope: Scope;
  readonly changed: Changed | null;
}

/**
 * Walks sqlparser-rs's tree as treeFacts does Postgres': with a stack of its own, in textual order. Null if the tree is
 * larger than the budget, names more relations than we keep, or holds a node that we do not know.
 */
export const mysqlTreeFacts = (tree: unknown, label: string, _literals: boolean, text: string): TreeFacts | null => {
  const walk = new Walk(label);
  const statements = listOf(tree);
  for (const statement of statements) walk.statement(statement, null);
  if (!walk.run()) return null;
  const { accesses } = walk;
  const only = statements.length === 1 ? statements[0] : null;
  const judged = {
    accesses: accesses.list(),
    unresolved: accesses.unresolved,
    hasWhere: statements.every((statement) => hasCondition(statement)),
    limit: -1,
    limitAt: limitSpan(only, text),
  };
  return { summary: walk.summary.toString(), targets: walk.targets.list(), sensitivity: walk.sensitivity, judged };
};

class Walk {
  readonly summary = new Summary();
  readonly targets = new Targets();
  readonly accesses = new Accesses();
  sensitivity: number = Sensitive.no;
  #unknown = false;
  #stack: Work[] = [];
  /** What the node at hand leaves to be looked at, in order. */
  #next: Work[] = [];

  constructor(label: string) {
    this.summary.add(label);
  }

  run(): boolean {
    for (let nodes = 0; nodes < NODES && !this.#unknown; nodes++) {
      for (let work = this.#next.pop(); work; work = this.#next.pop()) this.#stack.push(work);
      const work = this.#stack.pop();
      if (!work) return !this.targets.overflow;
      this.#visit(work);
    }
    return false;
  }

  statement(value: unknown, scope: Scope): void {
    const [kind, node] = variantOf(value);
    switch (kind) {
      case 'Query':
      case 'Insert':
      case 'Update':
      case 'Delete':
        if (isNode(node) && variantOf(node['body'])[0] === 'Values') this.summary.add('VALUES');
        this.#variant(kind, node, { what: null, operations: SELECT, scope, changed: null });
        return;
      case 'Explain':
        if (isNode(node)) this.statement(node['statement'], scope);
        return;
      default: {
        const parts = MYSQL_UTILITY[kind]?.(isNode(node) || Array.isArray(node) ? node : {});
        if (parts) this.#utility(parts, scope);
        else this.#unknown = true;
      }
    }
  }

  #then(what: unknown, scope: Scope, operations: readonly string[] = SELECT, changed: Changed | null = null): void {
    if (what !== null && what !== undefined) this.#next.push({ what, operations, scope, changed });
  }

  #visit(work: Work): void {
    const { what, operations, scope, changed } = work;
    if (typeof what === 'string') this.summary.add(what);
    else if (Array.isArray(what))
      for (const item of what) {
        if (typeof item === 'object') this.#then(item, scope, operations, changed);
      }
    else if (isNode(what)) {
      if (what['body'] !== undefined && what['locks'] !== undefined) this.#query(what, scope);
      else this.#fields(what, [], work);
    }
  }

  /** All fields of a node but these; variants by their kind. */
  #fields(node: Node, except: readonly string[], work: Work): void {
    for (const key in node) {
      const value = node[key];
      if (typeof value !== 'object' || value === null || except.includes(key) || LEAVES.has(key)) continue;
      if (isVariant(key)) this.#variant(key, value, work);
      else if (!key.endsWith('_token') && !key.endsWith('_span'))
        this.#then(value, work.scope, work.operations, work.changed);
    }
  }

  #variant(kind: string, node: unknown, work: Work): void {
    const { scope } = work;
    if (!isNode(node)) {
      if (KNOWN_NODES.has(kind)) this.#then(node, scope, work.operations, work.changed);
      else this.#unknown = true;
      return;
    }
    switch (kind) {
      case 'Query':
      case 'Subquery':
        if (node['body'] === undefined) this.#then(node, scope);
        else this.#query(node, scope, work.operations);
        return;
      case 'Select':
        this.#select(node, work);
        return;
      case 'Insert':
        this.#insert(node, scope);
        return;
      case 'Update':
        this.#update(node, scope);
        return;
      case 'Delete':
        this.#delete(node, scope);
        return;
      case 'Table':
        this.#table(node, work);
        return;
      case 'Function':
        this.#function(node, work);
        return;
      case 'ForeignKey': {
        this.#target(node['foreign_table'], ['references']);
        return;
      }
      default:
        if (KNOWN_NODES.has(kind)) this.#fields(node, [], work);
        else this.#unknown = true;
    }
  }

  #target(value: unknown, operations: readonly string[]): void {
    const [schema, name] = schemaAndName(value);
    if (isReserved(value) || isString(value)) this.#unknown = true;
    if (schema === '' && name === '') return; // *.*
    this.#add(schema, name, operations);
  }

  #add(schema: string, name: string, operations: readonly string[]): void {
    for (const operation of operations) {
      this.targets.add(schema, name, operation);
      this.accesses.add(VERBS.get(operation) ?? operation, operation === 'call' ? 'procedure' : 'table', schema, name);
    }
    this.summary.add(writeMysqlTarget(schema, name));
  }

  #table(node: Node, { operations, scope, changed }: Work): void {
    if (node['args'] !== undefined && node['args'] !== null) {
      this.#unknown = true; // a table function
      return;
    }
    if (node['name'] === undefined) {
      // TABLE t, as an arm of a query: its names are plain strings.
      this.summary.add('TABLE');
      const [schema, name] = [textOf(node['schema_name']), textOf(node['table_name'])];
      if (name === '') this.#unknown = true;
      else if (schema !== '' || !hides(scope, name)) this.#add(schema, name, operations);
      return;
    }
    if (isReserved(node['name']) || isReserved(node['alias'])) this.#unknown = true;
    if (isString(node['name'])) this.#unknown = true;
    const [schema, name] = schemaAndName(node['name']);
    // What is changed is a table, whatever a common table expression of that name says.
    if (schema === '' && changed === null && hides(scope, name)) return;
    if (schema === '' && name.toLowerCase() === 'dual' && !isQuoted(node['name'])) return;
    const hit = changed && (changed.names === null || changed.names.has(aliasOf(node)) || changed.names.has(name));
    this.#target(node['name'], hit ? [changed.operation] : operations);
  }

  #function(node: Node, work: Work): void {
    const parts = partsOf(node['name']);
    const name = parts.at(-1) ?? '';
    if (parts.length === 1 && name.toLowerCase() === 'load_file') this.accesses.add('file', '', '', '');
    else if (parts.length > 1 || !isHarmlessMysqlFunction(name))
      this.accesses.add('call', 'function', parts.at(-2) ?? '', name);
    this.sensitivity = Math.max(this.sensitivity, mysqlFunctionSensitivity(name));
    // Their argument is a relation.
    if (SEQUENCES.has(name.toLowerCase())) this.#unknown = true;
    this.#fields(node, ['name'], work);
  }

  #query(node: Node, outer: Scope, operations: readonly string[] = SELECT): void {
    let scope = outer;
    const clause = node['with'];
    if (isNode(clause)) {
      const ctes = ctesOf(clause);
      const recursive = clause['recursive'] === true;
      if (recursive) for (const { name } of ctes) scope = { name, outer: scope };
      for (const { name, query } of ctes) {
        this.#then(query, scope);
        if (!recursive) scope = { name, outer: scope };
      }
    }
    const locks = listOf(node['locks']).length > 0 ? SELECT_LOCK : operations;
    this.#then(node['body'], scope, locks);
    this.#fields(node, ['with', 'body', 'locks'], { what: null, operations: SELECT, scope, changed: null });
  }

  #select(node: Node, { operations, scope }: Work): void {
    this.#then('SELECT', scope);
    this.#then(node['projection'], scope);
    this.#then(node['from'], scope, operations);
    // INTO @variable touches nothing.
    this.#fields(node, ['projection', 'from', 'into'], { what: null, operations: SELECT, scope, changed: null });
  }

  #insert(node: Node, scope: Scope): void {
    const replaces = node['replace_into'] === true;
    const operations = replaces ? ['insert', 'delete'] : ['insert'];
    if (isNode(node['on']) && node['on']['DuplicateKeyUpdate'] !== undefined) operations.push('update');
    this.summary.add(replaces ? 'REPLACE' : 'INSERT');
    const table = isNode(node['table']) ? node['table']['TableName'] : undefined;
    if (table === undefined) this.#unknown = true;
    else this.#target(table, operations);
    this.#fields(node, ['table', 'columns', 'table_alias'], { what: null, operations: SELECT, scope, changed: null });
  }

  #update(node: Node, scope: Scope): void {
    this.summary.add('UPDATE');
    const names = new Set<string>();
    let all = false;
    for (const assignment of listOf(node['assignments'])) {
      const target = isNode(assignment) && isNode(assignment['target']) ? assignment['target']['ColumnName'] : null;
      const table = partsOf(target).at(-2);
      if (table === undefined) all = true;
      else names.add(table);
    }
    const joined = isNode(node['table']) && listOf(node['table']['joins']).length > 0;
    const changed: Changed = { names: all || !joined ? null : names, operation: 'update' };
    if (changed.names) this.#mustName(changed.names, [node['table']]);
    this.#then(node['table'], scope, SELECT, changed);
    this.#fields(node, ['table'], { what: null, operations: SELECT, scope, changed: null });
  }

  #delete(node: Node, scope: Scope): void {
    this.summary.add('DELETE');
    const [, from] = variantOf(node['from']);
    const tables = listOf(node['tables']);
    const using = node['using'];
    const names = new Set<string>();
    for (const table of tables)
      names.add(
        partsOf(table)
          .filter((part) => part !== '')
          .at(-1) ?? '',
      );
    if (using !== undefined && using !== null)
      for (const item of listOf(from)) {
        const [, relation] = variantOf(isNode(item) ? item['relation'] : null);
        names.add(isNode(relation) ? schemaAndName(relation['name'])[1] : '');
      }
    const changed: Changed = { names: names.size > 0 ? names : null, operation: 'delete' };
    if (changed.names) this.#mustName(changed.names, listOf(using ?? from));
    this.#then(using ?? from, scope, SELECT, changed);
    this.#fields(node, ['tables', 'from', 'using'], { what: null, operations: SELECT, scope, changed: null });
  }

  /** What is changed must be among the tables, else the tree means something else: `delete quick from t`. */
  #mustName(names: ReadonlySet<string>, tables: readonly unknown[]): void {
    const known = new Set<string>();
    for (const table of tables) {
      if (!isNode(table)) continue;
      for (const item of [table, ...listOf(table['joins'])]) {
        const [, relation] = variantOf(isNode(item) ? item['relation'] : null);
        if (isNode(relation)) known.add(aliasOf(relation)).add(schemaAndName(relation['name'])[1]);
      }
    }
    for (const name of names) if (!known.has(name)) this.#unknown = true;
  }

  #utility(parts: readonly MysqlPart[], scope: Scope): void {
    for (const part of parts) {
      if ('sensitivity' in part) this.sensitivity = Math.max(this.sensitivity, part.sensitivity);
      else if ('unknown' in part) this.#unknown = true;
      else if ('name' in part) this.#target(part.name, part.operations);
      else if ('schema' in part) {
        const name = partsOf(part.schema).at(-1) ?? '';
        if (name === '') continue;
        this.targets.add(name, '', part.operation);
        this.accesses.add(VERBS.get(part.operation) ?? part.operation, 'schema', name, '');
        this.summary.add(writeMysqlTarget(name, ''));
      } else this.#then(part.walk, scope);
    }
  }
}
