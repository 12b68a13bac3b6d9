import type { Target } from '../../exchange/digest.ts';
import { cutName, writeName } from '../sql/sql-names.ts';
import { Accesses, type TreeJudged } from './accesses.ts';
import { addCall } from './sql-functions.ts';
import { hides, type Scope, withScopes } from './sql-scope.ts';
import { functionSensitivity, Sensitive } from './sql-sensitive.ts';
import { type Part, UTILITY } from './sql-statements.ts';
import { inner, isNode, listOf, type Node, nameParts, textOf } from './sql-tree.ts';
import { Summary } from './summary.ts';
import { Targets } from './targets.ts';

/** What a parsed statement does, to which relations. */
export interface TreeFacts {
  summary: string;
  targets: readonly Target[];
  /** One of Sensitive. */
  sensitivity: number;
  /** What policies judge. */
  judged: TreeJudged;
}

/** Verbs of policies for what is done to a relation, where they are other words. */
const VERBS: Readonly<Record<string, string>> = {
  merge: 'select', // it is joined; what it changes is told besides
  copy: '', // its direction is
  call: '', // a function
  comment: 'alter',
  label: 'alter',
  revoke: 'grant',
  refresh: 'maintain',
  vacuum: 'maintain',
  analyze: 'maintain',
  cluster: 'maintain',
  reindex: 'maintain',
};

/** Nodes looked at; a larger tree counts as not understood. */
const NODES = 50_000;

/** Still to be looked at: a node (or list, or a mark for the summary), what is done to relations in it, and the names in scope. */
interface Work {
  readonly what: unknown;
  readonly operations: readonly string[];
  readonly scope: Scope;
}

const SELECT = ['select'] as const;
const SELECT_LOCK = ['select', 'lock'] as const;
const REFERENCES = ['references'] as const;
const MARK = Symbol('summary');
interface Mark {
  readonly [MARK]: string;
}

/** Nodes that hold no relation, function or query. */
const LEAVES = new Set([
  'ColumnRef',
  'A_Const',
  'ParamRef',
  'TypeName',
  'String',
  'Integer',
  'Float',
  'Boolean',
  'A_Star',
  'RoleSpec',
]);

/**
 * Walks a parse tree with a stack of its own (no recursion over wire data) in textual order, and collects every relation
 * with what is done to it: below WITH, subqueries, data-modifying CTEs, EXPLAIN, COPY, PREPARE … Null if the tree is
 * larger than the budget or names more relations than we keep. `label`: how the summary of a utility statement begins.
 * `literals`: the tree is that of a text with its own literals, not of one with stand-ins for them.
 */
export const treeFacts = (tree: unknown, label: string, literals: boolean): TreeFacts | null => {
  const walk = new Walk(label, literals);
  const statements = listOf(isNode(tree) ? tree['stmts'] : null);
  for (const statement of [...statements].reverse())
    if (isNode(statement)) walk.push(statement['stmt'], REFERENCES, null);
  if (!walk.run()) return null;
  const condition = conditionOf(statements, walk.changesAll, walk.changes);
  const limit = statements.length === 1 ? rowLimit(statements[0]) : NO_LIMIT;
  return {
    summary: walk.summary.toString(),
    targets: walk.targets.list(),
    sensitivity: walk.sensitivity,
    judged: {
      accesses: walk.accesses.list(),
      unresolved: walk.accesses.unresolved,
      hasWhere: condition,
      limit: literals ? limit.rows : -1,
      limitAt: literals ? -1 : limit.at,
    },
  };
};

const NO_LIMIT = { rows: -1, at: -1 };

/** LIMIT n, FETCH FIRST n ROWS ONLY of a whole query, where n is a plain number. */
const rowLimit = (statement: unknown): { rows: number; at: number } => {
  const select = isNode(statement) ? inner(statement['stmt'], 'SelectStmt') : null;
  if (select === null || select['limitOption'] !== 'LIMIT_OPTION_COUNT') return NO_LIMIT;
  const constant = inner(select['limitCount'], 'A_Const');
  if (constant === null || !isNode(constant['ival'])) return NO_LIMIT;
  const { ival } = constant['ival'];
  return { rows: typeof ival === 'number' ? ival : 0, at: numberOf(constant['location']) };
};

const numberOf = (value: unknown): number => (typeof value === 'number' ? value : 0);

/** Does each UPDATE and DELETE have a condition? Where there is none of them: does each query? */
const conditionOf = (statements: readonly unknown[], changesAll: boolean, changes: number): boolean => {
  if (changes > 0) return !changesAll;
  return statements.every((statement) => {
    const select = isNode(statement) ? inner(statement['stmt'], 'SelectStmt') : null;
    return select !== null && isCondition(select['whereClause']);
  });
};

