import { alsoListed, denies, deny, GUARD, type MysqlRow, yes } from './support/mysql.ts';

/** SQL's PREPARE of a literal is read; of a variable it is code. */
export const row: MysqlRow = {
  id: 'MY-14',
  title: 'text prepare',
  rules: ['R7'],
  cases: [
    ...alsoListed(
      denies({
        'of a literal': "prepare s from 'delete from forbidden'",
        'in double quotes': 'prepare s from "delete from forbidden"',
        'of strings side by side': "prepare s from 'delete from' ' forbidden'",
        'of a literal with a doubled quote': "prepare s from 'delete from forbidden where a = ''x'''",
        'with escapes': "prepare s from 'delete from for\\bidden'",
        'behind a comment': "prepare /* x */ s from/**/'delete from forbidden'",
        'in a comment that is code': "/*! prepare s from 'delete from forbidden' */",
        'of a variable': 'prepare s from @forbidden',
        'of an expression': "prepare s from concat('delete from ', 'forbidden')",
        'of hex': "prepare s from x'64656c6574652066726f6d20666f7262696464656e'",
        'of an introduced string': "prepare s from _utf8'delete from forbidden'",
        'execute immediate': "execute immediate 'delete from forbidden'",
        'execute immediate of a variable': 'execute immediate @forbidden',
        'execute immediate of an expression': "execute immediate concat('delete from ', 'forbidden')",
        'a name that was never given': 'execute forbidden',
        'set statement for': 'set statement max_statement_time = 10 for delete from forbidden',
        'set statement for, behind a comment':
          'set statement max_statement_time = 10 for /* x */ delete from forbidden',
        'set statement for execute immediate':
          "set statement max_statement_time = 10 for execute immediate 'delete from forbidden'",
        'set statement that changes how its text reads':
          "set statement sql_mode = 'ANSI_QUOTES' for execute immediate 'delete from forbidden'",
        'prepare of a prepare': "prepare s from 'prepare q from ''delete from forbidden'''",
      }),
    ),
    {
      name: 'a name that got another meaning',
      policies: GUARD,
      says: [
        yes("prepare s from 'select 1'"),
        yes('execute s'),
        deny("prepare s from 'delete from forbidden'"),
        yes('execute s'),
      ],
    },
    {
      name: 'in one text',
      policies: GUARD,
      says: [deny("prepare s from 'select 1'; prepare s from 'delete from forbidden'; execute s"), yes('select 1')],
    },
    {
      name: 'given and run in one text',
      policies: GUARD,
      says: [yes("prepare s from 'select 1'; execute s; deallocate prepare s"), deny('execute s')],
      hidden: /forbidden/,
    },
    { name: 'a name in another case', policies: GUARD, says: [yes("prepare S from 'select 1'"), yes('execute s')] },
    {
      name: 'deallocated',
      policies: GUARD,
      says: [yes("prepare s from 'select 1'"), yes('deallocate prepare s'), deny('execute s')],
      hidden: /forbidden/,
    },
    {
      name: 'in another database',
      policies: GUARD,
      login: { database: 'vault' },
      says: [
        deny("prepare s from 'select * from t'"),
        yes('use shop'),
        yes("prepare s from 'select * from t'"),
        yes('execute s'),
      ],
      hidden: /forbidden/,
    },
  ],
};
