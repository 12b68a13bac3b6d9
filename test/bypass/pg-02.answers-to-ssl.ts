import { server } from '../../protocol-filters/postgres/testing/builders.ts';
import { client, type PgRow, query, scripted, startup } from './support/postgres.ts';

/** The gate answers SSLRequest itself: whatever a server says to it was not asked for. */
export const row: PgRow = {
  id: 'PG-02',
  title: 'a server that answers what nobody asked',
  rules: ['R3', 'R5'],
  cases: [
    ...['S', 'SS', 'G', 'N', 'X', 'E'].map((said) =>
      scripted(
        `${said} before the startup message`,
        [
          ['>', client.ssl()],
          ['<', Buffer.from(said)],
          ['>', startup()],
          ['>', query('select * from pay')],
        ],
        { startup: null, closes: true },
      ),
    ),
    scripted(
      'a row in the place of the login',
      [
        ['>', startup()],
        ['<', server.row()],
        ['>', query('table pay')],
      ],
      { startup: null, closes: true },
    ),
  ],
};
