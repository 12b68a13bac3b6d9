import type { Digest } from '../../src/exchange/digest.ts';
import type { Claim } from './facts.ts';

/**
 * What a statement's text does to its session, once the server has said OK. The server tells most of it by itself where
 * session tracking is on; this is for where it is not.
 */
export interface Effect {
  /**
   * `database`: USE. `settings`: SET of sql_mode (is ANSI_QUOTES `on`? null: as it was) or of the client's character set
   * (its `name`; '': as it was). `prepares`: PREPARE name FROM 'text', and whether that text is a CALL.
   * `deallocates`. `executes`: EXECUTE of a `name`, or of a text and whether that is a CALL. `resolves`: an execution of the
   * statement `id`, which was not known yet. `identity`: COM_CHANGE_USER, and who it is then.
   */
  readonly kind: 'database' | 'settings' | 'prepares' | 'deallocates' | 'executes' | 'resolves' | 'identity';
  readonly name: string;
  readonly on: boolean | null;
  readonly id: number;
  readonly claim: Claim | null;
  /** `settings`, where somebody enforces: what nobody knows from then on, until the server tells. */
  readonly doubt: Doubt;
  /** `settings`: do backslashes escape from then on? null: as before, or the server tells. */
  readonly backslashes: boolean | null;
}

/** Of how texts read: ANSI_QUOTES, the client's character set, or both are not known. */
export type Doubt = '' | 'quotes' | 'charset' | 'all';

/** Blanks and comments; what stands in a versioned comment is read as code. */
const BLANK = String.raw`(?:\s|--\s[^\n]*(?:\n|$)|#[^\n]*(?:\n|$)|/\*M?!\d*|/\*(?!M?!)(?:[^*]|\*(?!/))*\*/)`;
const NAME = String.raw`(${'`'}(?:[^${'`'}]|${'``'})+${'`'}|"(?:[^"]|"")+"|[^\s;${'`'}"'#/]+)`;
const STRING = String.raw`(?:'((?:[^'\\]|''|\\[\s\S])*)'|"((?:[^"\\]|""|\\[\s\S])*)")`;
const pattern = (text: string): RegExp =>
  new RegExp(
    `^${BLANK}*${text.replaceAll('_', `${BLANK}+`).replaceAll('NAME', NAME).replaceAll('STRING', STRING)}`,
    'i',
  );

const USE = pattern('use_NAME');
const PREPARE = pattern(`prepare_NAME_from${BLANK}*STRING`);
const DEALLOCATE = pattern('(?:deallocate|drop)_prepare_NAME');
const EXECUTE_IMMEDIATE = pattern(`execute_immediate${BLANK}*STRING`);
const EXECUTE = pattern('execute_NAME');
const IS_CALL = pattern(String.raw`call\b`);
/** Assignments to the session's sql_mode; not to the global one. */
const SQL_MODE =
  /(?:\bset\s+(?:statement\s+)?|,\s*)(?:(?:session|local)\s+|@@(?:(?:session|local)\.)?)?`?sql_mode`?\s*:?=\s*/gi;
