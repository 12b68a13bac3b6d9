import { isHarmlessMysqlFunction } from '../../src/digest/facts/mysql-functions.ts';
import type { TextToken } from '../../src/digest/facts/mysql-text-tokens.ts';
import type { Access } from '../../src/exchange/operation-facts.ts';
import { type Doubt, type Effect, effect, hasAnsiQuotes } from './effects.ts';
import { NO_SCHEMA } from './resolve.ts';
import { keepsReading } from './sql-mode-value.ts';

/** What a statement that must be read by its literals does. */
export interface TextStatement {
  readonly accesses: readonly Access[];
  /** As OperationFacts.unresolved. */
  readonly unresolved: string;
  readonly effect: Effect | null;
  /** Another statement that runs now, or is given a name: its text, decoded, or where it stands in the same buffer. */
  readonly inner: { readonly text: string } | { readonly from: number } | null;
  /** EXECUTE: the name of what runs. */
  readonly runs: string;
}

const access = (verb: string, type = '', name = ''): Access => ({
  verb,
  type,
  schema: type === '' ? '' : NO_SCHEMA,
  name,
});

/** Collects what is found. */
class Found {
  readonly accesses: Access[] = [];
  unresolved = '';
  effect: Effect | null = null;
  inner: TextStatement['inner'] = null;
  runs = '';

  doubt(why: string): this {
    if (this.unresolved === '') this.unresolved = why;
    return this;
  }

  add(...accesses: readonly Access[]): this {
    this.accesses.push(...accesses);
    return this;
  }
}

/** Reads SET, PREPARE, EXECUTE and DEALLOCATE from their tokens; null: it is none of them. */
export function readTextStatement(tokens: readonly TextToken[]): TextStatement | null {
  const found = new Found();
  const first = tokens[0];
  if (first?.kind !== 'word') return null;
  switch (first.text) {
    case 'set':
      return readSet(tokens, found);
    case 'prepare':
      return readPrepare(tokens, found);
    case 'execute':
      return readExecute(tokens, found);
    case 'deallocate':
    case 'drop': {
      if (!is(tokens[1], 'prepare')) return null;
      const name = nameOf(tokens[2]);
      found.add(access('session'));
      if (name === null || tokens.length > 3) return found.doubt('cannot be read for certain');
      found.effect = effect('deallocates', name, false);
      return found;
    }
    default:
      return null;
  }
}

const is = (token: TextToken | undefined, ...words: readonly string[]): boolean =>
  token?.kind === 'word' && words.includes(token.text);
const isMark = (token: TextToken | undefined, mark: string): boolean => token?.kind === 'mark' && token.text === mark;
/**
 * Names of prepared statements are the same in any case, and with any accent: null, as for what is none, where it has a
 * letter beyond ASCII.
 */
const nameOf = (token: TextToken | undefined): string | null => {
  const isName = token?.kind === 'word' || token?.kind === 'name';
  return isName && /^[ -~]*$/.test(token.text) ? token.text.toLowerCase() : null;
};

function readPrepare(tokens: readonly TextToken[], found: Found): TextStatement {
  const name = nameOf(tokens[1]);
  const text = tokens[3];
  if (name === null || !is(tokens[2], 'from') || text === undefined)
    return found.add(access('code')).doubt('cannot be read for certain');
  if (text.kind !== 'string' || !text.certain || tokens.length > 4) {
    found.add(access('code')).doubt('its text is not known');
    found.effect = effect('deallocates', name, false); // what the name meant before is over
    return found;
  }
  found.effect = effect('prepares', name, /^\s*call\b/i.test(text.text));
  found.inner = { text: text.text };
  return found;
}

function readExecute(tokens: readonly TextToken[], found: Found): TextStatement {
  if (is(tokens[1], 'immediate')) {
    const text = tokens[2];
    if (text?.kind !== 'string' || !text.certain || !endsOrUses(tokens, 3))
      return found.add(access('code')).doubt('its text is not known');
    found.effect = effect('executes', '', /^\s*call\b/i.test(text.text));
    found.inner = { text: text.text };
    return found;
  }
  const name = nameOf(tokens[1]);
  if (name === null || !endsOrUses(tokens, 2)) return found.add(access('code')).doubt('cannot be read for certain');
  found.effect = effect('executes', name, false);
  found.runs = name;
  return found;
}

/** Nothing, or USING and variables and literals. */
function endsOrUses(tokens: readonly TextToken[], from: number): boolean {
  if (tokens.length === from) return true;
  if (!is(tokens[from], 'using')) return false;
  return tokens
    .slice(from + 1)
    .every((token) => token.kind !== 'word' || /^(?:null|default|true|false)$/.test(token.text));
}

