import { expect, test } from 'vitest';
import { Side } from '../../src/exchange/side.ts';
import { detectRedis, firstByteFault } from './detect.ts';
import { raw, say } from './testing/builders.ts';
import { byteByByte, play } from './testing/story.ts';

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

/** What clients of other protocols say first. */
const FOREIGN: readonly (readonly [who: string, opening: string, fault?: string])[] = [
  ['TLS', '\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03', 'encrypted'],
  ['HTTP GET', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n'],
  ['HTTP POST', 'POST /x HTTP/1.1\r\nHost: a\r\n\r\n*1\r\n$8\r\nFLUSHALL\r\n'],
  ['HTTP HEAD', 'HEAD / HTTP/1.1\r\n\r\n'],
  ['HTTP OPTIONS', 'OPTIONS * HTTP/1.1\r\n\r\n'],
  ['HTTP CONNECT', 'CONNECT a:443 HTTP/1.1\r\n\r\n'],
  ['HTTP/2', 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['RTSP', 'DESCRIBE rtsp://a RTSP/1.0\r\n\r\n'],
  ['PROXY protocol, version 1', 'PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n'],
  ['PROXY protocol, version 2', '\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c'],
  ['Postgres', '\0\0\0\x08\x04\xd2\x16\x2f'],
  ['MongoDB', '\x3a\0\0\0\x01\0\0\0\0\0\0\0\xdd\x07\0\0'],
  ['Kafka', '\0\0\0\x16\0\x12\0\x03\0\0\0\x01'],
  ['ZooKeeper', '\0\0\0\x2c\0\0\0\0'],
  ['Cassandra', '\x04\0\0\0\x05\0\0\0\0'],
  ['SQL Server', '\x12\x01\0\x2f\0\0\x01\0'],
  ['AMQP', 'AMQP\0\0\x09\x01'],
  ['MQTT', '\x10\x10\0\x04MQTT'],
  ['NATS', 'CONNECT {"verbose":false}\r\n'],
  ['SSH', 'SSH-2.0-OpenSSH_9.2\r\n'],
  ['SMTP', 'EHLO example.org\r\n'],
  ['memcached', 'stats\r\n'],
  ['IRC', 'NICK a\r\nUSER a 0 * :a\r\n'],
];
for (const [who, opening, fault = 'foreign_protocol'] of FOREIGN)
  test(`X-11 ${who} is no client of ours`, () => {
    for (const cut of [undefined, byteByByte]) {
      const { harness } = play([['>', raw(opening)]], {}, cut);
      expect([harness.opaqueReasons, harness.begun, harness.sent(Side.upstream).equals(raw(opening))]).toEqual([
        [fault],
        0,
        true,
      ]);
    }
  });
