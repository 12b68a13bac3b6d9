import { Frontend as F } from '../../protocol-filters/postgres/wire.ts';
import { batch, bind, denies, execute, frame, i16, type PgRow, query, sync } from './support/postgres.ts';

const bad = (...bytes: number[]): Buffer =>
  Buffer.concat([Buffer.from("select '"), Buffer.from(bytes), Buffer.from("' from pay")]);
const cases: [string, Buffer][] = [
  ['a lead without its trail', bad(0xc3, 0x28)],
  ['an overlong slash', bad(0xc0, 0xaf)],
  ['an overlong quote', bad(0xc0, 0xa7)],
  ['a surrogate', bad(0xed, 0xa0, 0x80)],
  ['above U+10FFFF', bad(0xf4, 0x90, 0x80, 0x80)],
  ['a trail alone', bad(0x80)],
  ['a lead that swallows the quote', Buffer.from("select '\xe2' , pay from other -- '", 'latin1')],
  ['cut off at the end', Buffer.concat([Buffer.from('select 1 -- pay '), Buffer.from([0xe2, 0x82])])],
];

export const row: PgRow = {
  id: 'PG-22',
  title: 'text that is no UTF-8',
  rules: ['R3', 'R6', 'R11'],
  cases: cases.flatMap(([name, text]) => [
    denies(`${name}, simple`, query(text)),
    denies(
      `${name}, extended`,
      batch(frame(F.parse, Buffer.of(0), text, Buffer.of(0), i16(0)), bind(), execute(), sync()),
    ),
  ]),
};
