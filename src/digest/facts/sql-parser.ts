import type { SqlMode } from '../../exchange/digest.ts';

export type SqlDialect = SqlMode['dialect'];

/** A grammar. `parse` gives the tree as plain objects, or null when the text does not parse. */
export interface SqlParser {
  parse(text: string): unknown;
  /** True after the parser ran out of stack, or could not be loaded: its memory is in doubt and it is not used again. */
  readonly broken: boolean;
  /** False until load() is done: parse() gives null. */
  readonly ready: boolean;
  /** Loads it, once; never rejects. */
  load(): Promise<void>;
}

/** One parser a dialect. */
export type SqlParsers = Readonly<Record<SqlDialect, SqlParser>>;

/**
 * Postgres' own grammar, loaded (libpg-query: WASM, 2 MB, some 30 ms): once a process, before the first connection. And
 * MySQL's, which is loaded when the first statement asks for it.
 */
export const loadSqlParser = async (): Promise<SqlParsers> => ({
  postgres: await loadPostgres(),
  mysql: new MysqlParser(),
});

const loadPostgres = async (): Promise<SqlParser> => {
  const { loadModule, parseSync, SqlError } = await import('libpg-query');
  await loadModule();
  let broken = false;
  return {
    parse(text: string): unknown {
      if (broken) return null;
      try {
        return parseSync(text) as unknown;
      } catch (error) {
        // A syntax error is an answer. Anything else (a WASM trap, no stack left) leaves the instance undefined.
        if (!(error instanceof SqlError)) broken = true;
        return null;
      }
    },
    get broken() {
      return broken;
    },
    ready: true,
    load: () => Promise.resolve(),
  };
};

/** sqlparser-rs's words for "the text is not SQL" (ParserError's Display): an answer. All else is a trap. */
const ANSWER = /^sql parser error: |^Tokenizer error|^Parser error/i;

/** The package has one instance a thread, for ever. */
let trapped = false;

/**
 * sqlparser-rs in MySQL's dialect (@guanmingchiu/sqlparser-ts: WASM, 3.6 MB, some 40 ms to load and 20 ms more for the first
 * parse). It is no server's own grammar: it takes text that MySQL refuses, and refuses some that MySQL takes.
 */
class MysqlParser implements SqlParser {
  ready = false;
  #failed = false;
  #loading: Promise<void> | null = null;
  #parse: (text: string) => unknown = () => null;

  get broken(): boolean {
    return this.#failed || trapped;
  }

  load(): Promise<void> {
    this.#loading ??= this.#load();
    return this.#loading;
  }

  parse(text: string): unknown {
    if (this.broken) return null;
    try {
      return this.#parse(text);
    } catch (error) {
      if (!(error instanceof Error && ANSWER.test(error.message))) trapped = true;
      return null;
    }
  }

  async #load(): Promise<void> {
    try {
      const { init, parse } = await import('@guanmingchiu/sqlparser-ts');
      await init();
      this.#parse = (text) => parse(text, 'mysql');
      this.ready = true;
    } catch {
      this.#failed = true;
    }
  }
}
