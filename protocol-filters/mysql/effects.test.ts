import { describe, expect, test } from 'vitest';
import type { MysqlSqlMode } from '../../src/exchange/digest.ts';
import { digests } from '../../test/support/filter-env.ts';
import { type Effect, effectOf, hasAnsiQuotes } from './effects.ts';

const MODE: MysqlSqlMode = {
  dialect: 'mysql',
  ansiQuotes: false,
  noBackslashEscapes: false,
  flavour: 'mariadb',
  version: 101_119,
};

/** The effects of a text's statements; `calls`: names that run CALLs. */
function effectsOf(text: string, ansiQuotes = false, calls: readonly string[] = []): (Effect | null)[] {
  const buf = Buffer.from(`..${text}..`);
  const reading = digests.read(MODE, buf, 2, buf.length - 2);
  return reading.statements
    .slice(0, reading.count)
    .map(({ digest, start, end }) => effectOf(digest, buf, start, end, ansiQuotes, (name) => calls.includes(name)));
}
const first = (text: string, now = false, calls: readonly string[] = []): string => {
  const found = effectsOf(text, now, calls)[0];
  return found ? `${found.kind} ${found.name}${found.on ? ' on' : ''}` : '';
};

describe('what a text does to its session', () => {
  const texts: [text: string, want: string][] = [
    ['select 1', ''],
    ['use shop', 'database shop'],
    ['USE `sh``op` -- x', 'database sh`op'],
    ['/* a */ use /* b */ shop', 'database shop'],
    ['# a\nuse shop', 'database shop'],
    ['/*!50000 use shop */', 'database shop'],
    ["set sql_mode = 'ANSI_QUOTES'", 'ansi_quotes  on'],
    ["set session sql_mode='strict_all_tables,ansi'", 'ansi_quotes  on'],
    ["SET @@session.sql_mode := 'ORACLE'", 'ansi_quotes  on'],
    ["set @@local.sql_mode = ''", 'ansi_quotes '],
    ['set sql_mode = default', 'ansi_quotes '],
    ['set sql_mode = ansi_quotes', 'ansi_quotes  on'],
    ['set sql_mode = 4', 'ansi_quotes  on'],
    ['set sql_mode = 2097152', 'ansi_quotes '],
    ["set names utf8mb4, sql_mode = 'ANSI'", 'ansi_quotes  on'],
    ["set sql_mode = concat(@@sql_mode, ',ANSI_QUOTES')", 'ansi_quotes  on'],
    ["set @old = @@sql_mode, sql_mode = 'NO_ZERO_DATE'", 'ansi_quotes '],
    ['/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE="ANSI" */', 'ansi_quotes  on'],
    ['set sql_mode = @old', 'ansi_quotes '],
    ["set global sql_mode = 'ANSI_QUOTES'", ''],
    ["set @@global.sql_mode = 'ANSI_QUOTES'", ''],
    ["set @a = 'sql_mode'", ''],
    ["prepare P from 'call x()'", 'prepares p on'],
    ["prepare p from 'select 1'", 'prepares p'],
    ['prepare p from @text', ''],
    ['deallocate prepare p', 'deallocates p'],
    ['drop prepare p', 'deallocates p'],
    ['drop table t', ''],
    ['execute p', 'executes p'],
    ['execute q using @a', 'executes q on'],
    ["execute immediate ' call x()'", 'executes  on'],
    ["execute immediate 'select 1'", 'executes '],
  ];
  for (const [text, want] of texts) test(text, () => expect(first(text, false, ['q'])).toBe(want));

  test('an expression over the present mode', () => {
    expect(first("set sql_mode = concat(@@sql_mode, ',STRICT_ALL_TABLES')", true)).toBe('ansi_quotes  on');
    expect(first("set sql_mode = concat(@@sql_mode, ',STRICT_ALL_TABLES')", false)).toBe('ansi_quotes ');
    expect(first("set sql_mode = (select replace(@@sql_mode, 'ANSI_QUOTES', ''))", true)).toBe('ansi_quotes ');
  });

  test('several statements, each its own', () => {
    expect(effectsOf('use a; select 1; use b').map((found) => found?.name)).toEqual(['a', undefined, 'b']);
  });

  test('hostile texts take no time', () => {
    const before = performance.now();
    for (const text of [
      `use ${'/*'.repeat(2000)}`,
      `use ${'` `'.repeat(1500)}`,
      `prepare p from '${"\\'".repeat(2000)}`,
      `set ${','.repeat(4000)}`,
      `set sql_mode = ${'('.repeat(4000)}`,
      `execute ${' '.repeat(4000)}`,
    ])
      effectsOf(text);
    expect(performance.now() - before).toBeLessThan(500);
  });
});

test('sql_mode as the server writes it', () => {
  expect(hasAnsiQuotes('STRICT_TRANS_TABLES,ANSI_QUOTES,NO_ENGINE_SUBSTITUTION')).toBe(true);
  expect(hasAnsiQuotes('REAL_AS_FLOAT,PIPES_AS_CONCAT,ANSI_QUOTES,IGNORE_SPACE,ANSI')).toBe(true);
  expect(hasAnsiQuotes('STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION')).toBe(false);
  expect(hasAnsiQuotes('')).toBe(false);
});
