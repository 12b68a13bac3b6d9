import { server } from '../../protocol-filters/postgres/testing/builders.ts';
import { batch, frame, type PgCase, type PgRow, query, scripted, startup } from './support/postgres.ts';

const SASL = 10;
const offer = (...mechanisms: readonly string[]): Buffer =>
  server.authentication(SASL, Buffer.from(`${mechanisms.join('\0')}\0\0`));
/** SASLInitialResponse: mechanism, length, GS2 header and what comes behind it. */
const answers = (mechanism: string, flag: string): Buffer => {
  const data = Buffer.from(`${flag},,n=,r=nonce`);
  const length = Buffer.alloc(4);
  length.writeInt32BE(data.length);
  return frame(0x70, Buffer.from(`${mechanism}\0`), length, data);
};
const PLUS = offer('SCRAM-SHA-256-PLUS', 'SCRAM-SHA-256');
const welcome = server.welcome();
const refused = server.error('28000', 'FATAL', 'channel binding is required');
const login = (name: string, lines: NonNullable<PgCase['lines']>, more: Partial<PgCase> = {}): PgCase =>
  scripted(name, [['>', startup()], ...lines], {
    startup: null,
    notReal: 'a server offers PLUS under TLS alone: channel-binding-postgres.test.ts shows what clients say of that',
    hears: batch(...lines.filter(([who]) => who === '<').map(([, bytes]) => bytes)),
    ...more,
  });

/**
 * What the server offers passes as it is, PLUS too: nothing is stripped, so a client sees for itself that there is no channel
 * to bind to. What binds is between the two of them; the gate lets nobody in before the server does.
 */
export const row: PgRow = {
  id: 'PG-12',
  title: 'channel binding',
  rules: ['R5', 'R8', 'R10'],
  cases: [
    login('PLUS is offered and not taken', [
      ['<', PLUS],
      ['>', answers('SCRAM-SHA-256', 'n')],
      ['<', welcome],
    ]),
    login('PLUS alone is offered, and the client gives up', [
      ['<', offer('SCRAM-SHA-256-PLUS')],
      ['>', frame(0x58)],
    ]),
    login('a client that says y: the server sees a downgrade and ends it', [
      ['<', PLUS],
      ['>', answers('SCRAM-SHA-256', 'y')],
      ['<', refused],
    ]),
    login('a client that claims PLUS without TLS: the answer is the server\u2019s', [
      ['<', PLUS],
      ['>', answers('SCRAM-SHA-256-PLUS', 'p=tls-server-end-point')],
      ['<', refused],
    ]),
    login('a statement behind the claim waits, and goes down with it', [
      ['<', PLUS],
      ['>', batch(answers('SCRAM-SHA-256-PLUS', 'p=tls-server-end-point'), query('table pay'))],
      ['<', refused],
    ]),
    login('mechanisms that nobody knows', [
      ['<', offer('SCRAM-SHA-512-PLUS', 'OAUTHBEARER', 'X'.repeat(300))],
      ['>', answers('OAUTHBEARER', 'n')],
      ['<', welcome],
    ]),
  ],
};
