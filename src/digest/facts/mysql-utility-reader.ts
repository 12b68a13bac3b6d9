import { mysqlNameOf } from '../sql/mysql-quoted.ts';
import { Accesses } from './accesses.ts';
import { isHarmlessMysqlFunction } from './mysql-functions.ts';
import { isMysqlName, type MysqlTokens } from './mysql-tokens.ts';

/** What is read of one statement from its canonical tokens, strictly: what is not read to its end is a doubt. */
export class Utility {
  readonly tokens: MysqlTokens;
  readonly accesses = new Accesses();

  constructor(tokens: MysqlTokens) {
    this.tokens = tokens;
  }

  add(verb: string, type = '', schema = '', name = ''): void {
    this.accesses.add(verb, type, schema, name);
  }

  /** The next token in lower case, or ''. */
  word(ahead = 0): string {
    return lower(this.tokens.peek(ahead));
  }

  take(...words: readonly string[]): boolean {
    if (!words.includes(this.word()) || !this.tokens.more) return false;
    this.tokens.at++;
    return true;
  }

  /** Steps over these in a row, or over none of them. */
  takeAll(...words: readonly string[]): boolean {
    if (!words.every((word, i) => this.word(i) === word)) return false;
    this.tokens.at += words.length;
    return true;
  }

  /** `name` or `schema.name`; null, and a doubt, where none stands. */
  name(): { schema: string; name: string } | null {
    const { tokens } = this;
    const first = tokens.peek();
    if (!isMysqlName(first)) {
      this.doubt();
      return null;
    }
    tokens.at++;
    if (tokens.peek() !== '.') return { schema: '', name: mysqlNameOf(first) };
    const second = tokens.peek(1);
    tokens.at += 2;
    if (!isMysqlName(second)) {
      this.doubt();
      return null;
    }
    return { schema: mysqlNameOf(first), name: mysqlNameOf(second) };
  }

  target(verb: string, type = 'table'): boolean {
    const name = this.name();
    if (name !== null) this.add(verb, type, name.schema, name.name);
    return name !== null;
  }

  list(verb: string, type = 'table'): void {
    do if (!this.target(verb, type)) return;
    while (this.take(','));
  }

  schema(verb: string): void {
    const token = this.tokens.peek();
    if (!isMysqlName(token)) this.doubt();
    else this.add(verb, 'schema', mysqlNameOf(token));
    this.tokens.at++;
  }

  ifExists(): void {
    if (!this.takeAll('if', 'exists')) this.takeAll('if', 'not', 'exists');
  }

  /** Nothing but expressions without queries may follow: the functions in it are told of. */
  expressions(): void {
    const { tokens } = this;
    for (; tokens.more; tokens.at++) {
      const word = this.word();
      if (QUERY_WORDS.has(word) && tokens.before !== '.') this.doubt();
      if (word === '(' && isMysqlName(tokens.before)) this.#called();
    }
  }

  /** A parenthesis behind a word: a function is told of. */
  #called(): void {
    const { tokens } = this;
    const name = mysqlNameOf(tokens.before);
    const schema = tokens.peek(-2) === '.' ? mysqlNameOf(tokens.peek(-3)) : '';
    if (schema === '' && (isHarmlessMysqlFunction(name) || OPERATOR_WORDS.has(lower(name)))) return;
    if (lower(name) === 'load_file') this.add('file');
    else this.add('call', 'function', schema, name);
  }

  /** Whatever follows says nothing about what is touched; but no query may stand in it. */
  rest(): void {
    for (; this.tokens.more; this.tokens.at++)
      if (QUERY_WORDS.has(this.word()) && this.tokens.before !== '.') this.doubt();
  }

  doubt(why = 'a statement that cannot be read for certain'): void {
    this.accesses.doubt(why);
  }

  /** Its words up to here are all there is. */
  end(): void {
    if (this.tokens.more) this.doubt();
  }
}

export type Reader = (statement: Utility) => void;

/** ASCII letters in lower case. */
export const lower = (token: string): string => token.replace(/[A-Z]+/g, (letters) => letters.toLowerCase());
/** What begins a query, or names a table, wherever it stands. */
const QUERY_WORDS = new Set([
  'select',
  'table',
  'values',
  'from',
  'join',
  'into',
  'update',
  'insert',
  'replace',
  'delete',
  'with',
]);
/** Words before a parenthesis that call nothing. */
const OPERATOR_WORDS = new Set(
  'in and or not xor between like div mod is as any some all exists interval case when then else'.split(' '),
);
