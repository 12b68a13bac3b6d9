import {
  batch,
  bind,
  closes,
  execute,
  mislaid,
  type PgCase,
  type PgRow,
  parse,
  query,
  sync,
} from './support/postgres.ts';

const touches = query('delete from pay');
const each = (name: string, bytes: Buffer): PgCase[] =>
  [0, 1, 2, 3, 0x80000000, 0xffffffff].map((length) =>
    closes(`${name} with a length of ${length}`, batch(mislaid(bytes, length), touches)),
  );

export const row: PgRow = {
  id: 'X-02',
  title: 'lengths below the header and above all bounds',
  rules: ['R3', 'R12'],
  cases: [
    ...each('Query', query('select 1')),
    ...each('Parse', parse('select 1')),
    ...each('Bind', bind()),
    ...each('Execute', execute()),
    ...each('Sync', sync()),
    closes('Query with nothing in it', batch(mislaid(query(''), 4).subarray(0, 5), touches)),
    closes('Sync with a byte in it', batch(mislaid(sync(), 5), Buffer.of(0), touches)),
  ],
};
