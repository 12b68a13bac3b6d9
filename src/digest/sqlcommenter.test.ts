import { describe, expect, test } from 'vitest';
import { cpuMs } from '../../test/support/cpu-time.ts';
import type { SqlMode } from '../exchange/digest.ts';
import { SqlDigestCache } from './cache.ts';
import { isTraceparent, traceparentOf } from './sqlcommenter.ts';

const TP = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';
const MODE: SqlMode = { dialect: 'postgres', standardConformingStrings: true };
const cache = new SqlDigestCache({ parser: null, now: () => 0 });
const read = (sql: string) => {
  const buf = Buffer.from(sql);
  return cache.read(MODE, buf, 0, buf.length);
};

describe('where a traceparent is read from', () => {
  const cases: readonly (readonly [name: string, sql: string, want: string])[] = [
    ['trailing comment', `select 1 /*traceparent='${TP}'*/`, TP],
    ['among other tags', `select 1 /*action='x',traceparent='${TP}',tracestate='a%3Db'*/;`, TP],
    ['leading comment', `/*traceparent='${TP}'*/ select 1`, TP],
    ['leading, with another comment last', `/*traceparent='${TP}'*/ select 1 /* end */`, TP],
    ['last of several', `/* a */ select /* b */ 1 /*traceparent='${TP}'*/`, TP],
    ['URL-encoded', `select 1 /*traceparent='${TP.replaceAll('-', '%2D')}'*/`, TP],
    ['escaped quotes', `select 1 /*traceparent=\\'${TP}\\'*/`, TP],
    ['blanks around', `select 1 /* traceparent='${TP}' */`, TP],
    ['second statement', `select 1; select 2 /*traceparent='${TP}'*/`, TP],
    ['in the middle only', `/* a */ select /*traceparent='${TP}'*/ 1 /* b */`, ''],
    ['hint', `select /*+ traceparent='${TP}'*/ 1`, ''],
    ['literal', `select '/*traceparent=''${TP}''*/'`, ''],
    ['dollar quote', `select $$/*traceparent='${TP}'*/$$`, ''],
    ['line comment', `select 1 --traceparent='${TP}'`, ''],
    ['quoted name', `select "/*traceparent='${TP}'*/"`, ''],
    ['longer key', `select 1 /*xtraceparent='${TP}'*/`, ''],
    ['upper case', `select 1 /*traceparent='${TP.toUpperCase()}'*/`, ''],
    ['cut', `select 1 /*traceparent='${TP.slice(0, 54)}'*/`, ''],
    ['too long', `select 1 /*traceparent='${TP}0'*/`, ''],
    ['not closed', `select 1 /*traceparent='${TP}*/`, ''],
    ['broken escape', `select 1 /*traceparent='%zz${TP.slice(1)}'*/`, ''],
    ['none', 'select 1', ''],
    ['empty comment', 'select 1 /**/', ''],
  ];
  for (const [name, sql, want] of cases) test(name, () => expect(read(sql).traceparent).toBe(want));

  test('a reading without one forgets the one before', () => {
    expect(read(`select 1 /*traceparent='${TP}'*/`).traceparent).toBe(TP);
    expect(read('select 1').traceparent).toBe('');
  });
  test('a comment does not change the digest', () => {
    const plain = read('select a from t').statements[0]!.digest;
    expect(read(`select a from t /*traceparent='${TP}'*/`).statements[0]!.digest).toBe(plain);
    expect(read(`/*x='y'*/ select a /*z*/ from t`).statements[0]!.digest).toBe(plain);
  });
  test('many keys in one comment are read once', () => {
    const buf = Buffer.from(`/*${"traceparent='0".repeat(20_000)}*/`);
    const before = cpuMs();
    expect(traceparentOf(buf, 0, buf.length)).toBe('');
    expect(cpuMs() - before).toBeLessThan(1000);
  });
});

describe('isTraceparent, as for application_name', () => {
  const cases: readonly (readonly [text: string, want: boolean])[] = [
    [TP, true],
    [TP.replace('-01', '-00'), true],
    [`cc${TP.slice(2)}`, true],
    ['', false],
    ['psql', false],
    [` ${TP}`, false],
    [`${TP} `, false],
    [TP.replace('a', 'A'), false],
    [TP.replace('a', 'g'), false],
    [TP.replaceAll('-', '_'), false],
    [`ff${TP.slice(2)}`, false],
    [`00-${'0'.repeat(32)}-b7ad6b7169203331-01`, false],
    [`00-0af7651916cd43dd8448eb211c80319c-${'0'.repeat(16)}-01`, false],
  ];
  for (const [text, want] of cases) test(JSON.stringify(text), () => expect(isTraceparent(text)).toBe(want));
});
