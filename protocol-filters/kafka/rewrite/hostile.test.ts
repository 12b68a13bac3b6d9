import { describe, expect, test } from 'vitest';
import { APIS, ApiKey } from '../schema/api.ts';
import { encodeReply } from '../wire/message-codec.ts';
import { highestVersion } from './api-versions.ts';
import { numbers, randomReply } from './testing/random-reply.ts';
import { Stage } from './testing/stage.ts';
import { planOf } from './walk-plan.ts';

const ID = 7;
const METADATA = ApiKey.metadata;
const hostOf = (host: string, port = 9092): object => ({ brokers: [{ nodeId: 1, host, port }] });
const metadata = (value: object, version = 1): Buffer => encodeReply(METADATA, version, ID, value as never);
/** A reply with a size that says how long it is. */
const sized = (bytes: Buffer): Buffer => {
  bytes.writeInt32BE(bytes.length - 4, 0);
  return bytes;
};

describe('KF-16: a reply that cannot be vouched for closes the connection, and nothing of it leaves', () => {
  const flexible = metadata(hostOf('b1.example'), 12);
  const CASES: readonly (readonly [name: string, key: number, version: number, reply: Buffer, reason: string])[] = [
    ['KF-01 a version newer than the tables', METADATA, 99, flexible, 'undecodable_reply'],
    ['KF-01 an API newer than the tables', 999, 0, flexible, 'undecodable_reply'],
    ['KF-01 an API below 0', -1, 0, flexible, 'undecodable_reply'],
    [
      'cut: a size that is too small',
      METADATA,
      1,
      sized(Buffer.from(metadata(hostOf('b1')).subarray(0, -1))),
      'undecodable_reply',
    ],
    [
      'bytes behind the last field',
      METADATA,
      1,
      sized(Buffer.concat([metadata(hostOf('b1')), Buffer.from([0])])),
      'undecodable_reply',
    ],
    ['another version than was asked for', METADATA, 1, flexible, 'undecodable_reply'],
    ['KF-03 2^31-1 brokers', METADATA, 1, frame('7fffffff'), 'undecodable_reply'],
    ['KF-03 a negative count below null', METADATA, 1, frame('fffffffe'), 'undecodable_reply'],
    ['KF-03 2^28 tagged fields', METADATA, 12, frame('ffffff7f'), 'undecodable_reply'],
    ['KF-03 a varint of six bytes', METADATA, 12, frame('ffffffffff01'), 'undecodable_reply'],
    [
      'KF-04 a compact length past the frame',
      METADATA,
      12,
      frame('00 00000000 02 00000001 ff01 6162'),
      'undecodable_reply',
    ],
    ['a tagged field past the frame', METADATA, 12, frame('01 00 7f 00'), 'undecodable_reply'],
    ['an address of 64 KiB', METADATA, 12, metadata(hostOf('a'.repeat(65_535)), 12), 'undecodable_reply'],
    ['an address of 32 KiB, in one of the old', METADATA, 1, metadata(hostOf('a'.repeat(32_767))), 'undecodable_reply'],
    ['an empty body', METADATA, 1, frame(''), 'undecodable_reply'],
    ['no correlation id', METADATA, 1, Buffer.from('00000003000000', 'hex'), 'opaque:undersized'],
    ['KF-19 a negative size', METADATA, 1, Buffer.from('ffffffff', 'hex'), 'opaque:undersized'],
    ['KF-19 2 GiB', METADATA, 1, Buffer.from('7fffffff', 'hex'), 'opaque:oversized'],
    ['1 GiB of brokers', METADATA, 1, Buffer.from('4000000000000007', 'hex'), 'undecodable_reply'],
    [
      'KF-10 another correlation id',
      METADATA,
      1,
      encodeReply(METADATA, 1, ID + 1, hostOf('b1') as never),
      'opaque:unexpected_reply',
    ],
    ['a host with NUL', METADATA, 1, metadata(hostOf('b1\0.example')), 'no_door'],
    ['a host with a quote', METADATA, 1, metadata(hostOf("b1'; drop")), 'no_door'],
    ['a host with a line break', METADATA, 1, metadata(hostOf('b1\nINFO fine')), 'no_door'],
    ['a host that is no ASCII', METADATA, 1, metadata(hostOf('bücher.example')), 'no_door'],
    ['a host with a port in it', METADATA, 1, metadata(hostOf('b1.example:1')), 'no_door'],
    ['a scoped address', METADATA, 1, metadata(hostOf('fe80::1%eth0')), 'no_door'],
    ['a port above 65535', METADATA, 1, metadata(hostOf('b1.example', 65_536)), 'no_door'],
  ];
  for (const [name, key, version, reply, reason] of CASES)
    for (const sizes of [[reply.length], [1], [3, 7]])
      test(`${name} (${sizes.length > 1 ? 'cut' : sizes[0] === 1 ? 'byte by byte' : 'whole'})`, () => {
        if (sizes[0] === 1 && reply.length > 10_000) sizes[0] = 100;
        const stage = new Stage().ask(key, version, ID).reply(reply, ...sizes);
        expect(stage.harness.closed).toBe(reason);
        expect(stage.sent.length).toBe(0);
        expect(stage.harness.doors.asked.every((each) => each === 'b1:9092' || each === 'b1.example:9092')).toBe(true);
        for (const text of stage.warnings) expect(text).not.toMatch(/[\0\n']|b1/);
      });
});

test.each([
  ['encrypted', 'a client speaks TLS'],
  ['foreign_protocol', "a client speaks another protocol than Kafka's"],
  ['unexpected_reply', 'as if it were no Kafka broker'],
  ['too_many_in_flight', 'a connection cannot be read (too_many_in_flight)'],
] as const)('%s: closed, and the operator is told why', (fault, why) => {
  const stage = new Stage();
  stage.rewriter.giveUp(fault);
  stage.rewriter.giveUp('truncated');
  expect(stage.harness.closed).toBe(`opaque:${fault}`);
  expect([...stage.warnings]).toEqual([expect.stringContaining(why)]);
});

test('KF-10 a reply that nobody asked for closes the connection', () => {
  const stage = new Stage().reply(metadata(hostOf('b1.example')));
  expect(stage.harness.closed).toBe('opaque:unexpected_reply');
});

test('KF-10 a reply too many before the one that is awaited: it is never taken for it', () => {
  const stage = new Stage().ask(METADATA, 1, ID);
  stage.reply(Buffer.concat([Buffer.from('0000000400000063', 'hex'), metadata(hostOf('b1.example'))]));
  expect(stage.harness.closed).toBe('opaque:unexpected_reply');
  expect(stage.sent.length).toBe(0);
});

test('10,000 brokers: few more doors are asked for than there can be', () => {
  const brokers = Array.from({ length: 10_000 }, (_, i) => ({ nodeId: i, host: `b${i}.example`, port: 9092 }));
  const stage = new Stage({ options: { rewrite: 'auto', broker_ports: { count: 50 } }, doors: { held: true } });
  stage.ask(METADATA, 1, ID).reply(metadata({ brokers }), 5000);
  expect(stage.harness.doors.asked.length).toBe(52);
  expect(stage.harness.closed).toBe('no_door');
});

test('10,000 groups of one broker: one door', () => {
  const coordinators = Array.from({ length: 10_000 }, (_, i) => ({ key: `g${i}`, nodeId: 1, host: 'b1', port: 9092 }));
  const stage = new Stage().ask(ApiKey.findCoordinator, 4, ID);
  stage.reply(encodeReply(ApiKey.findCoordinator, 4, ID, { coordinators } as never));
  const want = coordinators.map((each) => ({ ...each, host: '127.0.0.1', port: 19_093 }));
  const expected = encodeReply(ApiKey.findCoordinator, 4, ID, { coordinators: want } as never);
  expect(stage.sent.equals(expected)).toBe(true);
});

test('1,024 replies may be awaited; one more closes', () => {
  const stage = new Stage();
  for (let i = 0; i < 1024; i++) stage.ask(METADATA, 1, i);
  expect(stage.harness.closed).toBe('');
  stage.ask(METADATA, 1, 0);
  expect(stage.harness.closed).toBe('opaque:too_many_in_flight');
});

test('noise in place of a reply never throws, and never leaves', () => {
  const random = numbers(42);
  for (let i = 0; i < 3000; i++) {
    const { key, since, until } = APIS[random(APIS.length)]!;
    const version = since + random(until - since + 1);
    if (key !== ApiKey.apiVersions && !planOf(key, version)!.hasAddresses) continue;
    const reply = encodeReply(key, version, ID, randomReply(key, version, i + 1));
    for (let hits = random(4); hits >= 0; hits--) reply[8 + random(Math.max(1, reply.length - 8))] = random(256);
    const stage = new Stage({ doors: { count: 3 } }).ask(key, version, ID).reply(reply, 1 + random(40));
    if (stage.harness.closed === '') continue;
    expect(stage.sent.length).toBe(0);
  }
});

test('what a reply declares costs no memory', () => {
  const stage = new Stage().ask(METADATA, 12, ID);
  const head = Buffer.from('3fffffff 00000007 00 00000000'.replaceAll(' ', ''), 'hex');
  const before = process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers;
  stage.reply(Buffer.concat([head, Buffer.from('ffffff7f', 'hex')]));
  expect(process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers - before).toBeLessThan(64 * 1024);
});

test('versions that ApiVersions offers can all be read', () => {
  for (const { key, since } of APIS)
    for (let version = since; version <= highestVersion(key); version++) expect(planOf(key, version)).not.toBeNull();
});

function frame(body: string): Buffer {
  const bytes = Buffer.from(body.replaceAll(' ', ''), 'hex');
  const head = Buffer.alloc(8);
  head.writeInt32BE(4 + bytes.length, 0);
  head.writeInt32BE(ID, 4);
  return Buffer.concat([head, bytes]);
}
