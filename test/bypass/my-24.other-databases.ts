import { alsoListed, denies, deny, LIST, type MysqlRow, rules, yes } from './support/mysql.ts';

/** Rules are about the tables that are named, whatever database a login asked for. */
export const row: MysqlRow = {
  id: 'MY-24',
  title: 'other databases',
  rules: ['R7'],
  cases: [
    ...alsoListed(
      denies({
        'a table of another one': 'select * from vault.t',
        joined: 'select * from t join vault.t as v on 1',
        written: 'insert into vault.t values (2)',
        'in a query inside': 'select (select a from vault.t)',
        created: 'create table vault.x (a int)',
        'its columns': 'show columns from vault.t',
        'its tables': 'show tables from vault',
        'a procedure': 'call vault.p()',
      }),
    ),
    {
      name: 'by the database of the session',
      policies: rules({
        name: 'list',
        action: 'allow',
        databases: ['shop'],
        operations: ['select'],
        targets: ['shop.*'],
      }),
      says: [
        yes('select * from t'),
        deny('select * from vault.t'),
        yes('use vault'),
        deny('select * from t'),
        deny('select * from shop.t'),
      ],
      hidden: /from vault|Query\tselect \* from shop/,
    },
    {
      name: 'information_schema',
      policies: LIST,
      says: [
        deny('select * from information_schema.tables'),
        deny('select * from mysql.user'),
        deny('select * from performance_schema.threads'),
      ],
      hidden: /from (?:information|mysql|performance)/,
    },
  ],
};
