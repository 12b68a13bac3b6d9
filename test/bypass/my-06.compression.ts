import { deflateSync } from 'node:zlib';
import { CAPABILITIES, client } from '../../protocol-filters/mysql/testing/builders.ts';
import { Capability as C } from '../../protocol-filters/mysql/wire.ts';
import { deny, GUARD, type MysqlRow, yes } from './support/mysql.ts';

const frame = (plain: Buffer, sequence = 0) => {
  const bytes = deflateSync(plain);
  const head = Buffer.alloc(7);
  head.writeUIntLE(bytes.length, 0, 3);
  head[3] = sequence;
  head.writeUIntLE(plain.length, 4, 3);
  return Buffer.concat([head, bytes]);
};
const login = (bit: number) =>
  client.login41({ user: 'open', response: Buffer.alloc(0), capabilities: CAPABILITIES | bit });
const offers = { capabilities: CAPABILITIES | C.compress | C.zstdCompressionAlgorithm };
/** Both compressions are taken from the greeting, and a login that claims one is sent away. */
export const row: MysqlRow = {
  id: 'MY-06',
  title: 'compression',
  rules: ['R5'],
  cases: [
    { name: 'zlib is claimed', policies: GUARD, greeting: offers, says: [], opens: login(C.compress) },
    {
      name: 'zlib is claimed, and spoken at once',
      policies: GUARD,
      greeting: offers,
      says: [],
      opens: Buffer.concat([login(C.compress), frame(client.query('select * from forbidden'))]),
    },
    {
      name: 'zstd is claimed',
      policies: GUARD,
      greeting: offers,
      says: [],
      opens: login(C.zstdCompressionAlgorithm),
      notReal: 'MariaDB does not offer it',
    },
    {
      name: 'both are claimed',
      policies: GUARD,
      greeting: offers,
      says: [],
      opens: login(C.compress | C.zstdCompressionAlgorithm),
    },
    {
      name: 'of a server that does not offer it: claimed and not used',
      policies: GUARD,
      login: { capabilities: CAPABILITIES | C.compress },
      notReal: 'MariaDB offers it',
      says: [yes('select 1'), deny('select * from forbidden')],
    },
    {
      name: 'spoken without being agreed on',
      notReal: 'the packet that it is taken for',
      policies: GUARD,
      says: [yes('select 1'), { fate: 'closes', bytes: frame(client.query('delete from forbidden')) }],
    },
    {
      name: 'a stored frame without being agreed on',
      policies: GUARD,
      says: [
        yes('select 1'),
        {
          fate: 'closes',
          bytes: Buffer.concat([Buffer.from('1a000001000000', 'hex'), client.query('delete from forbidden')]),
        },
      ],
    },
  ],
};
