import { client, packet, server } from '../../protocol-filters/mysql/testing/builders.ts';
import { GUARD, type MysqlRow, no, yes } from './support/mysql.ts';

const twice = (command: Buffer) => (command.includes('select 1') ? Buffer.concat([server.ok(), server.ok()]) : null);
const none = (command: Buffer) => (command.includes('select 1') ? Buffer.alloc(0) : null);
const notReal = 'a hostile server';
const says = [yes('select 1'), no(client.query('delete from forbidden')), yes('select 2')];
/** A server that says more, less or other than it was asked. */
export const row: MysqlRow = {
  id: 'X-07',
  title: 'a hostile server',
  rules: ['R3', 'R9'],
  cases: [
    { name: 'two replies', policies: GUARD, says, answers: twice, serverCloses: true, notReal },
    {
      name: 'no reply',
      policies: GUARD,
      says: [yes('select 1'), { fate: 'mute', bytes: client.query('delete from forbidden') }],
      answers: none,
      notReal,
    },
    {
      name: 'rows for a ping',
      policies: GUARD,
      says: [yes('select 0'), no(client.query('delete from forbidden'))],
      answers: (command) => (command[0] === 0x0e ? server.result(['1']) : null),
      serverCloses: true,
      notReal,
    },
    {
      name: 'an error for a ping',
      policies: GUARD,
      says: [yes('select 0'), yes('select 3')],
      answers: (command) => (command[0] === 0x0e ? server.err(1927, '70100', 'killed') : null),
      notReal,
    },
    {
      name: 'noise',
      policies: GUARD,
      says,
      answers: () => packet(9, Buffer.from('noise')),
      serverCloses: true,
      notReal,
    },
  ],
};