/** SET NAMES, SET CHARACTER SET, and assignments to the session's character_set_client. */
const CHARSET =
  /(?:\bset\s+|,\s*)(?:(?:names|char(?:acter\s+)?set)\s+|(?:(?:session|local)\s+|@@(?:(?:session|local)\.)?)?`?character_set_client`?\s*:?=\s*)['"`]?([\w@.]+)/gi;
/** Modes that hold ANSI_QUOTES; the last ones are of older servers and of MariaDB. */
const QUOTES = /\b(?:ansi|ansi_quotes|db2|maxdb|mssql|oracle|postgresql)\b/i;
const ANSI_QUOTES_BIT = 4;

const HEAD_BYTES = 4096;

/** Operations that may have an effect. Everything else is not looked at. */
const OPERATIONS: ReadonlySet<string> = new Set(['USE', 'SET', 'PREPARE', 'DEALLOCATE', 'DROP', 'EXECUTE']);

/**
 * The effect of the statement buf[start..end), or null. `ansiQuotes`: as it is now. Rare, so the beginning of the text is read as a string.
 */
export function effectOf(digest: Digest, buf: Buffer, start: number, end: number, ansiQuotes: boolean): Effect | null {
  if (!OPERATIONS.has(digest.operation)) return null;
  const head = buf.toString('utf8', start, Math.min(end, start + HEAD_BYTES));
  switch (digest.operation) {
    case 'USE': {
      const found = USE.exec(head);
      return found && effect('database', unquoted(found[1]!));
    }
    case 'SET': {
      const on = quotesAfter(head, ansiQuotes);
      const charset = charsetAfter(head);
      return on === null && charset === '' ? null : effect('settings', charset, on);
    }
    case 'PREPARE': {
      const found = PREPARE.exec(head);
      return found && effect('prepares', folded(found[1]!), IS_CALL.test(found[2] ?? found[3] ?? ''));
    }
    case 'DEALLOCATE':
    case 'DROP': {
      const found = DEALLOCATE.exec(head);
      return found && effect('deallocates', folded(found[1]!), false);
    }
    case 'EXECUTE': {
      const immediate = EXECUTE_IMMEDIATE.exec(head);
      if (immediate !== null) return effect('executes', '', IS_CALL.test(immediate[1] ?? immediate[2] ?? ''));
      const found = EXECUTE.exec(head);
      return found && effect('executes', folded(found[1]!), false);
    }
    default:
      return null;
  }
}

/** An effect; what its kind does not use is left out. */
export const effect = (
  kind: Effect['kind'],
  name = '',
  on: boolean | null = false,
  id = 0,
  claim: Claim | null = null,
  doubt: Doubt = '',
  backslashes: boolean | null = null,
): Effect => ({
  kind,
  name,
  on,
  id,
  claim,
  doubt,
  backslashes,
});

const unquoted = (name: string): string => {
  const quote = name[0]!;
  return quote === '`' || quote === '"' ? name.slice(1, -1).replaceAll(quote + quote, quote) : name;
};

/** Names of prepared statements are the same in any case. */
const folded = (name: string): string => unquoted(name).toLowerCase();

/** Does a value of sql_mode, as the server itself writes it, hold ANSI_QUOTES? */
export const hasAnsiQuotes = (value: string): boolean => QUOTES.test(value);

/** ANSI_QUOTES after this SET, or null where it does not set the session's sql_mode. */
function quotesAfter(text: string, now: boolean): boolean | null {
  let on: boolean | null = null;
  for (const found of text.matchAll(SQL_MODE)) on = quotesOf(expressionAt(text, found.index + found[0].length), now);
  return on;
}

/** The client's character set after this SET, or '' where it does not set it. What comes out of a variable is not known. */
function charsetAfter(text: string): string {
  let name = '';
  for (const found of text.matchAll(CHARSET)) name = found[1]!;
  return name.toLowerCase();
}

/**
 * ANSI_QUOTES by an expression. Literals are certain; of what is built from the present mode the pieces are seen; what
 * comes out of a variable (a dump restores the mode it found) is taken for what servers begin with: off.
 */
function quotesOf(expression: string, now: boolean): boolean {
  if (/^\d+$/.test(expression)) return (Number(expression) & ANSI_QUOTES_BIT) !== 0;
  const fromNow = /@@(?:(?:session|local)\.)?sql_mode\b/i.test(expression);
  const names = QUOTES.test(expression.replaceAll(/@@?[\w.$]+/g, ' '));
  if (!fromNow) return names;
  if (/\breplace\s*\(/i.test(expression)) return now && !names;
  return now || names;
}

/** The expression that begins here: to the next comma outside of quotes and brackets. */
function expressionAt(text: string, from: number): string {
  let depth = 0;
  let quote = '';
  for (let at = from; at < text.length; at++) {
    const c = text[at]!;
    if (quote !== '') {
      if (c === quote) quote = '';
    } else if (c === "'" || c === '"') quote = c;
    else if (c === '(') depth++;
    else if (c === ')') depth--;
    else if (c === ',' && depth === 0) return text.slice(from, at).trim();
  }
  return text.slice(from).trim();
}
