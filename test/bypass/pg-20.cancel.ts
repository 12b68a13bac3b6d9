import { batch, client, closes, type PgRow } from './support/postgres.ts';

const key = (bytes: number): Buffer => Buffer.alloc(bytes, 0x5a);
const first = { startup: null, codes: [], never: ['ZZZZ'] } as const;

/** Only keys that a server has issued through us are passed on, to that server. */
export const row: PgRow = {
  id: 'PG-20',
  title: 'cancellation',
  rules: ['R3', 'R13'],
  cases: [
    closes('an unknown key', client.cancel(key(8)), first),
    closes('an unknown key of 3.2', client.cancel(key(36)), first),
    closes('the longest key', client.cancel(key(260)), first),
    closes('a key that is too short', client.cancel(key(7)), { ...first, codes: ['08P01'] }),
    closes('a key that is too long', client.cancel(key(261)), { ...first, codes: ['08P01'] }),
    closes('with a query behind it', batch(client.cancel(key(8)), client.query('delete from pay')), {
      ...first,
      never: ['ZZZZ', 'pay'],
    }),
    closes('behind SSLRequest', batch(client.ssl(), client.cancel(key(8))), first),
  ],
};
