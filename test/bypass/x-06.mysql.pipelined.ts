import { client, server } from '../../protocol-filters/mysql/testing/builders.ts';
import { closes, deny, GUARD, type MysqlRow, no, ok, rules, yes } from './support/mysql.ts';

const fails =
  (...bytes: number[]) =>
  (command: Buffer) =>
    bytes.includes(command[0]!) ? server.err(1045, '28000', 'no') : null;
const granted = rules(
  { name: 'guard', action: 'deny', targets: ['forbidden', 'vault.*'] },
  { name: 'all', action: 'allow' },
  { name: 'change', action: 'allow', operations: ['change_user'] },
);
const never = (command: Buffer) => (command[0] === 0x11 || command[0] === 0x02 ? Buffer.alloc(0) : null);
const change = client.changeUser({ user: 'root', response: Buffer.alloc(0), database: 'vault' });
/** What comes behind a message that changes the meaning of others waits for the server's word. */
export const row: MysqlRow = {
  id: 'X-06',
  title: 'pipelined behind a change',
  rules: ['R8'],
  cases: [
    {
      name: 'a database: it succeeds',
      policies: GUARD,
      says: [ok(client.initDb('vault')), deny('delete from t'), yes('select 1')],
      hidden: /delete/,
    },
    {
      name: 'a database: it fails',
      policies: GUARD,
      login: { database: 'vault' },
      answers: fails(0x02),
      notReal: 'scripted',
      says: [ok(client.initDb('shop')), deny('delete from t'), yes('select 1')],
      hidden: /delete/,
    },
    {
      name: 'a database: never answered',
      policies: GUARD,
      login: { database: 'vault' },
      answers: never,
      notReal: 'scripted',
      says: [
        { fate: 'mute', bytes: client.initDb('shop') },
        { fate: 'mute', bytes: client.query('delete from t') },
      ],
      hidden: /delete/,
    },
    {
      name: 'a user: never answered',
      policies: granted,
      answers: never,
      notReal: 'scripted',
      says: [
        { fate: 'mute', bytes: change },
        { fate: 'mute', bytes: client.query('delete from t') },
      ],
      hidden: /delete/,
    },
    {
      name: 'a user: it succeeds',
      notReal: 'the server asks for a password',
      policies: granted,
      says: [ok(change), deny('delete from t'), yes('select 1')],
      hidden: /delete/,
    },
    {
      name: 'a user: the server asks, and a query comes',
      policies: granted,
      answers: (command) => (command[0] === 0x11 ? server.authSwitch('mysql_native_password') : null),
      notReal: 'scripted',
      says: [ok(change), closes(client.query('delete from t'))],
      hidden: /delete/,
    },
    {
      name: 'how text reads',
      policies: GUARD,
      says: [
        yes("set sql_mode = 'NO_BACKSLASH_ESCAPES'"),
        deny("select '\\' from forbidden -- '"),
        yes("set sql_mode = ''"),
        deny("select '\\'' from forbidden"),
      ],
    },
    {
      name: 'a name of SQL’s PREPARE',
      policies: GUARD,
      says: [
        yes("prepare s from 'select 1'"),
        yes('execute s'),
        deny("prepare s from 'delete from forbidden'"),
        yes('execute s'),
      ],
    },
    {
      name: 'a statement and its execution',
      notReal: 'the number is the server’s',
      policies: GUARD,
      says: [
        ok(client.prepare('select 1')),
        ok(client.execute(1)),
        no(client.prepare('delete from forbidden')),
        no(client.execute(2)),
      ],
    },
    {
      name: 'a reset',
      policies: GUARD,
      says: [yes("prepare s from 'select 1'"), ok(client.resetConnection()), deny('execute s')],
      hidden: /execute s/i,
    },
    {
      name: 'a login',
      policies: GUARD,
      says: [],
      opens: Buffer.concat([
        client.login41({ user: 'open', response: Buffer.alloc(0) }),
        client.query('delete from forbidden'),
      ]),
    },
  ],
};
