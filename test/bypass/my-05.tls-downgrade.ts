import { CAPABILITIES, client, server } from '../../protocol-filters/mysql/testing/builders.ts';
import { Capability as C } from '../../protocol-filters/mysql/wire.ts';
import { GUARD, type MysqlCase, type MysqlRow, yes } from './support/mysql.ts';

const CLEAR = CAPABILITIES & ~C.localFiles;
const offers = CLEAR | C.ssl;
const plain = server.greeting({ capabilities: CLEAR });
const login = client.login41({ user: 'open' });
const lines = (name: string, said: NonNullable<MysqlCase['lines']>, more: Partial<MysqlCase> = {}): MysqlCase => ({
  name,
  policies: GUARD,
  says: [],
  lines: said,
  notReal: 'tls-downgrade-mysql.test.ts asks real clients',
  ...more,
});

/**
 * Sluice speaks no TLS to the server yet, so there is no leg of its own that could be downgraded. What can be: the client's.
 * Its bit is the only thing that leaves the greeting, openly (a warning, a counter, the guide); whoever insists on TLS is told so and
 * never goes on in clear.
 */
export const row: MysqlRow = {
  id: 'MY-05',
  title: 'TLS downgrade',
  rules: ['R5', 'R10'],
  cases: [
    lines(
      'of the greeting one bit is gone, and no byte has moved',
      [['<', server.greeting({ capabilities: offers })]],
      {
        hears: plain,
      },
    ),
    lines('a greeting without it passes as it is', [['<', plain]], { hears: plain }),
    lines(
      'a client that insists: nothing that it says leaves',
      [
        ['<', server.greeting({ capabilities: offers })],
        ['>', Buffer.concat([client.ssl(), login, client.query('delete from forbidden')])],
      ],
      { serverCloses: true, hidden: /open|forbidden/ },
    ),
    lines(
      'nor of one that the server never offered it to',
      [
        ['<', plain],
        ['>', Buffer.concat([client.ssl(), login, client.query('delete from forbidden')])],
      ],
      { serverCloses: true, hidden: /open|forbidden/ },
    ),
    lines(
      'a login in clear that claims TLS',
      [
        ['<', server.greeting({ capabilities: offers })],
        ['>', client.login41({ user: 'open', capabilities: offers })],
      ],
      { serverCloses: true, hidden: /open/ },
    ),
    {
      name: 'who does not ask for it is let in, and judged',
      policies: GUARD,
      greeting: { capabilities: offers },
      says: [yes('select 1')],
    },
  ],
};
