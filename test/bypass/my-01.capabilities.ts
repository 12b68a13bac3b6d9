import { CAPABILITIES, client, packet, u16, u32, zeros } from '../../protocol-filters/mysql/testing/builders.ts';
import { Capability as C } from '../../protocol-filters/mysql/wire.ts';
import { closes, GUARD, type MysqlRow, no, yes } from './support/mysql.ts';

const opening = (capabilities: number) => client.login41({ user: 'open', response: Buffer.alloc(0), capabilities });
/** What counts is what both sides have; what was taken from the offer closes a connection that uses it all the same. */
export const row: MysqlRow = {
  id: 'MY-01',
  title: 'capabilities',
  rules: ['R4', 'R5'],
  cases: [
    {
      name: 'a login of before 4.1',
      policies: GUARD,
      says: [],
      opens: Buffer.concat([client.login320('open', 'shop'), client.query('select * from forbidden')]),
    },
    {
      name: 'a login of 4.1 without the flag',
      policies: GUARD,
      says: [],
      opens: Buffer.concat([opening(CAPABILITIES & ~C.protocol41), client.query('select * from forbidden')]),
    },
    {
      name: 'the flag of what is yet to come',
      policies: GUARD,
      says: [],
      greeting: { capabilities: CAPABILITIES | C.capabilityExtension },
      notReal: 'MariaDB does not offer it',
      opens: Buffer.concat([opening(CAPABILITIES | C.capabilityExtension), client.query('select * from forbidden')]),
    },
    {
      name: 'a login that is cut off by its own length',
      policies: GUARD,
      says: [],
      opens: Buffer.concat([packet(1, u32(CAPABILITIES), u16(1)), client.query('select * from forbidden')]),
    },
    {
      name: 'bytes behind the end of the login',
      policies: GUARD,
      says: [],
      opens: Buffer.concat([
        packet(1, client.login41({ user: 'open', response: Buffer.alloc(0) }).subarray(4), zeros(3)),
        client.query('select * from forbidden'),
      ]),
    },
    {
      name: 'a server that offers less than the client claims',
      policies: GUARD,
      greeting: { capabilities: CAPABILITIES & ~(C.deprecateEof | C.sessionTrack) },
      notReal: 'MariaDB offers them',
      says: [yes('select 1'), no(client.query('select * from forbidden')), yes('select 2')],
    },
    {
      name: 'without DEPRECATE_EOF',
      policies: GUARD,
      login: { capabilities: CAPABILITIES & ~C.deprecateEof },
      says: [yes('select 1'), no(client.query('select * from forbidden')), yes('select 2')],
    },
    {
      name: 'without SESSION_TRACK',
      policies: GUARD,
      login: { capabilities: CAPABILITIES & ~C.sessionTrack },
      says: [yes('use shop'), no(client.query('select * from forbidden')), yes('select 2')],
    },
    {
      name: 'closed by what it says next',
      policies: GUARD,
      says: [yes('select 1'), closes(packet(3, Buffer.from('\x03select * from forbidden')))],
    },
  ],
};
