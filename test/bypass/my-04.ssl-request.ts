import { CAPABILITIES, client } from '../../protocol-filters/mysql/testing/builders.ts';
import { Capability as C } from '../../protocol-filters/mysql/wire.ts';
import { GUARD, type MysqlRow } from './support/mysql.ts';

const greeting = { capabilities: CAPABILITIES | C.ssl };
const login = client.login41({ user: 'open', response: Buffer.alloc(0) });
/** TLS is not offered where it is not terminated; who asks for it all the same is sent away, and nothing behind it is read. */
export const row: MysqlRow = {
  id: 'MY-04',
  title: 'SSL request',
  rules: ['R3', 'R5'],
  cases: [
    {
      name: 'alone',
      policies: GUARD,
      greeting,
      says: [],
      opens: client.ssl(),
      notReal: 'the server of this test has no certificate',
    },
    {
      name: 'and a query in clear behind it',
      policies: GUARD,
      greeting,
      says: [],
      opens: Buffer.concat([client.ssl(), client.query('select * from forbidden')]),
      notReal: 'the server of this test has no certificate',
    },
    {
      name: 'and a login in clear behind it',
      policies: GUARD,
      greeting,
      says: [],
      opens: Buffer.concat([
        client.ssl(),
        client.login41({ user: 'open' }, 2),
        client.query('select * from forbidden'),
      ]),
      notReal: 'the server of this test has no certificate',
    },
    {
      name: 'and a ClientHello behind it',
      policies: GUARD,
      greeting,
      says: [],
      opens: Buffer.concat([client.ssl(), Buffer.from('16030100050100000103', 'hex')]),
      notReal: 'the server of this test has no certificate',
    },
    {
      name: 'a login that claims TLS',
      policies: GUARD,
      greeting,
      says: [],
      opens: client.login41({ user: 'open', capabilities: CAPABILITIES | C.ssl }),
      notReal: 'the server of this test has no certificate',
    },
    {
      name: 'twice',
      policies: GUARD,
      greeting,
      says: [],
      opens: Buffer.concat([
        client.ssl(),
        client.ssl(CAPABILITIES | C.ssl, 2),
        login,
        client.query('select * from forbidden'),
      ]),
      notReal: 'the server of this test has no certificate',
    },
    {
      name: 'of a server that never offered it: a login that is cut short',
      policies: GUARD,
      says: [],
      opens: Buffer.concat([client.ssl(), client.query('select * from forbidden')]),
    },
  ],
};
