import type { MysqlSqlMode } from '../../exchange/digest.ts';
import {
  isDashComment,
  mysqlBlockCommentEnd,
  mysqlLineCommentEnd,
  mysqlNumberEnd,
  mysqlQuoteEnd,
  variableEnd,
} from '../sql/mysql-scan.ts';
import { versionCommentCode } from '../sql/mysql-version-comment.ts';
import { isDigit, LOWER, WORD_CONT } from '../sql/sql-chars.ts';

/**
 * A token of a statement's very text, literals and all. `word`: unquoted, `text` in lower case; `name`: in backticks, or
 * in double quotes under ANSI_QUOTES; `string`: its value, `text` null where we cannot tell it (an introducer, hex, an escape
 * that is no plain one); `variable`: `@x`; `system`: `@@x` in lower case; `mark`: one character.
 */
export interface TextToken {
  readonly kind: 'word' | 'name' | 'string' | 'number' | 'variable' | 'system' | 'mark';
  /** UTF-8 as it stands there. */
  readonly text: string;
  /** False for a string whose value is not known for certain. */
  readonly certain: boolean;
  /** Where it stands in the buffer. */
  readonly start: number;
  readonly end: number;
}

/** Statements that are read like this are short; what is longer is not read. */
const MAX_TOKENS = 4096;

/**
 * The tokens of one statement buf[start..end), as the server reads it in this mode; comments that it executes are code.
 * For the few statements whose meaning stands in their literals. Null where there are too many.
 */
export function mysqlTextTokens(buf: Buffer, start: number, end: number, mode: MysqlSqlMode): TextToken[] | null {
  const tokens: TextToken[] = [];
  let inCode = false;
  let at = start;
  const add = (kind: TextToken['kind'], to: number, text: string, certain = true): void => {
    tokens.push({ kind, text, certain, start: at, end: to });
    at = to;
  };
  while (at < end) {
    if (tokens.length > MAX_TOKENS) return null;
    const c = buf[at]!;
    const next = at + 1 < end ? buf[at + 1]! : 0;
    if (c === 0x20 || (c >= 0x09 && c <= 0x0d)) at++;
    else if (c === 0x23 || (c === 0x2d && next === 0x2d && isDashComment(buf, at, end)))
      at = mysqlLineCommentEnd(buf, at, end);
    else if (c === 0x2f && next === 0x2a) {
      const kind = at + 2 < end ? buf[at + 2]! : 0;
      const versioned = kind === 0x21 || (kind === 0x4d && at + 3 < end && buf[at + 3] === 0x21);
      const code = versioned ? versionCommentCode(buf, at, end, mode) : 0;
      if (code > 0) inCode = true;
      at = code > 0 ? code : mysqlBlockCommentEnd(buf, at, end, versioned);
    } else if (c === 0x2a && next === 0x2f && inCode) {
      inCode = false;
      at += 2;
    } else if (c === 0x27 || c === 0x22) {
      const isName = c === 0x22 && mode.ansiQuotes;
      const to = mysqlQuoteEnd(buf, at, end, !mode.noBackslashEscapes && !isName);
      const text = buf
        .toString('utf8', at + 1, Math.max(at + 1, to - 1))
        .replaceAll(c === 0x27 ? "''" : '""', c === 0x27 ? "'" : '"');
      const plain = isName || mode.noBackslashEscapes || !text.includes('\\');
      add(isName ? 'name' : 'string', to, text, plain && to - at >= 2 && buf[to - 1] === c);
    } else if (c === 0x60) {
      const to = mysqlQuoteEnd(buf, at, end, false);
      add('name', to, buf.toString('utf8', at + 1, Math.max(at + 1, to - 1)).replaceAll('``', '`'));
    } else if (c === 0x40) variable(buf, at, end, next, mode, add);
    else if (isDigit(c) && mysqlNumberEnd(buf, at, end) > at) {
      const to = mysqlNumberEnd(buf, at, end);
      add('number', to, buf.toString('latin1', at, to));
    } else if (WORD_CONT[c] === 1) word(buf, at, end, add);
    else add('mark', at + 1, String.fromCharCode(c));
  }
  return joined(tokens);
}

type Add = (kind: TextToken['kind'], to: number, text: string, certain?: boolean) => void;

function variable(buf: Buffer, at: number, end: number, next: number, mode: MysqlSqlMode, add: Add): void {
  if (next === 0x40) {
    const to = variableEnd(buf, at + 2, end);
    // `@@session.`sql_mode``: what follows in quotes is told of as its own token.
    add('system', to, lower(buf, at + 2, to));
    return;
  }
  const quoted = next === 0x27 || next === 0x22 || next === 0x60;
  const to = quoted
    ? mysqlQuoteEnd(buf, at + 1, end, !mode.noBackslashEscapes && next !== 0x60)
    : variableEnd(buf, at + 1, end);
  add('variable', to, buf.toString('utf8', at, to));
}

function word(buf: Buffer, at: number, end: number, add: Add): void {
  let to = at;
  while (to < end && WORD_CONT[buf[to]!] === 1) to++;
  const quoteBehind = to < end && buf[to] === 0x27;
  const text = lower(buf, at, to);
  // N'', X'', B'': literals whose value we do not work out.
  if (quoteBehind && (text === 'n' || text === 'x' || text === 'b')) {
    const stop = mysqlQuoteEnd(buf, to, end, text === 'n');
    add('string', stop, '', false);
  } else add('word', to, text);
}

/** Strings side by side are one; one behind a character set (`_utf8 'x'`) is not certain. */
function joined(tokens: readonly TextToken[]): TextToken[] {
  const out: TextToken[] = [];
  for (const token of tokens) {
    const before = out.at(-1);
    if (token.kind === 'string' && before?.kind === 'string') {
      const certain = token.certain && before.certain;
      out[out.length - 1] = { ...before, text: before.text + token.text, certain, end: token.end };
    } else if (token.kind === 'string' && before?.kind === 'word' && before.text.startsWith('_'))
      out.push({ ...token, certain: false });
    else out.push(token);
  }
  return out;
}

/** ASCII letters in lower case; the rest as it is. */
function lower(buf: Buffer, from: number, to: number): string {
  const bytes = Buffer.allocUnsafe(to - from);
  for (let i = from; i < to; i++) bytes[i - from] = LOWER[buf[i]!]!;
  return bytes.toString('utf8');
}
