import { batch, closes, i32, type PgRow, query } from './support/postgres.ts';

const first = { startup: null, codes: [], never: ['pay', 'postgres'] } as const;
const two = (minor: number): Buffer => {
  const body = Buffer.alloc(288);
  body.write('postgres', 0);
  body.write('postgres', 64);
  return batch(i32(body.length + 8), i32(0x20000 + minor), body);
};

export const row: PgRow = {
  id: 'PG-30',
  title: 'protocol 2',
  rules: ['R4'],
  cases: [
    closes('2.0', two(0), first),
    closes('2.1', two(1), first),
    closes('2.0 with a query behind it', batch(two(0), Buffer.from('Qdelete from pay\0')), first),
    closes('2.0 cut short', batch(i32(8), i32(0x20000), query('delete from pay')), first),
    closes('1.0', batch(i32(8), i32(0x10000)), first),
  ],
};
