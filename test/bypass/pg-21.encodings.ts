import { server } from '../../protocol-filters/postgres/testing/builders.ts';
import { Frontend as F } from '../../protocol-filters/postgres/wire.ts';
import { batch, denies, extended, frame, type PgRow, query, scripted, startup } from './support/postgres.ts';

/** In SJIS 0x95 0x5c is one character: for a reader of bytes the backslash, or the quote, begins or ends something. */
const sly = Buffer.concat([Buffer.from("select '\x95\x5c' , ' ; delete from pay; -- '", 'latin1'), Buffer.of(0)]);
const text = frame(F.query, sly);
const never = ['pay'];
const ENCODINGS = ['SJIS', 'BIG5', 'GBK', 'UHC', 'GB18030', 'JOHAB'];

export const row: PgRow = {
  id: 'PG-21',
  title: 'encodings that are not ASCII-safe',
  rules: ['R6', 'R8', 'R11'],
  cases: [
    ...ENCODINGS.map((encoding) =>
      denies(`${encoding} by startup`, query('select 1 -- pay'), {
        startup: startup({ client_encoding: encoding }),
        notFake: 'it reports UTF8',
        ready: 'E'.replace('E', 'I'),
        codes: ['42501'],
        since: 99,
        notReal: 'the answer of a denied query cannot tell that it lives',
      }),
    ),
    ...ENCODINGS.map((encoding) =>
      scripted(
        `${encoding}: no text passes`,
        [
          ['<', server.parameter('client_encoding', encoding)],
          ['>', text],
          ['>', query('select 1 -- pay')],
          ['>', extended('delete from pay')],
        ],
        { denied: 1, never, codes: ['42501'] },
      ),
    ),
    denies(
      'by SET, pipelined',
      batch(query("set client_encoding = 'SJIS'"), text, query("set client_encoding = 'UTF8'")),
      {
        codes: ['42501', '42501'],
        ready: 'III',
        notReal: 'the session stays unreadable',
      },
    ),
    denies('by SET NAMES, pipelined', batch(query("set names 'BIG5'"), text), {
      ready: 'II',
      notReal: 'the session stays unreadable',
    }),
    denies(
      'in the batch of the SET',
      batch(extended("set client_encoding = 'SJIS'").subarray(0, -5), extended('select 1 -- pay')),
      { ready: 'I' },
    ),
    denies(
      'names that are not ASCII in LATIN1 mean others than they say',
      query(Buffer.from('select * from "\xc3\xa9" -- pay', 'latin1')),
      {
        startup: startup({ client_encoding: 'LATIN1' }),
        notFake: 'it reports UTF8',
      },
    ),
  ],
};
