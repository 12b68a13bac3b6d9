import {
  batch,
  bind,
  denies,
  execute,
  extended,
  type PgCase,
  type PgRow,
  parse,
  query,
  sync,
} from './support/postgres.ts';

const again = (name: string, sends: readonly Buffer[], more: Partial<PgCase> = {}): PgCase =>
  denies(name, sends, { retells: true, ...more });

/** The player compares what each cut of a stream tells with what the whole one told; before a server what each play tells. */
export const row: PgRow = {
  id: 'X-13',
  title: 'the same stream tells the same',
  rules: ['R14', 'R15'],
  cases: [
    again(
      'of all kinds',
      [query('insert into log values (1)'), query('delete from pay'), extended('select 2'), extended('table pay')],
      { codes: ['42501', '42501'], ready: 'IIII', log: '1' },
    ),
    again('twice in one', [query('delete from pay'), query('delete from pay')], {
      codes: ['42501', '42501'],
      ready: 'II',
    }),
    again('in a transaction', [query('begin'), extended('delete from pay'), query('select 1'), query('rollback')], {
      codes: ['42501', '25P02'],
      ready: 'TEEI',
    }),
    again(
      'a statement that is prepared once and run twice',
      [
        batch(parse('insert into log values (1)', 's'), bind('s'), execute(), sync()),
        batch(bind('s'), execute(), sync()),
        query('table pay'),
      ],
      { ready: 'III', log: '1 1' },
    ),
  ],
};
