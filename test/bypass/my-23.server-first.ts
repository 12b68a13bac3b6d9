import { client } from '../../protocol-filters/mysql/testing/builders.ts';
import { GUARD, type MysqlRow } from './support/mysql.ts';

const login = () => client.login41({ user: 'open', response: Buffer.alloc(0) });
/** The server speaks first: whoever is faster, or says more than a login, is no client. */
export const row: MysqlRow = {
  id: 'MY-23',
  title: 'server first',
  rules: ['R3', 'R8'],
  cases: [
    { name: 'a query in the login’s place', policies: GUARD, says: [], opens: client.query('select * from forbidden') },
    {
      name: 'a query in the login’s place, with its id',
      policies: GUARD,
      says: [],
      opens: client.command(0x03, Buffer.from('select * from forbidden')).fill(1, 3, 4),
    },
    {
      name: 'a login and a query behind it',
      policies: GUARD,
      says: [],
      opens: Buffer.concat([login(), client.query('select * from forbidden')]),
    },
    {
      name: 'two logins',
      policies: GUARD,
      says: [],
      opens: Buffer.concat([login(), login(), client.query('select * from forbidden')]),
    },
    { name: 'a login with another id', policies: GUARD, says: [], opens: client.login41({ user: 'open' }, 0) },
    {
      name: 'a login, and an answer that nobody asked for',
      policies: GUARD,
      says: [],
      opens: Buffer.concat([login(), client.auth(Buffer.from('x'), 3), client.query('select * from forbidden')]),
    },
  ],
};
