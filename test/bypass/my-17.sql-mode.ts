import { server } from '../../protocol-filters/mysql/testing/builders.ts';
import { deny, GUARD, LIST, type MysqlRow, yes } from './support/mysql.ts';

const mysql8 = { version: '8.0.36' };
const notReal = 'not MySQL';
/** How text reads follows what the server has said; where nobody has, a text must say the same both ways. */
export const row: MysqlRow = {
  id: 'MY-17',
  title: 'sql_mode',
  rules: ['R6', 'R8'],
  cases: [
    {
      name: 'ANSI_QUOTES makes names of strings',
      policies: GUARD,
      says: [yes("set sql_mode = 'ANSI_QUOTES'"), deny('select * from "forbidden"'), yes('select 1')],
    },
    {
      name: 'ANSI_QUOTES by a number',
      policies: GUARD,
      says: [yes('set sql_mode = 4'), deny('select * from "forbidden"'), yes('select 1')],
    },
    {
      name: 'ANSI, which holds it',
      policies: GUARD,
      says: [yes("set session sql_mode = 'ansi'"), deny('delete from "forbidden"'), yes('select 1')],
    },
    {
      name: 'NO_BACKSLASH_ESCAPES ends a string earlier',
      policies: GUARD,
      says: [yes("set sql_mode = 'NO_BACKSLASH_ESCAPES'"), deny("select '\\' from forbidden -- '"), yes('select 1')],
    },
    {
      name: 'without it the string goes on',
      policies: GUARD,
      says: [deny("select '\\'' from forbidden"), yes('select 1')],
    },
    {
      name: 'changed and used in one text',
      policies: GUARD,
      says: [deny('set sql_mode = \'ANSI_QUOTES\'; select * from "forbidden"'), yes('select 1')],
    },
    {
      name: 'changed back and used in one text',
      policies: GUARD,
      says: [
        yes("set sql_mode = 'NO_BACKSLASH_ESCAPES'"),
        deny("set sql_mode = ''; select '\\' from forbidden -- '"),
        yes('select 1'),
      ],
    },
    {
      name: 'by a variable: quotes may be either',
      policies: GUARD,
      says: [yes("set @m = 'ANSI_QUOTES'"), yes('set sql_mode = @m'), deny('delete from "forbidden"'), yes('select 1')],
    },
    {
      name: 'by an expression',
      policies: GUARD,
      says: [yes("set sql_mode = concat('ANSI', '_QUOTES')"), deny('delete from "forbidden"'), yes('select 1')],
    },
    {
      name: 'by an allow list nothing may make it unknown',
      policies: LIST,
      says: [deny('set sql_mode = @m'), yes('select * from t')],
      hidden: /sql_mode/,
    },
    {
      name: 'an allow list lets frameworks add and take away what changes no reading',
      policies: LIST,
      says: [
        yes("SET @@SESSION.sql_mode = CONCAT(@@sql_mode, ',STRICT_ALL_TABLES'), @@SESSION.wait_timeout = 2147483"),
        yes("set sql_mode = concat(concat(@@session.sql_mode, ',STRICT_ALL_TABLES'), ',NO_AUTO_VALUE_ON_ZERO')"),
        yes("set session sql_mode = replace(@@sql_mode, 'ONLY_FULL_GROUP_BY', '')"),
        yes(
          "set autocommit=1, session_track_schema=1, session_track_system_variables='autocommit', sql_mode = concat(@@sql_mode,',STRICT_TRANS_TABLES')",
        ),
        yes('select * from t'),
      ],
    },
    {
      name: 'an allow list refuses what is added so that it changes the reading',
      policies: LIST,
      hidden: /sql_mode/i,
      says: [
        deny("set sql_mode = concat(@@sql_mode, ',ANSI_QUOTES')"),
        deny("set sql_mode = concat(@@sql_mode, ',ANSI', '_QUOTES')"),
        deny("set sql_mode = concat(@@sql_mode, ',', 'ANSI')"),
        deny("set sql_mode = concat(@@global.sql_mode, ',STRICT_ALL_TABLES')"),
        deny("set sql_mode = concat(@@sql_mode, ',STRICT_ALL_TABLES', @m)"),
        deny("set sql_mode = replace(@@sql_mode, 'NO_BACKSLASH_ESCAPES', '')"),
        deny("set sql_mode = replace(@@sql_mode, 'NO_ZERO_DATE', 'ANSI')"),
        deny("set sql_mode = 4, sql_mode = concat(@@sql_mode, ',STRICT_ALL_TABLES')"),
        deny('set sql_mode = @@sql_mode | 4'),
        yes('select * from t'),
      ],
    },
    {
      name: 'ANSI_QUOTES behind an addition in the same SET',
      policies: GUARD,
      says: [
        yes("set sql_mode = concat(@@sql_mode, ',STRICT_ALL_TABLES'), sql_mode = 'ANSI_QUOTES'"),
        deny('select * from "forbidden"'),
        yes("set sql_mode = concat(@@sql_mode, ',STRICT_ALL_TABLES')"),
        deny('select * from "forbidden"'),
        yes('select 1'),
      ],
    },
    {
      name: 'MySQL does not tell: a text that reads in two ways',
      policies: GUARD,
      greeting: mysql8,
      notReal,
      says: [
        deny('select "\\" from t where b = "" union select * from forbidden -- "'),
        deny('select * from "forbidden"'),
        yes('select "x" from t'),
      ],
    },
    {
      name: 'MySQL does not tell: a string with a backslash at its end',
      policies: GUARD,
      greeting: mysql8,
      notReal,
      says: [deny('select "a\\", a from forbidden, "x"'), yes('select 1')],
    },
    {
      name: 'by a text that was prepared',
      policies: GUARD,
      says: [
        yes("prepare s from 'set sql_mode = 4'"),
        yes('execute s'),
        deny('delete from "forbidden"'),
        yes('select 1'),
      ],
    },
    {
      name: 'by EXECUTE IMMEDIATE',
      policies: GUARD,
      says: [yes("execute immediate 'set sql_mode = 4'"), deny('delete from "forbidden"'), yes('select 1')],
    },
    {
      name: 'refused by the server: as before',
      policies: GUARD,
      answers: (command) => (command.includes('sql_mode') ? server.err(1231, '42000', 'no') : null),
      notReal: 'the real one takes it',
      says: [yes("set sql_mode = 'NO_BACKSLASH_ESCAPES'"), deny("select '\\'' from forbidden"), yes('select 1')],
    },
    {
      name: 'brackets of MSSQL',
      policies: GUARD,
      says: [yes("set sql_mode = 'MSSQL'"), deny("select [a'] from [forbidden] -- '"), yes('select 1')],
    },
    {
      name: 'Oracle’s blocks',
      policies: GUARD,
      says: [
        yes("set sql_mode = 'ORACLE'"),
        deny('begin delete from forbidden; end'),
        deny('declare a int; begin delete from forbidden; end'),
      ],
    },
  ],
};