// ---- SET

/**
 * Settings of the session that change what its user may do, or what is written down of it. Not session_track_*, which
 * MariaDB's drivers set at once: what the server tells is more than we rely on, for a client need not agree on it at all.
 */
const RIGHTS =
  /^(?:sql_log_bin|sql_log_off|gtid_|pseudo_|server_id|insert_id$|default_role|binlog_|skip_|secure_|init_|require_|original_|check_constraint_checks$|wsrep_|debug|rbr_|proxy_|external_user|use_secondary|resultset_metadata|skip_replication)/;
const SCOPES = new Set(['session', 'local', 'global', 'persist', 'persist_only']);
const READS_TEXT = /^(?:character_set_client|sql_mode)$/;

function readSet(tokens: readonly TextToken[], found: Found): TextStatement {
  const second = tokens[1];
  if (is(second, 'statement')) return readSetStatement(tokens, found);
  if (is(second, 'password', 'role', 'resource') || (is(second, 'default') && is(tokens[2], 'role'))) {
    const assigned = isMark(tokens[2], '=') || isMark(tokens[2], ':');
    if (!is(second, 'resource') || !assigned) return withExpressions(tokens, 2, found.add(access('grant')));
  }
  const scoped = second?.kind === 'word' && SCOPES.has(second.text);
  if (is(scoped ? tokens[2] : second, 'transaction')) {
    const isGlobal = scoped && second.text === 'global';
    return found.add(isGlobal ? access('admin', 'setting', 'transaction_isolation') : access('transaction'));
  }
  const settings = new Settings(found);
  for (const part of partsOf(tokens, 1)) settings.read(part);
  found.effect = settings.effect();
  return found;
}

/** SET STATEMENT a = b FOR statement (MariaDB). */
function readSetStatement(tokens: readonly TextToken[], found: Found): TextStatement {
  const at = tokens.findIndex((token, i) => i > 1 && is(token, 'for'));
  const next = tokens[at + 1];
  if (at < 0 || next === undefined) return found.doubt('cannot be read for certain');
  const settings = new Settings(found);
  for (const part of partsOf(tokens.slice(0, at), 2)) settings.read(part);
  // A text in the statement would be read in the mode that it sets.
  if (settings.changesReading && is(next, 'prepare', 'execute')) found.doubt('sets how its own text is read');
  if (is(next, 'set', 'prepare', 'execute', 'deallocate')) found.doubt('runs another statement');
  found.inner = { from: next.start };
  return found;
}

/** What several assignments make of a session. */
class Settings {
  readonly #found: Found;
  #quotes: boolean | null = null;
  #charset = '';
  #doubt: Doubt = '';
  #backslashes: boolean | null = null;
  changesReading = false;

  constructor(found: Found) {
    this.#found = found;
  }

  effect(): Effect | null {
    if (this.#quotes === null && this.#charset === '' && this.#doubt === '') return null;
    return effect('settings', this.#charset, this.#quotes, 0, null, this.#doubt, this.#backslashes);
  }

  /** One assignment, or NAMES, or CHARACTER SET. */
  read(part: readonly TextToken[]): void {
    const found = this.#found;
    if (is(part[0], 'names') && !isMark(part[1], '=')) {
      this.#names(part[1]);
      return;
    }
    if (is(part[0], 'charset', 'character', 'char') && !isMark(part[1], '=')) {
      this.#names(part[is(part[0], 'charset') ? 1 : 2]);
      return;
    }
    const assigned = assignmentOf(part);
    if (assigned === null) {
      found.add(access('setting')).doubt('a SET that is not known');
      return;
    }
    const { name, scope, value } = assigned;
    withExpressions(value, 0, found);
    if (name === '') found.add(access('session'));
    else if (scope === 'global') found.add(access('admin', 'setting', name));
    else if (READS_TEXT.test(name)) this.#reading(name, value);
    else
      found.add(
        RIGHTS.test(name)
          ? access('setting', 'setting', name)
          : access(name === 'autocommit' ? 'transaction' : 'session'),
      );
  }

  #names(value: TextToken | undefined): void {
    this.changesReading = true;
    if (value === undefined || !isLiteral(value)) {
      this.#unsure('charset', 'character_set_client');
      return;
    }
    this.#found.add(access('session'));
    // DEFAULT is the server's own choice, which nobody has told us.
    if (is(value, 'default')) this.#doubt = worse(this.#doubt, 'charset');
    this.#charset = value.text.toLowerCase();
  }

  #reading(name: string, value: readonly TextToken[]): void {
    this.changesReading = true;
    if (name === 'sql_mode' && this.#quotes === null && this.#doubt === '' && keepsReading(value)) {
      this.#found.add(access('session'));
      return;
    }
    const only = value.length === 1 ? value[0]! : null;
    if (only === null || !isLiteral(only) || is(only, 'default')) {
      this.#unsure(name === 'sql_mode' ? 'quotes' : 'charset', name);
      return;
    }
    this.#found.add(access('session'));
    if (name !== 'sql_mode') this.#charset = only.text.toLowerCase();
    else {
      const isNumber = only.kind === 'number';
      this.#quotes = isNumber ? (Number(only.text) & 4) !== 0 : hasAnsiQuotes(only.text);
      this.#backslashes = isNumber
        ? (Number(only.text) & NO_BACKSLASH_BIT) === 0
        : !/no_backslash_escapes/i.test(only.text);
    }
  }

