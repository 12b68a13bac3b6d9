import { describe, expect, test } from 'vitest';
import type { MysqlSqlMode } from '../../src/exchange/digest.ts';
import { cpuMs } from '../../test/support/cpu-time.ts';
import { digests } from '../../test/support/filter-env.ts';
import { type Effect, effectOf, hasAnsiQuotes } from './effects.ts';

const MODE: MysqlSqlMode = {
  dialect: 'mysql',
  ansiQuotes: false,
  noBackslashEscapes: false,
  flavour: 'mariadb',
  version: 101_119,
};

/** The effects of a text's statements. */
function effectsOf(text: string, ansiQuotes = false): (Effect | null)[] {
  const buf = Buffer.from(`..${text}..`);
  const reading = digests.read(MODE, buf, 2, buf.length - 2);
  return reading.statements
    .slice(0, reading.count)
    .map(({ digest, start, end }) => effectOf(digest, buf, start, end, ansiQuotes));
}
const first = (text: string, now = false): string => {
  const found = effectsOf(text, now)[0];
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
    ["set sql_mode = 'ANSI_QUOTES'", 'settings  on'],
    ["set session sql_mode='strict_all_tables,ansi'", 'settings  on'],
    ["SET @@session.sql_mode := 'ORACLE'", 'settings  on'],
    ["set @@local.sql_mode = ''", 'settings '],
    ['set sql_mode = default', 'settings '],
    ['set sql_mode = ansi_quotes', 'settings  on'],
    ['set sql_mode = 4', 'settings  on'],
    ['set sql_mode = 2097152', 'settings '],
    ["set names utf8mb4, sql_mode = 'ANSI'", 'settings utf8mb4 on'],
    ['set names GBK', 'settings gbk'],
    ["set names 'sjis' collate 'sjis_bin'", 'settings sjis'],
    ['SET CHARACTER SET big5', 'settings big5'],
    ['set charset default', 'settings default'],
    ['set @@session.character_set_client = cp932, autocommit = 0', 'settings cp932'],
    ['set character_set_client = @old', 'settings @old'],
    ['set character_set_results = gbk', ''],
    ["set sql_mode = concat(@@sql_mode, ',ANSI_QUOTES')", 'settings  on'],
    ["set @old = @@sql_mode, sql_mode = 'NO_ZERO_DATE'", 'settings '],
    ['/*!40101 SET @OLD_SQL_MODE=@@SQL_MODE, SQL_MODE="ANSI" */', 'settings  on'],
    ['set sql_mode = @old', 'settings '],
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
    ['execute q using @a', 'executes q'],
    ["execute immediate ' call x()'", 'executes  on'],
    ["execute immediate 'select 1'", 'executes '],
  ];
  for (const [text, want] of texts) test(text, () => expect(first(text)).toBe(want));

  test('an expression over the present mode', () => {
    expect(first("set sql_mode = concat(@@sql_mode, ',STRICT_ALL_TABLES')", true)).toBe('settings  on');
    expect(first("set sql_mode = concat(@@sql_mode, ',STRICT_ALL_TABLES')", false)).toBe('settings ');
    expect(first("set sql_mode = (select replace(@@sql_mode, 'ANSI_QUOTES', ''))", true)).toBe('settings ');
  });

  test('several statements, each its own', () => {
    expect(effectsOf('use a; select 1; use b').map((found) => found?.name)).toEqual(['a', undefined, 'b']);
  });

  test('hostile texts take no time', () => {
    const before = cpuMs();
    for (const text of [
      `use ${'/*'.repeat(2000)}`,
      `use ${'` `'.repeat(1500)}`,
      `prepare p from '${"\\'".repeat(2000)}`,
      `set ${','.repeat(4000)}`,
      `set sql_mode = ${'('.repeat(4000)}`,
      `execute ${' '.repeat(4000)}`,
    ])
      effectsOf(text);
    expect(cpuMs() - before).toBeLessThan(500);
  });
});

test('sql_mode as the server writes it', () => {
  expect(hasAnsiQuotes('STRICT_TRANS_TABLES,ANSI_QUOTES,NO_ENGINE_SUBSTITUTION')).toBe(true);
  expect(hasAnsiQuotes('REAL_AS_FLOAT,PIPES_AS_CONCAT,ANSI_QUOTES,IGNORE_SPACE,ANSI')).toBe(true);
  expect(hasAnsiQuotes('STRICT_TRANS_TABLES,NO_ENGINE_SUBSTITUTION')).toBe(false);
  expect(hasAnsiQuotes('')).toBe(false);
});
