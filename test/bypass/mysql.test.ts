import { readdirSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { mysqlParserReady } from '../support/mysql-gated.ts';
import { mariadbPrograms } from '../support/real-mariadb.ts';
import type { MysqlRow } from './support/mysql.ts';
import { playCase } from './support/mysql-play.ts';
import { RealStage } from './support/mysql-real.ts';

const files = readdirSync(import.meta.dirname)
  .filter((file) => /^my-.*\.ts$|^x-.*\.mysql\..*\.ts$/.test(file))
  .sort();
const rows = await Promise.all(files.map(async (file) => ((await import(`./${file}`)) as { row: MysqlRow }).row));
const hasServer = mariadbPrograms() !== null;

await mysqlParserReady();

describe('MySQL', () => {
  let stage: RealStage | null = null;
  beforeAll(async () => {
    if (hasServer) stage = await RealStage.start();
  });
  afterAll(() => stage?.stop());

  for (const { id, title, cases } of rows)
    for (const one of cases) {
      test(`${id} ${title}: ${one.name}`, async () => {
        playCase(one);
        if (one.notReal === undefined && stage !== null) await stage.run(one);
      });
    }

  test('the corpus is whole', () => {
    expect(new Set(rows.map(({ id, title }) => `${id} ${title}`)).size).toBe(files.length);
    expect(rows.reduce((sum, { cases }) => sum + cases.length, 0)).toBeGreaterThan(150);
  });
});
