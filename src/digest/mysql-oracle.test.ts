import { describe, expect, test } from 'vitest';
import type { Digest, MysqlSqlMode } from '../exchange/digest.ts';
import { loadSqlParser, SqlDigestCache } from './cache.ts';
import { EXCEPTIONS, RECORDED } from './sql/mysql-digests.fixture.ts';

// Two texts share our digest if and only if MariaDB gives them one digest, but for the exceptions that we chose.

const MODE: MysqlSqlMode = {
  dialect: 'mysql',
  ansiQuotes: false,
  noBackslashEscapes: false,
  flavour: 'mariadb',
  version: 101119,
};
const cache = new SqlDigestCache({ parser: null, now: () => 0 });
const digestOf = (sql: string, from = cache): Digest => {
  const buf = Buffer.from(sql);
  const reading = from.read(MODE, buf, 0, buf.length);
  expect(reading.count).toBe(1);
  return reading.statements[0]!.digest;
};

test(`${RECORDED.length} texts fall into the server's groups`, () => {
  const ours = RECORDED.map(([sql]) => digestOf(sql));
  const wrong: string[] = [];
  for (const [i, [a, theirs]] of RECORDED.entries())
    for (let j = 0; j < i; j++)
      if ((ours[i] === ours[j]) !== (theirs === RECORDED[j]![1])) wrong.push(`${a} | ${RECORDED[j]![0]}`);
  expect(wrong).toEqual([]);
  expect(new Set(ours).size).toBeGreaterThan(80);
  expect(new Set(ours).size).toBeLessThan(RECORDED.length - 20);
});

describe('exceptions', () => {
  for (const { why, a, b, theirs } of EXCEPTIONS)
    test(`${why}: ${a} | ${b}`, () => expect(digestOf(a) === digestOf(b)).toBe(!theirs));
});

test('parser and tokens read the same relations out of every text', async () => {
  const parser = await loadSqlParser();
  await parser.mysql.load();
  const parsing = new SqlDigestCache({ parser, now: () => 0 });
  let parsed = 0;
  for (const [sql] of RECORDED) {
    const tree = digestOf(sql, parsing);
    if (tree.confidence !== 'parsed') continue;
    parsed++;
    const names = (digest: Digest): string[] => digest.targets.map(({ schema, name }) => `${schema}.${name}`).sort();
    expect(names(digestOf(sql)), sql).toEqual(names(tree));
    expect(digestOf(sql).operation).toBe(tree.operation);
  }
  expect(parsed).toBeGreaterThan(RECORDED.length * 0.9);
});
