import { Command } from '../../protocol-filters/mysql/commands.ts';
import { client, packet, server } from '../../protocol-filters/mysql/testing/builders.ts';
import { closes, GUARD, type MysqlCase, type MysqlRow } from './support/mysql.ts';

const commands = Object.entries(Command);
/** Every command in each state in which it is none. */
const cases: MysqlCase[] = [
  {
    name: 'every command in the login’s place',
    policies: GUARD,
    says: [],
    opens: Buffer.concat([
      ...commands.map(([, byte]) => packet(1, Buffer.of(byte), Buffer.from('forbidden'))),
      Buffer.alloc(64),
    ]),
  },
  ...commands.slice(0, 40).map(
    ([name, byte]): MysqlCase => ({
      name: `${name} behind the login that is not answered`,
      policies: GUARD,
      says: [],
      opens: Buffer.concat([
        client.login41({ user: 'open', response: Buffer.alloc(0) }),
        client.command(byte, Buffer.from('forbidden')),
      ]),
      notReal: 'the play has every cut',
    }),
  ),
  {
    name: 'a server’s packets from a client',
    policies: GUARD,
    says: [closes(Buffer.concat([server.ok(), server.err(), client.query('delete from forbidden')]))],
  },
  {
    name: 'an end of a file that nobody asked for',
    policies: GUARD,
    says: [closes(packet(2)), closes(client.query('delete from forbidden'))],
  },
];
export const row: MysqlRow = { id: 'X-12', title: 'states', rules: ['R4', 'R8'], cases };
