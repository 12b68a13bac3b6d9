import { batch, client, closes, denies, type PgRow, query, startup } from './support/postgres.ts';

const first = { startup: null, codes: [], never: ['pay'] } as const;
const { ssl, gssenc } = client;

export const row: PgRow = {
  id: 'PG-04',
  title: 'negotiation again and again',
  rules: ['R3', 'R13'],
  cases: [
    closes('SSLRequest twice', batch(ssl(), ssl(), startup(), query('table pay')), first),
    closes('GSSENCRequest twice', batch(gssenc(), gssenc(), startup()), first),
    closes('SSL, GSS, SSL', batch(ssl(), gssenc(), ssl(), startup()), first),
    closes('ten thousand', batch(...Array.from({ length: 10_000 }, () => ssl())), {
      ...first,
      notFake: 'too long to cut',
    }),
    denies('each once', [batch(gssenc(), ssl(), startup()), query('table pay')], { startup: null }),
  ],
};
