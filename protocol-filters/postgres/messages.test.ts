import { describe, expect, test } from 'vitest';
import { readErrorFields, readParameterStatus, readTag, Verb } from './messages.ts';
import { cstr } from './testing/builders.ts';

/** The body stands between guards that a read past its end would meet. */
const guarded = <T>(body: Buffer, read: (buf: Buffer, start: number, end: number) => T): T => {
  const buf = Buffer.concat([Buffer.from('##'), body, Buffer.from('#C12345\0\0')]);
  return read(buf, 2, 2 + body.length);
};

describe('command tags', () => {
  const cases: [string, number, number][] = [
    ['SELECT 3', Verb.select, 3],
    ['INSERT 0 12', Verb.insert, 12],
    ['INSERT 17345 1', Verb.insert, 1],
    ['UPDATE 0', Verb.update, 0],
    ['DELETE 4294967296', Verb.delete, 4294967296],
    ['MERGE 2', Verb.merge, 2],
    ['COPY 7', Verb.copy, 7],
    ['FETCH 2', Verb.fetch, 2],
    ['MOVE 2', Verb.move, 2],
    ['BEGIN', Verb.begin, 0],
    ['START TRANSACTION', Verb.start, 0],
    ['COMMIT', Verb.commit, 0],
    ['COMMIT PREPARED', Verb.commit, 0],
    ['ROLLBACK', Verb.rollback, 0],
    ['PREPARE', Verb.prepare, 0],
    ['PREPARE TRANSACTION', Verb.prepare, 0],
    ['CREATE TABLE', Verb.other, 0],
    ['SELECTED 3', Verb.other, 3],
    ['', Verb.other, 0],
  ];
  for (const [tag, verb, rows] of cases)
    test(tag || 'empty', () => {
      for (const body of [cstr(tag), Buffer.from(tag)])
        expect(guarded(body, readTag)).toMatchObject({ verb, rows, twoPhase: tag === 'PREPARE TRANSACTION' });
    });
});

describe('error fields', () => {
  const cases: [string, Buffer, string, string][] = [
    [
      'both severities: the plain one holds',
      Buffer.concat([cstr('SFEHLER'), cstr('VERROR'), cstr('C42P01'), cstr('Mx')]),
      'ERROR',
      '42P01',
    ],
    ['before 9.6 there is one', Buffer.concat([cstr('SFATAL'), cstr('C28P01')]), 'FATAL', '28P01'],
    ['DEBUG2 is DEBUG', Buffer.concat([cstr('SDEBUG2'), cstr('C00000')]), 'DEBUG', '00000'],
    ['no code', Buffer.concat([cstr('SERROR'), cstr('Mx'), Buffer.of(0)]), 'ERROR', ''],
    ['no field at all', Buffer.of(0), '', ''],
    ['an empty body', Buffer.alloc(0), '', ''],
    ['cut within the code', Buffer.concat([cstr('SERROR'), Buffer.from('C42P')]), 'ERROR', ''],
    ['a code of another length', Buffer.concat([cstr('SERROR'), cstr('C42P011')]), 'ERROR', ''],
  ];
  for (const [name, body, severity, code] of cases)
    test(name, () => expect(guarded(body, readErrorFields)).toEqual({ severity, code }));
});

test('ParameterStatus', () => {
  expect(guarded(Buffer.concat([cstr('a'), cstr('b')]), readParameterStatus)).toEqual({ name: 'a', value: 'b' });
  expect(guarded(Buffer.from('a\0b'), readParameterStatus)).toBeNull();
});
