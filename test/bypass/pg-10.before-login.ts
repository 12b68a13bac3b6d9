import { server } from '../../protocol-filters/postgres/testing/builders.ts';
import { batch, client, closes, denies, extended, type PgRow, query, scripted, startup } from './support/postgres.ts';

const touches = query('delete from pay');

/** Nothing but an answer to the server's question passes before the server is ready. */
export const row: PgRow = {
  id: 'PG-10',
  title: 'messages before the login is over',
  rules: ['R1', 'R8', 'R13'],
  cases: [
    denies('a query in the startup segment waits, and is judged', batch(startup(), touches), {
      startup: null,
      answers: 2,
    }),
    denies('so does the extended protocol', batch(startup(), extended('delete from pay')), {
      startup: null,
      answers: 2,
    }),
    closes('a password that nobody asked for', batch(startup(), client.password('x'), touches), {
      startup: null,
      ready: undefined as unknown as string,
    }),
    scripted(
      'a query in the place of a password',
      [
        ['>', startup()],
        ['<', server.authentication(3)],
        ['>', touches],
      ],
      { startup: null, closes: true },
    ),
    scripted(
      'a query behind the password',
      [
        ['>', startup()],
        ['<', server.authentication(3)],
        ['>', batch(client.password('x'), touches)],
        ['<', server.authentication(11)],
      ],
      { startup: null, closes: true },
    ),
    scripted(
      'a query between AuthenticationOk and ReadyForQuery',
      [
        ['>', startup()],
        ['<', server.authenticationOk()],
        ['>', touches],
        ['<', server.parameter('client_encoding', 'UTF8')],
      ],
      { startup: null },
    ),
    scripted(
      'COPY data before the login',
      [
        ['>', startup()],
        ['>', client.copyData('pay')],
        ['<', server.authentication(3)],
      ],
      { startup: null, closes: true },
    ),
    scripted(
      'a second AuthenticationOk',
      [
        ['>', startup()],
        ['<', batch(server.authenticationOk(), server.authenticationOk())],
        ['>', touches],
      ],
      { startup: null, closes: true },
    ),
  ],
};
