import { denies, type PgRow, query, startup } from './support/postgres.ts';

const NAMES = ['-o', 'a\nb', '%s%n', '../pay', 'a"b', "a'b", '\u202e', 'user\r\nLOG: x'];

/** Names are bytes: they neither end a line nor a policy. */
export const row: PgRow = {
  id: 'PG-07',
  title: 'odd names of users and databases',
  rules: ['R11'],
  cases: NAMES.flatMap((name) => [
    denies(`the user ${JSON.stringify(name)}`, query('table pay'), {
      startup: startup({ user: name }),
      never: ['table pay'],
      notReal: 'the server knows no such user',
    }),
    denies(`the database ${JSON.stringify(name)}`, query('table pay'), {
      startup: startup({ database: name }),
      never: ['table pay'],
      notReal: 'the server knows no such database',
    }),
  ]),
};
