import { expect, test } from 'vitest';
import type { SqlMode } from '../exchange/digest.ts';
import { loadSqlParser, SqlDigestCache } from './cache.ts';
import { seededHash } from './canonical-hash.ts';
import { SqlLexer } from './sql/sql-lexer.ts';

const MODE: SqlMode = { dialect: 'postgres', standardConformingStrings: true };
/** Texts of each sort; a pair of 32-bit hashes that meet is as good as certain among so many. */
const TEXTS = 150_000;

/** What the cache hashes of a text, under a key that is known here and secret in a worker. */
function hashes(texts: (i: number) => string): Map<number, string> {
  const lexer = new SqlLexer(1024);
  const found = new Map<number, string>();
  for (let i = 0; i < TEXTS; i++) {
    const text = texts(i);
    const buf = Buffer.from(text);
    lexer.begin(buf, 0, buf.length, true, false);
    lexer.next();
    found.set(seededHash(lexer.canonical.words, lexer.canonical.length, 1, 1), text);
  }
  return found;
}

test('texts that were made to collide have facts of their own', { timeout: 60_000 }, async () => {
  const fine = hashes((i) => `select a${i.toString(36)} from other`);
  const touches = hashes((i) => `select b${i.toString(36)} from secret`);
  const pairs = [...fine].flatMap(([hash, text]) => (touches.has(hash) ? [[text, touches.get(hash)!] as const] : []));
  expect(pairs.length).toBeGreaterThan(0);
  const cache = new SqlDigestCache({ parser: await loadSqlParser(), now: () => 0, random: () => 1 });
  const tables = (text: string): string[] => {
    const buf = Buffer.from(text);
    const { digest, start, end } = cache.read(MODE, buf, 0, buf.length).statements[0]!;
    return cache.judgedOf(MODE, digest, buf, start, end).accesses.map(({ name }) => name);
  };
  for (const [one, other] of pairs) {
    expect(tables(one)).toEqual(['other']);
    expect(tables(other)).toEqual(['secret']);
    expect(tables(one)).toEqual(['other']);
  }
});
