import { client, server } from '../../protocol-filters/mysql/testing/builders.ts';
import { deny, GUARD, LIST, type MysqlRow, no, ok, yes } from './support/mysql.ts';

const fails = (command: Buffer) =>
  command[0] === 0x02 || command.includes('use ') ? server.err(1049, '42000', 'Unknown database') : null;
/** Which database a name belongs to: the one that the server has confirmed. */
export const row: MysqlRow = {
  id: 'MY-12',
  title: 'databases',
  rules: ['R7', 'R8'],
  cases: [
    {
      name: 'COM_INIT_DB, and a name without one',
      policies: GUARD,
      says: [ok(client.initDb('vault')), deny('select * from t'), yes('select 1')],
      hidden: /from t/,
    },
    {
      name: 'USE, and a name without one',
      policies: GUARD,
      says: [yes('use vault'), deny('select * from t'), yes('select 1')],
      hidden: /from t/,
    },
    {
      name: 'USE in the same text',
      policies: GUARD,
      says: [deny('use vault; select * from t'), yes('select * from t')],
      hidden: /vault/,
    },
    {
      name: 'USE and back in the same text',
      policies: GUARD,
      says: [yes('use vault; use shop; select * from t')],
      hidden: /from vault/,
    },
    {
      name: 'a USE that fails leaves where one was',
      policies: GUARD,
      login: { database: 'vault' },
      answers: fails,
      notReal: 'the real one knows the database',
      says: [yes('use shop'), deny('select * from t'), yes('select 1')],
      hidden: /from t/,
    },
    {
      name: 'a COM_INIT_DB that fails leaves where one was',
      policies: GUARD,
      login: { database: 'vault' },
      answers: fails,
      notReal: 'the real one knows the database',
      says: [ok(client.initDb('shop')), deny('select * from t'), yes('select 1')],
      hidden: /from t/,
    },
    {
      name: 'the database of the login',
      policies: GUARD,
      login: { database: 'vault' },
      says: [deny('select * from t'), yes('select 1')],
      hidden: /from t/,
    },
    {
      name: 'of a statement that was prepared there',
      notReal: 'the number is the server’s',
      policies: GUARD,
      login: { database: 'vault' },
      says: [
        yes('use shop'),
        ok(client.prepare('select * from t')),
        yes('use vault'),
        ok(client.execute(1)),
        deny('select * from t'),
      ],
      hidden: /Query\tselect \* from t/,
    },
    {
      name: 'no database at all: an allow list needs to know it',
      policies: LIST,
      login: { database: 'information_schema' },
      says: [deny('select * from t'), yes('select 1')],
      hidden: /from t/,
    },
    {
      name: 'pipelined',
      policies: GUARD,
      says: [
        ok(client.initDb('vault')),
        no(client.query('delete from t')),
        ok(client.initDb('shop')),
        yes('select * from t'),
        ok(client.initDb('vault')),
        no(client.query('delete from t')),
      ],
      hidden: /delete from t/,
    },
  ],
};
