import { CAPABILITIES, client, packet, server } from '../../protocol-filters/mysql/testing/builders.ts';
import { Capability as C } from '../../protocol-filters/mysql/wire.ts';
import { closes, type MysqlRow, ok, rules, yes } from './support/mysql.ts';

const file = (text: string, sequence = 2) => packet(sequence, Buffer.from(text));
const allowed = rules({ name: 'guard', action: 'deny', targets: ['forbidden', 'vault.*'] });
const options = { local_infile: 'allow' } as const;
/** A file is data, whatever its bytes look like; nobody asks for one but LOAD DATA LOCAL; by default no server may. */
export const row: MysqlRow = {
  id: 'MY-09',
  title: 'local files',
  rules: ['R5', 'R6'],
  cases: [
    {
      name: 'into a table that nobody may touch',
      policies: allowed,
      options,
      says: [
        yes('select 1'),
        { fate: 'denied', bytes: client.query("load data local infile 'x' into table forbidden") },
        yes('select 2'),
      ],
    },
    {
      name: 'the capability is taken from both sides',
      policies: allowed,
      greeting: { capabilities: CAPABILITIES | C.localFiles },
      says: [ok(client.query("load data local infile 'x' into table t"))],
      notReal: 'the real one says that it is not allowed',
    },
    {
      name: 'a server that asks for a file after a SELECT',
      policies: allowed,
      options,
      says: [ok(client.query('select 1')), closes(file('forbidden'))],
      answers: () => server.infile('/etc/passwd'),
      serverCloses: true,
      notReal: 'a rogue server',
    },
    {
      name: 'a command that was sent ahead',
      policies: allowed,
      options,
      answers: (command) => (command.includes('local') ? server.infile('x') : null),
      says: [
        ok(client.query("load data local infile 'x' into table t")),
        closes(client.query('delete from forbidden')),
      ],
      notReal: 'the real one waits for the file',
    },
    {
      name: 'as one of several statements',
      policies: allowed,
      options,
      says: [{ fate: 'denied', bytes: client.query("select 1; load data local infile 'x' into table forbidden") }],
    },
  ],
};
