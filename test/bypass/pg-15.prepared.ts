import {
  batch,
  bind,
  close,
  denies,
  describe,
  execute,
  flush,
  type PgRow,
  parse,
  query,
  sync,
} from './support/postgres.ts';

const insert = (value: number) => `insert into log values (${value})`;
const TOUCHES = 'delete from pay';
const OTHERS = '26000';

/** What a name means is what the server has confirmed, not what was hoped for. */
export const row: PgRow = {
  id: 'PG-15',
  title: 'prepared statements',
  rules: ['R2', 'R8', 'R14'],
  cases: [
    denies('Parse of a denied text, by name', batch(parse(TOUCHES, 's'), sync())),
    denies(
      'a name that exists keeps its meaning when Parse fails',
      [
        batch(parse(insert(1), 's'), sync()),
        batch(parse(TOUCHES, 's'), bind('s'), execute(), sync()),
        batch(bind('s'), execute(), sync()),
      ],
      { ready: 'III', log: '1' },
    ),
    denies(
      'Close, then Parse of a denied text under the name',
      [
        batch(parse(insert(1), 's'), sync()),
        batch(close('s'), parse(TOUCHES, 's'), sync()),
        batch(bind('s'), execute(), sync()),
      ],
      { ready: 'III', codes: ['42501', OTHERS], notFake: 'it closes though the batch fails' },
    ),
    denies(
      'the unnamed statement is gone once its Parse was denied',
      [batch(parse(insert(1)), sync()), batch(parse(TOUCHES), sync()), batch(bind(), execute(), sync())],
      { ready: 'III', codes: ['42501', OTHERS] },
    ),
    denies(
      'a pipelined Bind does not run the old unnamed statement',
      batch(parse(insert(1)), sync(), parse(TOUCHES), sync(), bind(), execute(), sync()),
      { ready: 'III', codes: ['42501', OTHERS] },
    ),
    denies(
      'a simple query destroys the unnamed statement',
      [batch(parse(insert(1)), sync()), query('select 1'), batch(bind(), execute(), sync()), query(TOUCHES)],
      { ready: 'IIII', codes: [OTHERS, '42501'], notFake: 'codes come as the server has them', denied: 1 },
    ),
    denies(
      'Execute of what was bound before a denied step',
      batch(parse(insert(1)), bind(), parse(TOUCHES, 'x'), execute(), sync()),
    ),
    denies(
      'Describe of a denied statement tells nothing',
      batch(parse('select * from pay', 's'), describe('s', 'S'), sync()),
    ),
    denies('Flush instead of Sync', [batch(parse(TOUCHES), flush(), bind(), execute(), sync())]),
    denies(
      'a batch of many, one of them denied',
      batch(
        ...Array.from({ length: 20 }, (_, i) => batch(parse(i === 13 ? TOUCHES : insert(i)), bind(), execute())),
        sync(),
      ),
    ),
    denies(
      'a name of 64 bytes is the one of 63',
      [
        batch(parse(insert(1), 'n'.repeat(63)), sync()),
        batch(close('n'.repeat(64)), parse(TOUCHES, 'n'.repeat(64)), bind('n'.repeat(63)), execute(), sync()),
      ],
      { ready: 'II' },
    ),
    denies('a statement that nobody prepared', batch(bind('ghost'), execute(), sync()), { codes: [OTHERS], denied: 0 }),
    denies('behind a batch that fails', batch(parse('selec'), sync(), parse(TOUCHES), bind(), execute(), sync()), {
      codes: ['42601', '42501'],
      ready: 'II',
      notFake: 'text that is no SQL is denied',
      notReal: 'text that is no SQL is denied',
    }),
  ],
};
