import { client } from '../../protocol-filters/mysql/testing/builders.ts';
import { GUARD, type MysqlRow, mute, no, yes } from './support/mysql.ts';

/** What is held when a client ends is not sent. */
export const row: MysqlRow = {
  id: 'X-09',
  title: 'half-close',
  rules: ['R1'],
  cases: [
    {
      name: 'half a message',
      policies: GUARD,
      says: [yes('select 1'), mute(client.query('delete from forbidden').subarray(0, 20))],
      notReal: 'COM_QUIT would be a part of it',
    },
    {
      name: 'a header alone',
      policies: GUARD,
      says: [yes('select 1'), mute(client.query('delete from forbidden').subarray(0, 4))],
      notReal: 'COM_QUIT would be a part of it',
    },
    {
      name: 'behind a denial',
      policies: GUARD,
      says: [no(client.query('delete from forbidden')), mute(client.query('delete from forbidden').subarray(0, 24))],
      notReal: 'COM_QUIT would be a part of it',
    },
    { name: 'whole messages', policies: GUARD, says: [yes('select 1'), no(client.query('delete from forbidden'))] },
  ],
};
