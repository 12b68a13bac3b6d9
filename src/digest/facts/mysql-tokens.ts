/** Tokens looked at: enough for any statement a person wrote. */
const TOKENS = 4096;

/** Splits a canonical text of MySQL into words, names in backticks, `@@names` and single other characters. */
export const mysqlTokensOf = (text: string): string[] => {
  const tokens: string[] = [];
  let i = 0;
  while (i < text.length && tokens.length < TOKENS) {
    const c = text.charCodeAt(i);
    const from = i++;
    if (c === 0x20) continue;
    if (c === 0x60) {
      for (; i < text.length; i++) {
        if (text.charCodeAt(i) !== 0x60) continue;
        if (text.charCodeAt(i + 1) === 0x60) i++;
        else break;
      }
      i++;
    } else if (isWord(c)) while (i < text.length && isWord(text.charCodeAt(i))) i++;
    else if (c === 0x40 && text.charCodeAt(i) === 0x40)
      for (i++; i < text.length && (isWord(text.charCodeAt(i)) || text.charCodeAt(i) === 0x2e); ) i++;
    tokens.push(text.slice(from, i));
  }
  return tokens;
};

const isWord = (c: number): boolean =>
  (c >= 0x61 && c <= 0x7a) ||
  (c >= 0x41 && c <= 0x5a) ||
  c === 0x5f ||
  c >= 0x80 ||
  (c >= 0x30 && c <= 0x39) ||
  c === 0x24;

/** A word or a quoted name. */
export const isMysqlName = (token: string | undefined): token is string =>
  token !== undefined && (isWord(token.charCodeAt(0)) || token.charCodeAt(0) === 0x60);

/** Reads on through a statement's tokens. */
export class MysqlTokens {
  readonly list: readonly string[];
  at = 0;

  constructor(list: readonly string[]) {
    this.list = list;
  }

  get more(): boolean {
    return this.at < this.list.length;
  }

  /** The token `ahead` of the next one, or ''. */
  peek(ahead = 0): string {
    return this.list[this.at + ahead] ?? '';
  }

  /** The token before the next one, or ''. */
  get before(): string {
    return this.list[this.at - 1] ?? '';
  }

  /** Steps over the next token if it is this one. */
  take(token: string): boolean {
    if (this.peek() !== token) return false;
    this.at++;
    return true;
  }

  /** Steps over all tokens that are in the set. */
  skip(words: ReadonlySet<string>): void {
    while (words.has(this.peek())) this.at++;
  }

  /** Steps to the next one of these at this depth of parentheses; false, at the end, if there is none. */
  find(...words: readonly string[]): boolean {
    let depth = 0;
    for (; this.more; this.at++) {
      const token = this.peek();
      if (depth === 0 && words.includes(token) && this.before !== '.') return true;
      if (token === '(') depth++;
      else if (token === ')' && depth > 0) depth--;
    }
    return false;
  }
}
