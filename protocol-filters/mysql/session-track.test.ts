import { describe, expect, test } from 'vitest';
import { readSessionTrack } from './session-track.ts';
import { lenenc, lstr, server, u8 } from './testing/builders.ts';
import { guarded } from './testing/guarded.ts';

/** What was told, and the fault. */
const read = (...changes: Uint8Array[]) =>
  guarded(Buffer.concat(changes), (buf, start, end) => {
    const told: string[] = [];
    const fault = readSessionTrack(buf, start, end, {
      onVariable: (name, value) => told.push(`${name}=${value}`),
      onSchema: (name) => told.push(`use ${name}`),
      onTransactionState: (state) => told.push(state),
    });
    return { told, fault };
  });

describe('changes', () => {
  const cases: [name: string, changes: Buffer[], told: string[]][] = [
    ['none', [], []],
    ['a variable', [server.trackVariable('autocommit', 'OFF')], ['autocommit=OFF']],
    [
      'several variables in one change, as MariaDB tells them',
      [server.track(0, lstr('character_set_client'), lstr('utf8mb4'), lstr('sql_mode'), lstr('ANSI_QUOTES'))],
      ['character_set_client=utf8mb4', 'sql_mode=ANSI_QUOTES'],
    ],
    ['a variable that is NULL', [server.track(0, lstr('x'), u8(0xfb))], ['x=']],
    ['an empty value', [server.trackVariable('sql_mode', '')], ['sql_mode=']],
    ['the database', [server.trackSchema('shop')], ['use shop']],
    ['the database is gone', [server.trackSchema('')], ['use ']],
    ['a transaction', [server.trackTransaction('T___Ws__')], ['T___Ws__']],
    [
      'things that are not told',
      [server.trackStateChange(), server.trackGtids('1-2-3'), server.trackCharacteristics('')],
      [],
    ],
    ['a type of tomorrow', [server.track(99, lstr('x')), server.trackSchema('a')], ['use a']],
    [
      'all together, in order',
      [server.trackSchema('a'), server.trackVariable('b', 'c'), server.trackGtids('x'), server.trackSchema('d')],
      ['use a', 'b=c', 'use d'],
    ],
  ];
  for (const [name, changes, told] of cases) test(name, () => expect(read(...changes)).toEqual({ told, fault: null }));
});

test('two variables and a state change of MariaDB 10.11.19, as recorded', () => {
  const bytes =
    '001c146368617261637465725f7365745f636c69656e74066c6174696e3100630873716c5f6d6f6465595354524943545f5452414e535f54' +
    '41424c45532c4552524f525f464f525f4449564953494f4e5f42595f5a45524f2c4e4f5f4155544f5f4352454154455f555345522c4e4f5f' +
    '454e47494e455f535542535449545554494f4e020131';
  const mode = 'STRICT_TRANS_TABLES,ERROR_FOR_DIVISION_BY_ZERO,NO_AUTO_CREATE_USER,NO_ENGINE_SUBSTITUTION';
  expect(read(Buffer.from(bytes, 'hex'))).toEqual({
    told: ['character_set_client=latin1', `sql_mode=${mode}`],
    fault: null,
  });
});

describe('hostile', () => {
  const cases: [name: string, changes: Buffer[], told: string[], fault: string][] = [
    ['a change past the packet', [Buffer.of(1, 5, 3, 97)], [], 'truncated'],
    ['a type without a length', [Buffer.of(1)], [], 'truncated'],
    ['a name past its change', [Buffer.of(1, 2, 9, 97)], [], 'truncated'],
    ['a value past its change', [server.track(0, lstr('a'), u8(4))], [], 'truncated'],
    ['a name without a value', [server.track(0, lstr('a'))], [], 'truncated'],
    ['a length that is none', [Buffer.of(1, 0xff)], [], 'unknown_type'],
    ['2^53 bytes', [Buffer.concat([u8(1), lenenc(2 ** 53 - 1)])], [], 'truncated'],
    ['what came before it is told', [server.trackSchema('a'), Buffer.of(7)], ['use a'], 'truncated'],
  ];
  for (const [name, changes, told, fault] of cases) test(name, () => expect(read(...changes)).toEqual({ told, fault }));

  test('an inner length cannot reach into the next change', () => {
    const first = server.trackSchema('a');
    first[2] = 3; // the name's length, now two bytes past its change
    expect(read(first, server.trackSchema('b'))).toEqual({ told: [], fault: 'truncated' });
  });
});
