import { describe, expect, test } from 'vitest';
import { mayChangeReading, Reading } from './reading.ts';
import { effectOf } from './sql-names.ts';
import { digests } from './testing/story.ts';

const { mode } = new Reading();
const read = (text: string) => {
  const buf = Buffer.from(`##${text}##`, 'latin1');
  const reading = digests.read(mode, buf, 2, buf.length - 2);
  const { digest, start, end } = reading.statements[0]!;
  return { digest, effect: effectOf(digest.operation, digests, mode, buf, start, end, null) };
};

describe('what SQL does to names', () => {
  const cases: [string, string][] = [
    ['prepare p as select 1', 'prepare p: select ?'],
    ['PREPARE P (int, text) AS select $1, $2', 'prepare p: select ?, ?'],
    ['prepare "P ""q" as select 1', 'prepare P "q: select ?'],
    ['/* hi */ prepare /* there */ p -- now\n as select 1', 'prepare p: select ?'],
    ["prepare transaction 'x'", 'nothing'],
    ['execute p', 'execute p'],
    ['execute P(1, 2)', 'execute p'],
    ['execute "P"', 'execute P'],
    [`execute ${'n'.repeat(70)}`, `execute ${'n'.repeat(63)}`],
    ['deallocate p', 'deallocate p'],
    ['deallocate prepare p', 'deallocate p'],
    ['deallocate all', 'deallocate everything'],
    ['deallocate prepare all', 'deallocate everything'],
    ['deallocate "all"', 'deallocate all'],
    ['discard all', 'discard everything'],
    ['discard plans', 'nothing'],
    ['declare c cursor for select 1', 'declare c: declare c cursor for select ?'],
    [
      'declare C no scroll cursor with hold for select 1',
      'declare c held: declare c no scroll cursor with hold for select ?',
    ],
    ['execute /* /* */ safe */ p', 'execute p'],
    ['execute -- safe\rp', 'execute p'],
    ['execute u&"\\0070"', 'nothing'],
    [`execute "${'n'.repeat(62)}\u00c3\u00a9"`, `execute ${'n'.repeat(62)}`],
    ['deallocate prepare', 'deallocate prepare'],
    ['fetch c', 'fetch c'],
    ['fetch 10 from "C"', 'fetch C'],
    ['fetch forward all in c', 'fetch c'],
    ['fetch next', 'fetch next'],
    ['fetch absolute -3 c;', 'fetch c'],
    ['fetch c d', 'nothing'],
    ['close c', 'close c'],
    ['close all', 'close everything'],
    ['select 1', 'nothing'],
  ];
  for (const [text, want] of cases)
    test(text, () => {
      const { effect } = read(text);
      const name = effect?.name === '' ? 'everything' : effect?.name;
      const inner = effect?.inner ? `: ${effect.inner.digest.text}` : '';
      expect(effect ? `${effect.kind} ${name}${effect.holdable ? ' held' : ''}${inner}` : 'nothing').toBe(want);
    });
});

describe('what may change how text reads', () => {
  const cases: [string, boolean][] = [
    ['set standard_conforming_strings = off', true],
    ['set u&"standard\\005fconforming\\005fstrings" = off', true],
    ['set "a""b" = off', true],
    ['SET LOCAL "Standard_Conforming_Strings" TO off', true],
    ["set names 'SJIS'", true],
    ['set session client_encoding to sjis', true],
    ['set session authorization x', false],
    ['reset all', true],
    ['reset standard_conforming_strings', true],
    ['discard all', true],
    ['do $$ begin end $$', true],
    ['call f()', true],
    ['execute p', true],
    ["select set_config('a.b', 'c', true)", true],
    ["update pg_settings set setting = 'off'", true],
    ["set application_name = 'x'", false],
    ['set search_path to a', false],
    ['set local work_mem = 1', false],
    ['reset search_path', false],
    ['select 1', false],
    ['begin', false],
    ['commit', false],
  ];
  for (const [text, want] of cases) test(text, () => expect(mayChangeReading(read(text).digest, false)).toBe(want));
  test('search_path, where it matters', () => {
    for (const text of ['set search_path to a', 'reset search_path', "set schema 'x'"])
      expect(mayChangeReading(read(text).digest, true)).toBe(true);
  });
});
