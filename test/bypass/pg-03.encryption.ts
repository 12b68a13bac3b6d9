import { batch, client, closes, denies, type PgRow, query, startup } from './support/postgres.ts';

const hello = Buffer.from('16030100d0010000cc0303', 'hex');
const first = { startup: null, codes: [], never: ['\x16\x03'] } as const;

/** What cannot be read does not pass: encryption is refused, and who goes on with it is closed. */
export const row: PgRow = {
  id: 'PG-03',
  title: 'encryption that the gate could not read',
  rules: ['R4', 'R5'],
  cases: [
    closes('a TLS handshake at once', hello, first),
    closes('a TLS handshake behind SSLRequest', [client.ssl(), hello], first),
    closes('a TLS handshake in one segment with SSLRequest', batch(client.ssl(), hello), first),
    closes('a TLS handshake behind GSSENCRequest', [client.gssenc(), hello], first),
    denies('refused encryption leaves a session that is judged', [batch(client.ssl(), startup()), query('table pay')], {
      startup: null,
    }),
    denies('so does refused GSS', [batch(client.gssenc(), startup()), query('table pay')], { startup: null }),
  ],
};
