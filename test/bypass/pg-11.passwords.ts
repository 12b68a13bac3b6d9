import { server } from '../../protocol-filters/postgres/testing/builders.ts';
import { batch, client, type PgRow, query, scripted, startup } from './support/postgres.ts';

const welcome = server.welcome();

/** `p` is four messages: each answers one question, and none opens the gate. */
export const row: PgRow = {
  id: 'PG-11',
  title: 'password messages',
  rules: ['R8', 'R13'],
  cases: [
    scripted(
      'SCRAM: a query between its messages',
      [
        ['>', startup()],
        ['<', server.authentication(10, Buffer.from('SCRAM-SHA-256\0\0'))],
        ['>', client.password('a')],
        ['>', query('table pay')],
        ['<', server.authentication(11)],
      ],
      { startup: null, closes: true },
    ),
    scripted(
      'behind SASLFinal, before AuthenticationOk',
      [
        ['>', startup()],
        ['<', server.authentication(10, Buffer.from('SCRAM-SHA-256\0\0'))],
        ['>', client.password('a')],
        ['<', server.authentication(12)],
        ['>', query('table pay')],
      ],
      { startup: null },
    ),
    scripted(
      'a second password in one segment',
      [
        ['>', startup()],
        ['<', server.authentication(3)],
        ['>', batch(client.password('a'), client.password('table pay'))],
        ['<', welcome],
      ],
      { startup: null, closes: true },
    ),
    scripted('a password in a session', [['>', client.password('table pay')]], { closes: true }),
    scripted(
      'an unfinished one before a query',
      [
        ['>', startup()],
        ['<', server.authentication(3)],
        ['>', batch(Buffer.from('p\0\0\0\x10ab'), query('table pay'))],
      ],
      { startup: null, closes: true, never: ['pay\0'] },
    ),
  ],
};
