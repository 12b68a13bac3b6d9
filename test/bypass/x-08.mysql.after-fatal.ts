import { client, server } from '../../protocol-filters/mysql/testing/builders.ts';
import { GUARD, type MysqlCase, type MysqlRow } from './support/mysql.ts';

const touches = client.query('delete from forbidden');
const killed = server.err(1927, '70100', 'Connection was killed', 0);
const tooLong = server.err(4031, 'HY000', 'The client was disconnected by the server because of inactivity', 0);
const login: NonNullable<MysqlCase['lines']> = [
  ['<', server.greeting()],
  ['>', client.login41({ user: 'open' })],
  ['<', server.ok({}, 2)],
];
const scripted = (name: string, lines: NonNullable<MysqlCase['lines']>, more: Partial<MysqlCase> = {}): MysqlCase => ({
  name,
  policies: GUARD,
  says: [],
  lines: [...login, ...lines],
  notReal: 'the server says when it ends',
  ...more,
});

/** A server that has said that it ends reads nothing more: nothing more leaves, whatever is under way. */
export const row: MysqlRow = {
  id: 'X-08',
  title: 'after a fatal error',
  rules: ['R1', 'R3'],
  cases: [
    scripted('between commands', [
      ['<', killed],
      ['>', touches],
    ]),
    scripted('an allowed one behind it waits, too', [
      ['<', killed],
      ['>', client.query('select 1 /* forbidden */')],
    ]),
    ...[1, 4, 5, 12, touches.length - 1].map((at) =>
      scripted(`within a denied command, after ${at} bytes`, [
        ['>', touches.subarray(0, at)],
        ['<', tooLong],
        ['>', touches.subarray(at)],
      ]),
    ),
    scripted('within a denied command, and another behind it', [
      ['>', Buffer.concat([client.query('select 1'), touches.subarray(0, 9)])],
      ['<', Buffer.concat([server.ok(), tooLong])],
      ['>', Buffer.concat([touches.subarray(9), touches])],
    ]),
    scripted('in the middle of a prepared statement', [
      ['>', client.prepare('select 1').subarray(0, 8)],
      ['<', killed],
      ['>', Buffer.concat([client.prepare('select 1').subarray(8), touches])],
    ]),
    scripted('an error in the place of an answer ends nothing', [
      ['>', client.query('select 1')],
      ['<', server.err()],
      ['>', touches],
      ['<', server.ok()],
    ]),
    {
      ...scripted('before the login', []),
      lines: [
        ['<', server.err(1040, '08004', 'Too many connections', 0)],
        ['>', Buffer.concat([client.login41({ user: 'open' }), touches])],
      ],
    },
    {
      ...scripted('a login that is refused', []),
      lines: [
        ['<', server.greeting()],
        ['>', Buffer.concat([client.login41({ user: 'open' })])],
        ['<', server.err(1045, '28000', 'Access denied', 2)],
        ['>', touches],
      ],
    },
  ],
};
