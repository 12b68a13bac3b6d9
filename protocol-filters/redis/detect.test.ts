import { expect, test } from 'vitest';
import { detectRedis, firstByteFault } from './detect.ts';
import { raw, say } from './testing/builders.ts';

const CASES: readonly (readonly [head: string, want: 'yes' | 'no' | 'more'])[] = [
  ['', 'more'],
  ['*', 'more'],
  ['*2', 'more'],
  ['*2\r', 'more'],
  ['*2\r\n', 'more'],
  ['*2\r\n$', 'yes'],
  ['*2\r\n:', 'no'],
  ['*\r\n$', 'no'],
  ['*-1\r\n', 'no'],
  ['*123456789\r\n', 'no'],
  ['PI', 'more'],
  ['PING\r\n', 'yes'],
  ['ping', 'more'],
  ['set a b\n', 'yes'],
  ['set a ', 'more'],
  ['NOSUCH a\r\n', 'no'],
  ['GET / HTTP/1.1\r\n', 'no'],
  ['GET /', 'more'],
  ['GET /a\r\n', 'yes'],
  ['POST / HTTP/1.1\r\n', 'no'],
  ['EHLO example.org\r\n', 'no'],
  ['SSH-2.0-OpenSSH_9.2\r\n', 'no'],
  ['\x16\x03\x01', 'no'],
  ['\0\0\0\x16\0\x03\0\0', 'no'],
  ['"PING"\r\n', 'no'],
];
for (const [head, want] of CASES)
  test(`${JSON.stringify(head)}: ${want}`, () => expect(detectRedis(raw(head))).toBe(want));

test('every beginning of what is ours is yes or more', () => {
  const bytes = say('SET a b');
  for (let i = 0; i <= bytes.length; i++) expect(detectRedis(bytes.subarray(0, i))).toBe(i < 5 ? 'more' : 'yes');
});

test('a line without an end is given up', () => {
  expect(detectRedis(raw(`SET ${'a'.repeat(600)}`))).toBe('no');
  expect(detectRedis(raw('a'.repeat(40)))).toBe('no');
});

test('first bytes', () => {
  expect([0x16, 0, 0xff, 0x2a, 0x50, 0x0d].map(firstByteFault)).toEqual([
    'encrypted',
    'foreign_protocol',
    'foreign_protocol',
    null,
    null,
    null,
  ]);
});
