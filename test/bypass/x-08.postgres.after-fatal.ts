import { server } from '../../protocol-filters/postgres/testing/builders.ts';
import { batch, bind, extended, type PgRow, parse, query, scripted } from './support/postgres.ts';

const fatal = server.error('08P01', 'FATAL');
const touches = query('select 1 -- pay');

/** After FATAL nothing more leaves: the server may read a payload as messages. */
export const row: PgRow = {
  id: 'X-08',
  title: 'after a fatal error',
  rules: ['R1', 'R3'],
  cases: [
    scripted('between requests', [
      ['<', fatal],
      ['>', touches],
    ]),
    scripted('within a message', [
      ['>', batch(query('select 1'), bind().subarray(0, 6))],
      ['<', fatal],
      ['>', batch(bind().subarray(6), touches)],
    ]),
    scripted('in the middle of a batch', [
      ['>', extended('select 1').subarray(0, 20)],
      ['<', fatal],
      ['>', batch(extended('select 1').subarray(20), touches)],
    ]),
    scripted(
      'a batch that has failed fails again: no server says so',
      [
        ['>', parse('delete from pay')],
        ['<', server.error()],
        ['<', server.error()],
        ['>', touches],
      ],
      { closes: true },
    ),
    scripted('a batch that has failed, and then the session ends', [
      ['>', parse('delete from pay')],
      ['<', server.error()],
      ['<', fatal],
      ['>', touches],
    ]),
    scripted('PANIC', [
      ['<', server.error('XX000', 'PANIC')],
      ['>', touches],
    ]),
    scripted(
      'before the login',
      [
        ['>', query('delete from pay')],
        ['<', server.error('28000', 'FATAL')],
      ],
      { startup: null, closes: true },
    ),
  ],
};
