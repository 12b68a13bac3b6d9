import { client, server } from '../../protocol-filters/mysql/testing/builders.ts';
import { GUARD, type MysqlRow, no, ok, rules, yes } from './support/mysql.ts';

const change = (user = 'open') => client.changeUser({ user, response: Buffer.alloc(0) });
/** Anybody may become anybody else: the name is looked at, not the first one. */
const granted = rules(
  {
    name: 'all',
    action: 'allow',
    operations: ['select', 'insert', 'change_user', 'call'],
    targets: ['t', 'u', 'user=open', 'user=root'],
  },
  { name: 'root reads', action: 'allow', users: ['root'], operations: ['select'], targets: ['forbidden'] },
);
const refuses = (command: Buffer) => (command[0] === 0x11 ? server.err(1045, '28000', 'Access denied') : null);
/** Denied unless a policy says so; and who one is changes when the server says so. */
export const row: MysqlRow = {
  id: 'MY-11',
  title: 'change user',
  rules: ['R4', 'R8'],
  cases: [
    { name: 'denied where nobody allows it', policies: GUARD, says: [no(change()), yes('select 1')] },
    { name: 'to a user that is not allowed', policies: granted, says: [no(change('native')), yes('select 1')] },
    {
      name: 'a query behind it, as the new one',
      notReal: 'the server asks for a password',
      policies: granted,
      says: [ok(change('open')), no(client.query('select * from forbidden')), yes('select 1')],
    },
    {
      name: 'to root, whose rules let it read: then it is allowed',
      notReal: 'the server asks for a password',
      policies: granted,
      says: [no(client.query('select * from forbidden')), ok(change('root')), ok(client.query('select 1'))],
    },
    {
      name: 'from root: what it could read is gone',
      notReal: 'the server asks for a password',
      policies: granted,
      login: { user: 'root' },
      says: [ok(change('open')), no(client.query('select * from forbidden'))],
    },
    {
      name: 'refused by the server: still the old one',
      policies: granted,
      answers: refuses,
      notReal: 'a real one hangs up',
      says: [ok(change('root')), no(client.query('select * from forbidden')), yes('select 1')],
    },
    {
      name: 'statements of before it are gone',
      notReal: 'the server asks for a password',
      policies: granted,
      says: [ok(client.prepare('select * from t')), ok(change('open')), no(client.execute(1)), yes('select 1')],
      hidden: /Execute/,
    },
    {
      name: 'a packet for its dialogue that nobody asked for',
      policies: granted,
      says: [yes('select 1'), { fate: 'closes', bytes: client.auth(Buffer.from('x'), 3) }],
    },
  ],
};
