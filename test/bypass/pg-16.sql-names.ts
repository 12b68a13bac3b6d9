import { batch, bind, denies, execute, extended, type PgRow, parse, query, sync } from './support/postgres.ts';

const ALLOWED = 'select 1';

/** SQL's own PREPARE, EXECUTE and DECLARE share the names of the protocol: what runs is judged, however it is named. */
export const row: PgRow = {
  id: 'PG-16',
  title: 'names made by SQL',
  rules: ['R2', 'R6', 'R7'],
  cases: [
    denies('PREPARE of a denied statement', query('prepare p as delete from pay')),
    denies('PREPARE with types', query('prepare p (int, numeric(3, 2)) as delete from pay where a = $1')),
    denies('PREPARE and EXECUTE in one text', query('prepare p as select * from pay; execute p')),
    denies('EXECUTE of a statement that was not seen', query('execute pay'), { never: ['execute pay'] }),
    denies(
      'EXECUTE in EXPLAIN ANALYZE',
      [query(`prepare p as ${ALLOWED}`), query('explain analyze execute p -- pay')],
      { ready: 'II' },
    ),
    denies(
      'EXECUTE in CREATE TABLE AS',
      [query(`prepare p as ${ALLOWED}`), query('create temp table pay as execute p')],
      { ready: 'II' },
    ),
    denies(
      'a comment in a comment hides the name',
      [query(`prepare safe as ${ALLOWED}`), query('execute /* /* */ safe */ pay')],
      { ready: 'II' },
    ),
    denies('a line that ends with CR', [query(`prepare safe as ${ALLOWED}`), query('execute --\r pay \n-- safe')], {
      ready: 'II',
    }),
    denies('a name with escapes', [query(`prepare u as ${ALLOWED}`), query('execute U&"pa\\0079" -- pay')], {
      ready: 'II',
    }),
    denies('a quoted name', [query(`prepare "P" as ${ALLOWED}`), query('execute P -- pay')], { ready: 'II' }),
    denies(
      'a protocol Bind of what PREPARE was denied',
      [query('prepare p as delete from pay'), batch(bind('p'), execute(), sync())],
      {
        codes: ['42501', '26000'],
        ready: 'II',
      },
    ),
    denies('DECLARE of a denied query', query('begin; declare c cursor for select * from pay; fetch all from c')),
    denies('DECLARE WITH HOLD', query('declare c cursor with hold for select * from pay')),
    denies(
      'Execute of a cursor that was seen runs',
      [query('begin; declare c cursor for select 1'), batch(execute('c'), sync()), query('rollback')],
      { codes: [], denied: 0, ready: 'TTI', notFake: 'it has no cursors' },
    ),
    denies(
      'Execute of a cursor that was not seen',
      [query('begin'), batch(bind('', 'x'), execute('c'), sync()), query('rollback')],
      {
        codes: ['26000'],
        ready: 'TEI',
        denied: 0,
        notFake: "errors are the server's",
      },
    ),
    denies(
      'FETCH from a cursor that was not seen',
      [query('begin'), query('fetch all from "pay"'), query('rollback')],
      { ready: 'TEI' },
    ),
    denies(
      'FETCH from a portal of a denied statement',
      [query('begin'), batch(parse('select * from pay'), bind('', 'c'), sync()), query('rollback')],
      { ready: 'TEI' },
    ),
    denies('PREPARE through the extended protocol', extended('prepare p as delete from pay')),
    denies(
      'DEALLOCATE and PREPARE again',
      [query(`prepare p as ${ALLOWED}`), query('deallocate p; prepare p as table pay; execute p')],
      { ready: 'II' },
    ),
  ],
};
