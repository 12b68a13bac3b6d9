import { describe, expect, test } from 'vitest';
import { duration, isDnsName, protoDuration } from './field-types.ts';

describe('durations as proto JSON writes them', () => {
  const cases: [text: string, ms: number | null][] = [
    ['5s', 5000],
    ['0.25s', 250],
    ['0s', 0],
    ['0.0001s', 1], // never rounded down to "off"
    ['1.000000001s', 1001],
    ['2147483.647s', 2 ** 31 - 1],
    ['2147483.648s', null],
    ['-1s', null],
    ['5', null],
    ['5m', null],
    ['.5s', null],
    ['1e3s', null],
    [' 5s', null],
    ['', null],
  ];
  for (const [text, ms] of cases) {
    test(JSON.stringify(text), () => {
      const parsed = duration().safeParse(text);
      expect(parsed.success ? parsed.data : null).toBe(ms);
    });
  }
});

describe('durations of the short form', () => {
  const cases: [text: string, proto: string | null][] = [
    ['250ms', '0.25s'],
    ['0.5ms', '0.0005s'],
    ['5s', '5s'],
    ['1.5s', '1.5s'],
    ['0.25s', '0.25s'],
    ['1.5m', '90s'],
    ['1h', '3600s'],
    ['1d', '86400s'],
    ['0s', '0s'],
    ['5', null],
    ['5 s', null],
    ['-5s', null],
    ['1h30m', null],
    ['5S', null],
  ];
  for (const [text, proto] of cases) test(text, () => expect(protoDuration(text)).toBe(proto));
});

describe('DNS names', () => {
  for (const name of ['db', 'db1.example.com', 'my_db', 'db.', 'xn--bcher-kva.example'])
    test(name, () => expect(isDnsName(name)).toBe(true));
  for (const name of ['', '.', '-db', '1.2.3', 'a..b', 'a b', 'a/b', 'x'.repeat(64), `${'a.'.repeat(130)}a`, 'bücher'])
    test(`not ${JSON.stringify(name.slice(0, 20))}`, () => expect(isDnsName(name)).toBe(false));
});
