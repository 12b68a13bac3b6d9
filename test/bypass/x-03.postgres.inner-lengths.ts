import { Frontend as F } from '../../protocol-filters/postgres/wire.ts';
import { batch, closes, cstr, frame, i16, i32, type PgRow, parse, query, sync } from './support/postgres.ts';

const behind = query('delete from pay');
const prepared = batch(parse('select $1::text'), sync());
const bindOf = (...parts: Uint8Array[]): Buffer => frame(F.bind, cstr(''), cstr(''), ...parts);
const sent = (name: string, bytes: Buffer) => closes(name, [prepared, batch(bytes, behind)], { ready: 'I' });

/** Lengths and counts within a message that do not fill it exactly. */
export const row: PgRow = {
  id: 'X-03',
  title: 'inner lengths',
  rules: ['R3', 'R6', 'R12'],
  cases: [
    sent('a value longer than its Bind', bindOf(i16(0), i16(1), i32(5), Buffer.from('abcd'), i16(0))),
    sent('a value shorter than what is there', bindOf(i16(0), i16(1), i32(3), Buffer.from('abcd'), i16(0))),
    sent('a value of length -2', bindOf(i16(0), i16(1), i32(-2), i16(0))),
    sent('a value of 2^31 - 1', bindOf(i16(0), i16(1), i32(0x7fffffff), i16(0))),
    sent('more formats than there are', bindOf(i16(9), i16(1), i16(1), i32(1), Buffer.from('a'), i16(0))),
    sent('65,535 values', bindOf(i16(0), i16(-1), i32(1), Buffer.from('a'), i16(0))),
    sent('65,535 result formats', bindOf(i16(0), i16(1), i32(1), Buffer.from('a'), i16(-1))),
    sent('a name without its end', frame(F.bind, Buffer.from('abcdefghijkl'))),
    closes(
      'Parse with more types than there are',
      batch(frame(F.parse, cstr(''), cstr('select 1'), i16(3), i32(23)), behind),
    ),
    closes('Execute without its row count', batch(frame(F.execute, cstr('abcd')), behind)),
    closes('Describe of neither S nor P', batch(frame(F.describe, Buffer.from('X'), cstr('s')), behind)),
    closes('Close of neither S nor P', batch(frame(F.close, Buffer.from('s'), cstr('s')), behind)),
  ],
};
