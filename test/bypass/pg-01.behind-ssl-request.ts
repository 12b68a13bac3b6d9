import { batch, client, closes, denies, type PgRow, query, startup } from './support/postgres.ts';

const touches = query('delete from pay');
const first = { startup: null, codes: [], never: ['pay', 'select'] } as const;

/** Plain text behind a request for encryption is read as what it is at that place: a startup message, or nothing we know. */
export const row: PgRow = {
  id: 'PG-01',
  title: 'behind SSLRequest',
  rules: ['R3', 'R5', 'R8'],
  cases: [
    closes('a query in the same segment as SSLRequest', batch(client.ssl(), touches), first),
    closes('a query in the same segment as GSSENCRequest', batch(client.gssenc(), touches), first),
    closes('a query once SSLRequest was answered', [client.ssl(), touches], first),
    closes('a password', batch(client.ssl(), client.password('pay')), first),
    closes('something in the request itself', batch(Buffer.from('0000000904d2162f', 'hex'), Buffer.of(0), touches), {
      ...first,
      codes: ['08P01'],
    }),
    denies('the startup message and a query in the same segment', batch(client.ssl(), startup(), touches), {
      startup: null,
      answers: 2,
    }),
  ],
};
