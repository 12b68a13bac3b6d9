import { mysqlNameOf } from '../sql/mysql-quoted.ts';
import { mysqlFunctionSensitivity } from './mysql-sensitive.ts';
import type { MysqlFacts } from './mysql-token-facts.ts';
import { isMysqlName, type MysqlTokens } from './mysql-tokens.ts';
import { Sensitive } from './sql-sensitive.ts';

const MODIFIERS = new Set(['low_priority', 'high_priority', 'delayed', 'quick', 'ignore', 'lateral', 'only']);
/** Words that end a list of tables. */
const ENDS_FROM = new Set(
  'where set group order having limit union except intersect window into values procedure for lock returning'.split(
    ' ',
  ),
);
/** Words that can stand where an alias may, and are none. */
const NO_ALIAS = new Set(
  (
    'where set group order having limit union except intersect window into values value procedure for lock join inner ' +
    'left right cross natural straight_join on using use force ignore partition select read write with returning fetch ' +
    'offset tablesample then end do'
  ).split(' '),
);
/** `f(a FROM b)` is no FROM clause. */
const FROM_CALLS = new Set(['extract', 'substring', 'substr', 'trim', 'mid', 'overlay', 'position', 'get_format']);
const STARTS_QUERY = new Set(['', '(', ';', 'union', 'all', 'distinct', 'except', 'intersect', 'as', 'then', 'else']);

/** Reads queries from tokens, wherever they stand: every relation with what is done to it. */
export class MysqlQuery {
  readonly #facts: MysqlFacts;
  readonly #tokens: MysqlTokens;
  readonly #ctes = new Set<string>();
  /** SELECT, INSERT … whose part this is. */
  #verb = 'select';
  #depth = 0;
  /** Depths at which a comma goes on with a list of tables. */
  readonly #fromDepths: number[] = [];
  /** One a parenthesis: of a call like f(a FROM b). */
  readonly #opensCall: boolean[] = [];
  /** Of a DELETE of several tables: those that lose rows, by name or alias. */
  readonly #deletes = new Set<string>();
  #inserted: { schema: string; name: string } | null = null;

  constructor(facts: MysqlFacts) {
    this.#facts = facts;
    this.#tokens = facts.tokens;
  }

