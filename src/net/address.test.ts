import { describe, expect, test } from 'vitest';
import { splitHostPort, unmapped } from './address.ts';

describe('host and port of an upstream', () => {
  const cases: [text: string, host: string | null, port?: number][] = [
    ['b2.example:9092', 'b2.example', 9092],
    ['kafka_1:9092', 'kafka_1', 9092],
    ['localhost:1', 'localhost', 1],
    ['10.0.0.2:65535', '10.0.0.2', 65_535],
    ['[::1]:9092', '::1', 9092],
    ['[fe80::1%eth0]:9092', 'fe80::1%eth0', 9092],
    ['b2.example', null],
    ['b2.example:', null],
    ['b2.example:0', null],
    ['b2.example:65536', null],
    ['b2.example:-1', null],
    [':9092', null],
    ['::1:9092', null],
    ['[b2.example]:9092', null],
    ['[10.0.0.2]:9092', null],
    ['1.2.3:9092', null],
    ['b2 example:9092', null],
    ['b2\n:9092', null],
    ['b2\0:9092', null],
    ['b2":9092', null],
    ['bücher.example:9092', null],
    [`${'a'.repeat(64)}.example:9092`, null],
    [`${'a.'.repeat(200)}b:9092`, null],
    [`${'a'.repeat(65_536)}:9092`, null],
    ['', null],
  ];
  for (const [text, host, port] of cases)
    test(JSON.stringify(text.slice(0, 40)), () => {
      expect(splitHostPort(text)).toEqual(host === null ? null : { host, port });
    });
});

test('an IPv4 client of a socket that takes both', () => {
  expect(['::ffff:10.0.0.1', '::FFFF:10.0.0.1', '10.0.0.1', '::1', '::ffff:a00:1'].map(unmapped)).toEqual([
    '10.0.0.1',
    '10.0.0.1',
    '10.0.0.1',
    '::1',
    '::ffff:a00:1',
  ]);
});
