import { batch, denies, extended, type PgRow, query } from './support/postgres.ts';

const touches = query('delete from pay');

/** What was allowed is flushed when the client half-closes; what is held is not. */
export const row: PgRow = {
  id: 'X-09',
  title: 'half-close',
  rules: ['R1'],
  cases: [
    ...[1, 4, 5, 10, touches.length - 1].map((at) =>
      denies(
        `after ${at} bytes of a denied query`,
        batch(query('insert into log values (1)'), touches.subarray(0, at)),
        {
          fin: true,
          codes: [],
          ready: undefined as unknown as string,
          log: '1',
          notReal: 'no answer tells when the half message has come',
        },
      ),
    ),
    denies('behind a denied query', batch(query('insert into log values (1)'), touches), {
      fin: true,
      ready: 'II',
      log: '1',
      notReal: 'the session is over: nothing can be asked of it',
    }),
    denies('in the middle of a batch', extended('delete from pay').subarray(0, 20), {
      fin: true,
      codes: [],
      ready: undefined as unknown as string,
      denied: 0,
      notReal: 'no answer comes',
    }),
  ],
};
