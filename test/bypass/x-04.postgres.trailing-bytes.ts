import { Frontend as F } from '../../protocol-filters/postgres/wire.ts';
import { batch, closes, cstr, frame, i16, i32, type PgRow, query } from './support/postgres.ts';

const behind = query('delete from pay');
const more = (bytes: number): Buffer => Buffer.alloc(bytes, 0x51);
const SIZES = [1, 4, 8];

export const row: PgRow = {
  id: 'X-04',
  title: 'trailing bytes',
  rules: ['R3', 'R6'],
  cases: SIZES.flatMap((size) => [
    closes(`${size} behind the text of a Query`, batch(frame(F.query, cstr('select 1'), more(size)), behind)),
    closes(`${size} behind a Parse`, batch(frame(F.parse, cstr(''), cstr('select 1'), i16(0), more(size)), behind)),
    closes(
      `${size} behind a Bind`,
      batch(frame(F.bind, cstr(''), cstr(''), i16(0), i16(0), i16(0), more(size)), behind),
    ),
    closes(`${size} behind an Execute`, batch(frame(F.execute, cstr(''), i32(0), more(size)), behind)),
    closes(`${size} behind a Describe`, batch(frame(F.describe, Buffer.from('S'), cstr(''), more(size)), behind)),
    closes(`${size} behind a Close`, batch(frame(F.close, Buffer.from('P'), cstr(''), more(size)), behind)),
    closes(`${size} in a Sync`, batch(frame(F.sync, more(size)), behind)),
    closes(`${size} in a Flush`, batch(frame(F.flush, more(size)), behind)),
  ]),
};
