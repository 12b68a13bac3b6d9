import { loadModule, parseSync } from 'libpg-query';
import { beforeAll, expect, test } from 'vitest';
import type { Digest, SqlMode } from '../exchange/digest.ts';
import { loadSqlParser, SqlDigestCache } from './cache.ts';
import { Grammar, type Rng, type Statement, seeded, write } from './sql/sql-grammar.fixture.ts';

// PG-23: our lexer and facts against Postgres' own parser, on generated statements. A failure prints seed and text.

const SEED = 20261121;
const TEXTS = 3000;
const ON: SqlMode = { dialect: 'postgres', standardConformingStrings: true };

let cache: SqlDigestCache;
beforeAll(async () => {
  await loadModule();
  cache = new SqlDigestCache({
    parser: await loadSqlParser(),
    now: () => performance.now(),
    limits: { parseMsPerSecond: 1e9, parseBurstMs: 1e9, inlineChars: 1e6 },
  });
});

const read = (text: string): { digest: Digest; start: number; end: number }[] => {
  const bytes = Buffer.from(text);
  const reading = cache.read(ON, bytes, 0, bytes.length);
  return reading.statements.slice(0, reading.count).map((s) => ({ ...s }));
};

const touches = (digest: Digest): string[] =>
  digest.targets.flatMap((t) => t.operations.map((operation) => `${t.schema}.${t.name}:${operation}`)).sort();

/** Statements with `;` between, sometimes empty ones. */
const join = (statements: readonly Statement[], r: Rng): string =>
  statements.map((s) => write(s, r)).join(r.pick([';', ' ; ', ';;', ';\n/* ; */ ;'])) + r.pick(['', ';', ' -- ;']);

test(`${TEXTS} texts: statements, relations and literals as the server's parser has them`, { timeout: 120_000 }, () => {
  const r = seeded(SEED);
  const grammar = new Grammar(r);
  const byText = new Map<string, string>();
  let statements = 0;
  for (let i = 0; i < TEXTS; i++) {
    const list = Array.from({ length: 1 + r.int(6) }, () => grammar.statement());
    const text = join(list, r);
    let tree: { stmts?: { stmt_location?: number; stmt_len?: number }[] };
    try {
      tree = parseSync(text) as typeof tree;
    } catch (error) {
      throw new Error(`the grammar wrote what does not parse: ${String(error)}\n${text}`);
    }
    const found = read(text);
    expect(found.length, text).toBe(tree.stmts?.length);
    expect(found.length, text).toBe(list.length);
    // Written again with other literals, blanks, comments and case: the same digests.
    const again = read(join(list, r));
    for (const [k, statement] of list.entries()) {
      const { digest, start, end } = found[k]!;
      const raw = tree.stmts![k]!;
      const from = raw.stmt_location ?? 0;
      expect(start, text).toBeGreaterThanOrEqual(from);
      if (raw.stmt_len !== undefined) expect(end, text).toBeLessThanOrEqual(from + raw.stmt_len);
      expect(digest.confidence, text).toBe('parsed');
      expect(touches(digest), text).toEqual(statement.touches);
      expect(again[k]!.digest.text, text).toBe(digest.text);
      expect(again[k]!.digest.id, text).toBe(digest.id);
      const known = byText.get(digest.id);
      if (known === undefined) byText.set(digest.id, digest.text);
      else expect(known).toBe(digest.text);
      statements++;
    }
  }
  expect(statements).toBeGreaterThanOrEqual(10_000);
});

test('another relation is another digest', () => {
  const r = seeded(SEED + 1);
  const grammar = new Grammar(r);
  let changed = 0;
  for (let i = 0; i < 2000; i++) {
    const statement = grammar.statement();
    const at = statement.pieces.indexOf('accounts_2');
    if (at < 0) continue;
    const other = { ...statement, pieces: statement.pieces.with(at, 'accounts_3') };
    expect(read(write(other, r))[0]!.digest.id).not.toBe(read(write(statement, r))[0]!.digest.id);
    changed++;
  }
  expect(changed).toBeGreaterThan(200);
});