/** Does a WHERE depend on the row at all? `true`, `1 = 1` and `$1` do not. */
const isCondition = (clause: unknown): boolean => {
  const stack: unknown[] = [clause];
  for (let nodes = 0; nodes < NODES && stack.length > 0; nodes++) {
    const what = stack.pop();
    if (Array.isArray(what)) for (const item of what) stack.push(item);
    else if (isNode(what)) {
      if ('ColumnRef' in what || 'CurrentOfExpr' in what) return true;
      for (const key in what) if (typeof what[key] === 'object') stack.push(what[key]);
    }
  }
  return false;
};

class Walk {
  readonly summary = new Summary();
  readonly targets = new Targets();
  readonly accesses = new Accesses();
  sensitivity: number = Sensitive.no;
  /** UPDATEs and DELETEs, and whether one of them has no condition. */
  changes = 0;
  changesAll = false;
  readonly #literals: boolean;
  readonly #stack: Work[] = [];
  /** Children of the node at hand, in order; they go onto the stack in reverse. */
  readonly #next: Work[] = [];

  constructor(label: string, literals: boolean) {
    this.summary.add(label);
    this.#literals = literals;
  }

  push(what: unknown, operations: readonly string[], scope: Scope): void {
    if (what !== undefined && what !== null) this.#stack.push({ what, operations, scope });
  }

  run(): boolean {
    for (let nodes = 0; nodes < NODES; nodes++) {
      const work = this.#stack.pop();
      if (!work) return !this.targets.overflow;
      this.#visit(work);
      for (let i = this.#next.length - 1; i >= 0; i--) this.#stack.push(this.#next[i]!);
      this.#next.length = 0;
    }
    return false;
  }

  #then(what: unknown, operations: readonly string[], scope: Scope): void {
    if (typeof what === 'object' && what !== null) this.#next.push({ what, operations, scope });
  }

