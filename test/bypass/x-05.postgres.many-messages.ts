import { batch, denies, extended, type PgRow, query } from './support/postgres.ts';

/** Which of many is denied: each third, in the given form. */
const mix = (count: number, form: (text: string) => Buffer): Buffer =>
  batch(...Array.from({ length: count }, (_, i) => form(i % 3 === 1 ? `select ${i} from pay` : `select ${i}`)));
const codes = (count: number): string[] => Array.from({ length: Math.floor((count + 1) / 3) }, () => '42501');

/** The verdict is of the message, never of the segment. */
export const row: PgRow = {
  id: 'X-05',
  title: 'many messages in one segment',
  rules: ['R1', 'R2', 'R9'],
  cases: [
    denies('nine queries', mix(9, query), { codes: codes(9), ready: 'I'.repeat(9) }),
    denies('nine batches', mix(9, extended), { codes: codes(9), ready: 'I'.repeat(9) }),
    denies('a thousand queries', mix(1000, query), {
      codes: codes(1000),
      ready: 'I'.repeat(1000),
      notFake: 'too long to cut',
    }),
    denies('a thousand batches', mix(1000, extended), {
      codes: codes(1000),
      ready: 'I'.repeat(1000),
      notFake: 'too long to cut',
    }),
    denies(
      'the last byte of one and the first of the next',
      [batch(query('select 1'), query('delete from pay').subarray(0, 1)), query('delete from pay').subarray(1)],
      { ready: 'II', answers: 3, notReal: 'sends are cut there anyway' },
    ),
    denies('a text of 60 KiB', query(`select '${'x'.repeat(60_000)}'; delete from pay`)),
    denies('a text of 200 KiB whose first 64 are harmless', query(`select '${'x'.repeat(200_000)}'; delete from pay`)),
    denies(
      'two texts with equal first 64 KiB',
      [query(`select '${'x'.repeat(66_000)}', 1`), query(`select '${'x'.repeat(66_000)}', (select max(a) from pay)`)],
      { ready: 'II' },
    ),
    denies(
      'the same, prepared',
      [
        extended(`select '${'x'.repeat(66_000)}', 1`),
        extended(`select '${'x'.repeat(66_000)}', (select max(a) from pay)`),
      ],
      { ready: 'II' },
    ),
    denies(
      'rows of VALUES, and what stands behind them',
      query(`insert into log values ${'(1),'.repeat(20_000)} ((select max(a) from pay))`),
    ),
  ],
};
