/** Postgres' own grammar. `parse` gives the tree as plain objects, or null when the text does not parse. */
export interface SqlParser {
  parse(text: string): unknown;
  /** True after the parser ran out of stack: its memory is in doubt and it is not used again. */
  readonly broken: boolean;
}

/** Loads libpg-query (WASM, 2 MB, some 30 ms). Once a process, before the first connection. */
export const loadSqlParser = async (): Promise<SqlParser> => {
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
  };
};