  /** What comes of it is not known: texts are read both ways until the server tells. */
  #unsure(doubt: Doubt, name: string): void {
    this.#doubt = worse(this.#doubt, doubt);
    this.#found.add(access('setting', 'setting', name));
  }
}

/** sql_mode as a number. */
const NO_BACKSLASH_BIT = 1 << 20;

const worse = (a: Doubt, b: Doubt): Doubt => (a === '' || a === b ? b : 'all');
const isLiteral = (token: TextToken): boolean =>
  (token.kind === 'string' && token.certain) || token.kind === 'word' || token.kind === 'number';

interface Assignment {
  /** '' = a variable of the user's own. */
  readonly name: string;
  readonly scope: 'session' | 'global';
  readonly value: readonly TextToken[];
}

function assignmentOf(part: readonly TextToken[]): Assignment | null {
  let at = 0;
  let scope: Assignment['scope'] = 'session';
  const first = part[0];
  if (first?.kind === 'word' && SCOPES.has(first.text) && (part[1]?.kind === 'word' || part[1]?.kind === 'name')) {
    if (first.text !== 'session' && first.text !== 'local') scope = 'global';
    at++;
  }
  const target = part[at++];
  let name = '';
  if (target === undefined) return null;
  if (target.kind === 'system') {
    let path = target.text;
    // `@@session.`sql_mode``
    if ((path === '' || path.endsWith('.')) && part[at]?.kind === 'name') path += part[at++]!.text.toLowerCase();
    const [head, ...rest] = path.split('.');
    const scoped = SCOPES.has(head!) && rest.length > 0;
    if (scoped && head !== 'session' && head !== 'local') scope = 'global';
    name = scoped ? rest.join('.') : path;
  } else if (target.kind === 'word' || target.kind === 'name') {
    name = target.text.toLowerCase();
    // Settings of key caches and the like have a name before them: `hot.key_buffer_size`.
    if (isMark(part[at], '.')) {
      if (scope === 'session') scope = 'global';
      const next = part[at + 1];
      if (next?.kind !== 'word' && next?.kind !== 'name') return null;
      name = `${name}.${next.text.toLowerCase()}`;
      at += 2;
    }
  } else if (target.kind !== 'variable') return null;
  if (isMark(part[at], ':')) at++;
  if (!isMark(part[at], '=') || part.length === at + 1) return null;
  return { name, scope, value: part.slice(at + 1) };
}

/** The tokens from `from` on, at each comma outside of parentheses a new part. */
function partsOf(tokens: readonly TextToken[], from: number): TextToken[][] {
  const parts: TextToken[][] = [[]];
  let depth = 0;
  for (const token of tokens.slice(from)) {
    if (isMark(token, '(')) depth++;
    else if (isMark(token, ')')) depth--;
    if (depth === 0 && isMark(token, ',')) parts.push([]);
    else parts.at(-1)!.push(token);
  }
  return parts;
}

const QUERY_WORDS = new Set(['select', 'table', 'values', 'from', 'with']);

/** Expressions: no query may stand in them, and what they call is told of. */
function withExpressions(tokens: readonly TextToken[], from: number, found: Found): Found {
  for (let i = from; i < tokens.length; i++) {
    const token = tokens[i]!;
    if (token.kind === 'word' && QUERY_WORDS.has(token.text)) found.doubt('a query in a SET');
    const called = tokens[i - 1];
    if (!isMark(token, '(') || (called?.kind !== 'word' && called?.kind !== 'name')) continue;
    if (called.text.toLowerCase() === 'load_file') found.add(access('file'));
    else if (isMark(tokens[i - 2], '.') || !isHarmlessMysqlFunction(called.text))
      found.add({
        verb: 'call',
        type: 'function',
        schema: isMark(tokens[i - 2], '.') ? (tokens[i - 3]?.text ?? '') : '',
        name: called.text,
      });
  }
  return found;
}