  #visit({ what, operations, scope }: Work): void {
    if (Array.isArray(what)) {
      for (const item of what) this.#then(item, operations, scope);
      return;
    }
    const node = what as Node & Partial<Mark>;
    if (node[MARK] !== undefined) {
      this.summary.add(node[MARK]);
      return;
    }
    // A relation in a field that is typed as one stands there without its wrapper; so do the arms of a UNION.
    if (typeof node['relname'] === 'string') this.#relation(node, operations, scope);
    else if (node['limitOption'] !== undefined) this.#select(node, operations, scope);
    else if (Array.isArray(node['funcname'])) this.#call(node, operations, scope);
    else {
      for (const key in node) {
        const value = node[key];
        if (typeof value !== 'object' || value === null) continue;
        const first = key.charCodeAt(0);
        if (first >= 0x41 && first <= 0x5a) this.#typed(key, value as Node, operations, scope);
        else this.#then(value, operations, scope);
      }
    }
  }

  #typed(type: string, node: Node, operations: readonly string[], scope: Scope): void {
    if (LEAVES.has(type)) return;
    switch (type) {
      case 'RangeVar':
        this.#relation(node, operations, scope);
        break;
      case 'SelectStmt':
        this.#select(node, operations, scope);
        break;
      case 'InsertStmt':
        this.#change('INSERT', node, node['onConflictClause'] === undefined ? ['insert'] : conflict(node), scope);
        break;
      case 'UpdateStmt':
        this.#changed(node);
        this.#change('UPDATE', node, ['update'], scope);
        break;
      case 'DeleteStmt':
        this.#changed(node);
        this.#change('DELETE', node, ['delete'], scope);
        break;
      case 'MergeStmt':
        this.#change('MERGE', node, mergeOperations(node), scope);
        break;
      case 'FuncCall':
        this.#call(node, operations, scope);
        break;
      case 'CommonTableExpr':
        this.#fields(node, [], SELECT, scope);
        break;
      default: {
        const utility = UTILITY[type];
        if (utility) this.#utility(utility(node, this.#literals), scope);
        else {
          // A kind of statement that the grammar has learnt since (threats R4).
          if (type.endsWith('Stmt')) this.accesses.doubt('a kind of statement that is not known');
          this.#fields(node, [], operations, scope);
        }
      }
    }
  }

  #call(node: Node, operations: readonly string[], scope: Scope): void {
    const name = nameParts(node['funcname']).at(-1) ?? '';
    this.sensitivity = Math.max(this.sensitivity, functionSensitivity(name));
    addCall(this.accesses, node['funcname'], node['args'], this.#literals);
    this.#fields(node, ['funcname'], operations, scope);
  }

  #changed(node: Node): void {
    this.changes++;
    if (!isCondition(node['whereClause'])) this.changesAll = true;
  }

  #relation(node: Node, operations: readonly string[], scope: Scope): void {
    const schema = textOf(node['schemaname']);
    const name = textOf(node['relname']);
    if (schema === '' && operations[0] === 'select' && hides(scope, name)) return;
    this.#target(schema, name, operations);
  }

  #target(schema: string, name: string, operations: readonly string[]): void {
    for (const operation of operations) {
      this.targets.add(schema, name, operation);
      const verb = VERBS[operation] ?? operation;
      if (verb === '') continue;
      if (name === '') this.accesses.add(verb, 'schema', '', cutName(schema));
      // What befalls a schema befalls all in it, but when it is made.
      if (name !== '' || verb !== 'create') this.accesses.add(verb, 'table', cutName(schema), cutName(name));
    }
    this.summary.add(
      schema === '' ? writeName(name) : name === '' ? writeName(schema) : `${writeName(schema)}.${writeName(name)}`,
    );
  }

  /** WITH's queries first; gives what the statement sees. */
  #with(node: Node, scope: Scope): Scope {
    const inside = withScopes(node['withClause'], scope);
    for (const [query, names] of inside.queries) this.#then(query, SELECT, names);
    return inside.scope;
  }

  #select(node: Node, operations: readonly string[], outer: Scope): void {
    const scope = this.#with(node, outer);
    if (node['larg'] !== undefined) {
      this.#then(node['larg'], SELECT, scope);
      this.#then(node['rarg'], SELECT, scope);
      this.#fields(node, ['withClause', 'larg', 'rarg'], SELECT, scope);
      return;
    }
    // The VALUES of an INSERT is no operation of its own.
    const mark = node['valuesLists'] === undefined ? 'SELECT' : operations === REFERENCES ? 'VALUES' : '';
    this.#next.push({ what: { [MARK]: mark }, operations: SELECT, scope });
    const into = isNode(node['intoClause']) ? node['intoClause']['rel'] : undefined;
    this.#then(node['distinctClause'], SELECT, scope);
    this.#then(node['targetList'], SELECT, scope);
    this.#then(into, ['create', 'insert'], null);
    // FOR UPDATE names aliases, so it counts for all that is read here.
    const locks = node['lockingClause'] === undefined ? SELECT : SELECT_LOCK;
    this.#then(node['fromClause'], locks, scope);
    this.#fields(
      node,
      ['withClause', 'distinctClause', 'targetList', 'intoClause', 'fromClause', 'lockingClause'],
      SELECT,
      scope,
    );
  }

  /** INSERT, UPDATE, DELETE, MERGE: the relation that changes is never a CTE. */
  #change(mark: string, node: Node, operations: readonly string[], outer: Scope): void {
    const scope = this.#with(node, outer);
    this.#next.push({ what: { [MARK]: mark }, operations, scope });
    this.#then(node['relation'], operations, null);
    // RETURNING reads rows that were there; those of a plain INSERT were not.
    const returns = node['returningList'] !== undefined || node['returningClause'] !== undefined;
    const relation = node['relation'];
    if (returns && isNode(relation) && !(operations.length === 1 && operations[0] === 'insert'))
      this.accesses.add(
        'select',
        'table',
        cutName(textOf(relation['schemaname'])),
        cutName(textOf(relation['relname'])),
      );
    this.#fields(node, ['withClause', 'relation'], SELECT, scope);
  }

  #utility(parts: readonly Part[], scope: Scope): void {
    for (const part of parts) {
      if ('sensitivity' in part) this.sensitivity = Math.max(this.sensitivity, part.sensitivity);
      else if ('access' in part) this.accesses.add(...part.access);
      else if ('doubt' in part) this.accesses.doubt(part.doubt);
      else if ('name' in part) this.#target(part.schema, part.name, part.operations);
      else this.#then(part.node, part.operations, scope);
    }
  }

  #fields(node: Node, except: readonly string[], operations: readonly string[], scope: Scope): void {
    for (const key in node) {
      const value = node[key];
      if (typeof value === 'object' && value !== null && !except.includes(key)) this.#then(value, operations, scope);
    }
  }
}

const conflict = (node: Node): readonly string[] => {
  const clause = node['onConflictClause'];
  return isNode(clause) && clause['action'] === 'ONCONFLICT_UPDATE' ? ['insert', 'update'] : ['insert'];
};

const MERGE_COMMANDS: Readonly<Record<string, string>> = {
  CMD_INSERT: 'insert',
  CMD_UPDATE: 'update',
  CMD_DELETE: 'delete',
};

const mergeOperations = (node: Node): readonly string[] => {
  const operations = new Set(['merge']);
  for (const clause of listOf(node['mergeWhenClauses'])) {
    const when = isNode(clause) ? clause['MergeWhenClause'] : null;
    const operation = isNode(when) ? MERGE_COMMANDS[textOf(when['commandType'])] : undefined;
    if (operation !== undefined) operations.add(operation);
  }
  return [...operations];
};
