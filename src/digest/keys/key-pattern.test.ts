import { randomBytes, randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { KeyPattern, PATTERN_KEY_BYTES } from './key-pattern.ts';

const pattern = new KeyPattern();
const patternOf = (key: Uint8Array): string => {
  const around = Buffer.concat([Buffer.from('77:'), key, Buffer.from(':99')]);
  pattern.of(around, 3, 3 + key.length);
  return Buffer.from(pattern.bytes.subarray(0, pattern.length)).toString();
};

const CASES: readonly (readonly [name: string, key: string, want: string])[] = [
  ['a word', 'queue', 'queue'],
  ['nothing', '', ''],
  ['a number', '42', '*'],
  ['a number in its place', 'user:42:cart', 'user:*:cart'],
  ['redis-benchmark', 'key:000000000012', 'key:*'],
  ['every separator', 'a:1.2/3-4|5_6{7}8', 'a:*.*/*-*|*_*{*}*'],
  ['separators alone', '::/', '::/'],
  ['a hash tag', '{user:1000}.following', '{user:*}.following'],
  ['a sign', 'offset:-5', 'offset:-*'],
  ['a date and time', 'day:2026-11-21T07:30:00Z', 'day:*-*-*:*:*'],
  ['an IPv4 address', 'rate:10.0.0.17', 'rate:*.*.*.*'],
  ['hexadecimal', 'session:9f86d081884c7d65', 'session:*'],
  ['capital hexadecimal', 'session:9F86D081', 'session:*'],
  ['seven of it are a word', 'v:9f86d0a', 'v:*'],
  ['hexadecimal letters alone are a word', 'cache:deadbeef', 'cache:deadbeef'],
  ['… until there are many', 'cache:deadbeefdeadbeef', 'cache:*'],
  ['a UUID', 'order:550e8400-e29b-41d4-a716-446655440000:lines', 'order:*:lines'],
  ['a UUID behind a word and a dash', 'celery-task-meta-550e8400-e29b-41d4-a716-446655440000', 'celery-task-meta-*'],
  ['a UUID before a suffix', '550e8400-e29b-41d4-a716-446655440000.lock', '*.lock'],
  ['not quite a UUID', 'x:zzze8400-e29b-41d4-a716-446655440000', 'x:zzze*-e29b-*-a*-*'],
  ['an e-mail address', 'login:anna.smith+x@mail.example.com:tries', 'login:*:tries'],
  ['an at sign at an end is none', '@user:3', '*:*'],
  ['base64', 'sess:bXlzZWNyZXR0b2tlbjEyMw==', 'sess:*'],
  ['base64 for URLs', 'sess:Xa9kd-3fjE_dQ4a-xYz01', 'sess:*'],
  ['letters in disorder', 'sess:aBcDxYzQwErTyUiO', 'sess:*'],
  ['a long name in camel case', 'getCustomerPreferencesForUser', 'getCustomerPreferencesForUser'],
  ['a long lower-case word', 'internationalization', 'internationalization'],
  ['no word is this long', 'a'.repeat(32), '*'],
  ['a short identifier', 'page:V1StGXR8Z5', 'page:*'],
  ['digits behind a word', 'user123', 'user*'],
  ['a version', 'api:v2:sha256', 'api:v2:sha*'],
  ['a version of two digits', 'utf16', 'utf16'],
  ['a number with its unit', 'window:24h', 'window:*'],
  ['one digit first', '2fa:codes', '2fa:codes'],
  ['words with dashes', 'rate-limit_by.host', 'rate-limit_by.host'],
  ['free text', "search:anna's red shoes:3", 'search:*:*'],
  ['percent encoding', 'u:anna%20smith', 'u:*'],
  ['UTF-8', 'größe:漢字:5', 'größe:漢字:*'],
  ['a control', 'a:b\u0001c:d', 'a:*:d'],
  ['a C1 control', 'a:b\u0085c', 'a:*'],
  ['a plus before a word', '+switch-master', '+switch-master'],
  ['a plus before a number', 'x:+5', 'x:+*'],
  ['a plus for a blank', 'search:red+shoes', 'search:*'],
  ['a glob of channels', 'news.*', 'news.*'],
];

test.each(CASES)('%s', (_, key, want) => {
  expect(patternOf(Buffer.from(key))).toBe(want);
});

test('bytes that are no UTF-8', () => {
  expect(patternOf(Buffer.from([0x61, 0x3a, 0xff, 0xfe, 0x3a, 0x62]))).toBe('a:*:b');
  expect(patternOf(Buffer.from([0x61, 0x3a, 0xc3]))).toBe('a:*'); // the ':' behind it belongs to nobody
});

test('of a long key the first bytes count', () => {
  const words = 'word:'.repeat(40);
  expect(patternOf(Buffer.from(words))).toBe(`${'word:'.repeat(25)}*`);
  expect(patternOf(Buffer.alloc(10_000, 'x'))).toBe('*');
});

test.each([
  ['user:42', 'user:'],
  ['{a}b', '{'],
  ['user', ''],
  ['7-8', '*-'],
])('%s begins with "%s"', (key, head) => {
  patternOf(Buffer.from(key));
  expect(Buffer.from(pattern.bytes.subarray(0, pattern.head)).toString()).toBe(head);
});

test('identifiers of all kinds make few patterns', () => {
  const kinds: readonly (readonly [name: string, most: number, make: () => string])[] = [
    ['number', 1, () => String(Math.floor(Math.random() * 1e9))],
    ['UUID', 1, () => randomUUID()],
    ['hexadecimal', 1, () => randomBytes(16).toString('hex')],
    // Base64 breaks at its own slashes, and two or three pieces of it may look like words.
    ['base64url', 40, () => randomBytes(24).toString('base64url')],
  ];
  for (const [name, most, make] of kinds) {
    const seen = new Set(Array.from({ length: 2000 }, () => patternOf(Buffer.from(`id:${make()}`))));
    expect([...seen].slice(0, most + 1).length, `${name}: ${[...seen].slice(0, 5)}`).toBeLessThanOrEqual(most);
  }
});

test('any bytes: bounded, readable, and a pattern is its own pattern', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 300 }), (key) => {
      const once = patternOf(key);
      expect(Buffer.byteLength(once)).toBeLessThanOrEqual(PATTERN_KEY_BYTES + 1);
      expect(once).not.toContain('\ufffd');
      if (key.length < PATTERN_KEY_BYTES) expect(patternOf(Buffer.from(once))).toBe(once);
    }),
    { numRuns: 2000 },
  );
});