  read(): void {
    const tokens = this.#tokens;
    while (tokens.more) {
      const token = tokens.peek();
      const before = tokens.before;
      tokens.at++;
      if (before === '.' && isMysqlName(token)) continue;
      if (isMysqlName(token)) this.#word(token, before);
      else if (token === '(') this.#opensCall[this.#depth++] = FROM_CALLS.has(before.toLowerCase());
      else if (token === ')') {
        if (this.#fromDepths.at(-1) === this.#depth) this.#fromDepths.pop();
        if (this.#depth > 0) this.#depth--;
      } else if (token === ',' && this.#inFrom()) this.#relations();
    }
    for (const name of this.#deletes) this.#facts.targets.add('', name, 'delete');
  }

  #word(token: string, before: string): void {
    const tokens = this.#tokens;
    const next = tokens.peek();
    if (next === '(') this.#facts.sensitivity = Math.max(this.#facts.sensitivity, mysqlFunctionSensitivity(token));
    if (ENDS_FROM.has(token) && this.#inFrom()) this.#fromDepths.pop();
    switch (token) {
      case 'select':
        this.#verb = 'select';
        this.#facts.summary.add('SELECT');
        return;
      case 'insert':
      case 'replace':
        if (next !== '(') this.#insert(token);
        return;
      case 'update':
        if (before === 'key') this.#duplicate();
        else if (before !== 'for' && before !== 'on') this.#update();
        return;
      case 'delete':
        if (before !== 'on') this.#delete();
        return;
      case 'from':
        if (this.#depth === 0 || !this.#opensCall[this.#depth - 1]) this.#from();
        return;
      case 'join':
        if (before !== 'for') this.#relations();
        return;
      case 'straight_join':
        if (this.#inFrom()) this.#relations();
        return;
      case 'table':
        if (!STARTS_QUERY.has(before)) return;
        this.#facts.summary.add('TABLE');
        this.#facts.target('select');
        return;
      case 'references':
        this.#facts.target('references');
        return;
      case 'into':
        if (next === 'outfile' || next === 'dumpfile') this.#sensitive(Sensitive.literal);
        return;
      case 'execute':
        if (STARTS_QUERY.has(before)) this.#sensitive(Sensitive.code);
        return;
      case 'as':
        if (next === '(' && isMysqlName(tokens.peek(-2))) this.#ctes.add(mysqlNameOf(tokens.peek(-2)));
        else if (next === '(' && tokens.peek(-2) === ')') this.#columnsBefore();
        return;
      default:
    }
  }

  #inFrom(): boolean {
    return this.#fromDepths.at(-1) === this.#depth;
  }

  #sensitive(sensitivity: number): void {
    this.#facts.sensitivity = Math.max(this.#facts.sensitivity, sensitivity);
  }

  /** `name (a, b) AS (`: the name of a query with its columns. */
  #columnsBefore(): void {
    const { list, at } = this.#tokens;
    let i = at - 3;
    while (i > 0 && list[i] !== '(') i--;
    const name = list[i - 1];
    if (isMysqlName(name)) this.#ctes.add(mysqlNameOf(name));
  }

  #insert(token: string): void {
    this.#verb = 'insert';
    this.#tokens.skip(MODIFIERS);
    this.#tokens.take('into');
    if (NO_ALIAS.has(this.#tokens.peek())) return;
    this.#facts.summary.add(token.toUpperCase());
    const name = this.#facts.name();
    if (!name) return;
    this.#inserted = name;
    // REPLACE deletes the row that was there.
    const operations = token === 'replace' ? ['insert', 'delete'] : ['insert'];
    this.#facts.add(name.schema, name.name, ...operations);
  }

  #duplicate(): void {
    const name = this.#inserted;
    if (name) this.#facts.targets.add(name.schema, name.name, 'update');
  }

  /** UPDATE of several tables: which of them SET changes is not known from here, so all. */
  #update(): void {
    this.#verb = 'update';
    this.#facts.summary.add('UPDATE');
    this.#relations();
  }

  /** DELETE FROM t; DELETE a, b FROM …; DELETE FROM a, b USING … */
  #delete(): void {
    const tokens = this.#tokens;
    this.#verb = 'delete';
    this.#facts.summary.add('DELETE');
    tokens.skip(MODIFIERS);
    const single = tokens.take('from');
    const from = tokens.at;
    const names: { schema: string; name: string }[] = [];
    do {
      const name = this.#facts.name();
      if (!name) break;
      if (tokens.peek() === '.') tokens.at += 2; // a.b.*
      // `a.*` reads as everything in the schema a.
      names.push(name.name === '' ? { schema: '', name: name.schema } : name);
    } while (tokens.take(','));
    const several = tokens.peek() === (single ? 'using' : 'from');
    if (!several) {
      tokens.at = from;
      if (single) this.#facts.target('delete');
      this.#verb = 'select';
      return;
    }
    tokens.at++;
    for (const { name } of names) this.#deletes.add(name);
    this.#relations();
  }

  #from(): void {
    this.#verb = 'select';
    this.#relations();
  }

  /** One relation of a list; the walk goes on behind it. */
  #relations(): void {
    const tokens = this.#tokens;
    if (!this.#inFrom()) this.#fromDepths.push(this.#depth);
    tokens.skip(MODIFIERS);
    while (tokens.peek() === '(' && !isQuery(tokens.peek(1))) {
      tokens.at++;
      this.#opensCall[this.#depth++] = false;
      this.#fromDepths.push(this.#depth);
    }
    const token = tokens.peek();
    if (token === 'dual' || NO_ALIAS.has(token) || isQuery(token)) return;
    const at = tokens.at;
    const name = this.#facts.name();
    if (!name) return;
    if (tokens.peek() === '(') {
      tokens.at = at; // a function: JSON_TABLE(…)
      return;
    }
    if (name.schema === '' && this.#ctes.has(name.name)) return;
    const alias = tokens.peek() === 'as' ? tokens.peek(1) : NO_ALIAS.has(tokens.peek()) ? '' : tokens.peek();
    this.#facts.add(name.schema, name.name, this.#operation(name.name, isMysqlName(alias) ? mysqlNameOf(alias) : ''));
  }

  #operation(name: string, alias: string): string {
    if (this.#verb !== 'delete') return this.#verb === 'update' ? 'update' : 'select';
    return this.#deletes.delete(alias) || this.#deletes.delete(name) ? 'delete' : 'select';
  }
}

const isQuery = (token: string): boolean =>
  token === 'select' || token === 'with' || token === 'values' || token === '';
