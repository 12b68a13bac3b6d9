import { describe, expect, test } from 'vitest';
import { seeded } from '../../../src/net/simulated.ts';
import { cpuMs } from '../../../test/support/cpu-time.ts';
import { APIS, ApiKey } from '../schema/api.ts';
import { type Field, fieldsOf, within } from '../schema/field.ts';
import { Role } from '../schema/roles.ts';
import { type Cut, frame, replyFrame, requestFrame, Told, toldReplies, toldRequests } from '../testing/wire-frames.ts';
import { int32, randomMessage, SOURCE_MESSAGES, varint, versionsOf } from '../testing/wire-random.ts';
import { MOST_DEPTH } from './body-reader.ts';
import { encodeMessage, encodeRequest } from './message-codec.ts';
import { RequestReader } from './request-reader.ts';
import { End } from './sinks.ts';

const CUTS: Cut[] = ['whole', 'bytes', [3, 1, 7]];
const hex = (...parts: string[]): Buffer => Buffer.from(parts.join(''), 'hex');

/** The last call of the reader, the same in every cut. */
function ended(bytes: Buffer): string {
  const told = CUTS.map((cut) => toldRequests(bytes, cut).calls);
  for (const calls of told) expect(calls).toEqual(told[0]);
  return told[0]!.at(-1)!;
}

/** A request of a body, and behind it one that must be read. */
function endedBefore(key: number, version: number, body: Buffer): string {
  const next = encodeRequest(ApiKey.metadata, 1, 99, 'next', { topics: [] });
  const told = CUTS.map(
    (cut) => toldRequests(Buffer.concat([requestFrame(key, version, 1, 'me', body), next]), cut).calls,
  );
  for (const calls of told) {
    expect(calls).toEqual(told[0]);
    expect(calls).toContain('request 3 v1 #99 next');
    expect(calls.at(-1)).toBe(`end ${End.whole} ${next.length}`);
  }
  return told[0]!.filter((call) => call.startsWith('end '))[0]!;
}

describe('KF-19: frames nobody can trust', () => {
  test.each([
    ['negative', hex('ffffffff', '0000'), 'fault undersized'],
    ['the least number', hex('80000000'), 'fault undersized'],
    ['above 100 MiB', int32((100 << 20) + 1), 'fault oversized'],
    ['HTTP', Buffer.from('GET / HTTP/1.1\r\n'), 'fault oversized'],
    ['TLS', hex('16030100c8010000c4'), 'fault oversized'],
    ['zero', hex('00000000'), 'fault undersized'],
    ['less than a header', hex('00000007', '00120000000000'), 'fault undersized'],
  ])('%s', (_name, bytes, fault) => {
    expect(ended(bytes)).toBe(fault);
  });

  test('nothing is read behind it', () => {
    const told = toldRequests(Buffer.concat([hex('ffffffff'), encodeRequest(3, 1, 1, 'me', {})]));
    expect(told.calls).toEqual(['fault undersized']);
  });

  test('a frame of exactly 100 MiB is one', () => {
    const told = toldRequests(Buffer.concat([int32(100 << 20), hex('0003', '0001', '00000001', 'ffff')]));
    expect(told.calls).toEqual(['request 3 v1 #1 null']);
  });

  test('a reply may be longer, up to 1 GiB', () => {
    expect(toldReplies(hex('3fffffff', '00000001'), []).calls).toEqual(['reply #1']);
    expect(toldReplies(hex('40000001'), []).calls).toEqual(['fault oversized']);
    expect(toldReplies(hex('00000003'), []).calls).toEqual(['fault undersized']);
  });
});

describe('KF-01: what the tables do not know is named by its header, and passed over', () => {
  test.each([
    ['an API of the future', 4711, 0],
    ['a negative API', -1, 0],
    ['a version of the future', ApiKey.produce, 99],
    ['a negative version', ApiKey.produce, -1],
    ['an unstable version', ApiKey.initProducerId, 6],
  ])('%s', (_name, key, version) => {
    expect(endedBefore(key, version, hex('ffffffffff'))).toBe(`end ${End.unknown} 21`);
    expect(toldRequests(requestFrame(key, version, 5, 'me', hex('00'))).calls[0]).toBe(
      `request ${key} v${version} #5 me`,
    );
  });

  test('of an API that nobody knows the client id may be anything', () => {
    const bytes = frame(hex('1267', '0000', '00000005', '7fff', '00'));
    expect(toldRequests(bytes).calls).toEqual(['request 4711 v0 #5 null', `end ${End.unknown} 15 truncated`]);
  });

  test('ControlledShutdown v0 has no client id', () => {
    const bytes = requestFrame(ApiKey.controlledShutdown, 0, 5, 'ignored', int32(3));
    expect(toldRequests(bytes).calls).toEqual(['request 7 v0 #5 null', `end ${End.whole} 16`]);
  });

  test('a reply to ApiVersions of a too new version reads as version 0, with error 35', () => {
    const body = encodeMessage(ApiKey.apiVersions, 0, 'response', {
      errorCode: 35,
      apiKeys: [{ apiKey: 18, minVersion: 0, maxVersion: 3 }],
    });
    for (const version of [1, 2, 3, 4, 5, 99]) {
      const told = toldReplies(replyFrame(7, body), [[ApiKey.apiVersions, version]], 'bytes');
      expect(told.calls).toEqual([
        'reply #7',
        `number ${Role.errorCode} 35`,
        `list ${Role.apis} 1`,
        `item ${Role.apis}`,
        `number ${Role.apiKey} 18`,
        `number ${Role.minVersion} 0`,
        `number ${Role.maxVersion} 3`,
        `itemEnd ${Role.apis}`,
        `end ${End.whole} 20`,
      ]);
    }
  });

  test('a reply to ApiVersions of the future without that error is passed over', () => {
    const told = toldReplies(replyFrame(7, hex('0000', 'ffffffffffff')), [[ApiKey.apiVersions, 99]]);
    expect(told.calls).toEqual(['reply #7', `number ${Role.errorCode} 0`, `end ${End.whole} 16`]);
  });
});

describe('KF-03: counts and lengths that lie', () => {
  const metadata = ApiKey.metadata;
  test.each<[string, number, number, Buffer]>([
    ['2^31-1 topics', metadata, 1, hex('7fffffff')],
    ['a count of -2 where the version has no null', metadata, 0, hex('fffffffe')],
    ['null where the version has none', metadata, 0, hex('ffffffff')],
    ['2^32-2 compact topics', metadata, 9, hex('00', 'ffffffff0f')],
    ['a varint of six bytes', metadata, 9, hex('00', 'ffffffffff01')],
    ['a varint above 32 bits', metadata, 9, hex('00', 'ffffffff1f')],
    ['a varint with a zero too many', metadata, 9, hex('00', '8100', '010001', '00')],
    ['2^31 header tags', metadata, 9, hex('8080808008')],
    ['a tag of 2^31 bytes', metadata, 9, hex('01', '05', '8080808008', '00')],
    ['a topic past the frame', metadata, 1, hex('00000001', '7fff', '61')],
    ['a compact topic past the frame', metadata, 9, hex('00', '02', 'ff01', '61')],
    ['a topic of -2 bytes', metadata, 1, hex('00000001', 'fffe')],
    [
      'a compact string above 32767 bytes',
      metadata,
      9,
      Buffer.concat([hex('00', '02'), varint(40_001), Buffer.alloc(40_010)]),
    ],
    [
      'records past the frame',
      ApiKey.produce,
      3,
      hex('ffff', '0001', '00000000', '00000001', '000161', '00000001', '00000000', '00000100', '00'),
    ],
    ['bytes of -2', ApiKey.saslAuthenticate, 0, hex('fffffffe')],
    [
      'partitions that nobody wants, past the frame',
      ApiKey.leaderAndIsr,
      0,
      hex('00000001', '00000001', '00000001', '00016100000000', '00000001', '00000001', '00000001', '7fffffff'),
    ],
    ['a body that is not there', ApiKey.produce, 3, hex('')],
    [
      'a known tag that holds more than its field',
      ApiKey.fetch,
      12,
      Buffer.concat([fetchHead(), hex('01', '00', '03', '02', '61', '00')]),
    ],
    [
      'a known tag that holds less than its field',
      ApiKey.fetch,
      12,
      Buffer.concat([fetchHead(), hex('01', '00', '01', '02', '61')]),
    ],
  ])('%s', (_name, key, version, body) => {
    expect(endedBefore(key, version, body)).toMatch(
      new RegExp(`^end ${End.malformed} \\d+ (truncated|undersized|oversized)$`),
    );
  });

  /** Fetch v12 up to its tagged fields. */
  function fetchHead(): Buffer {
    return encodeMessage(ApiKey.fetch, 12, 'request', { topics: [], forgottenTopicsData: [] }).subarray(0, -1);
  }

  test('a negative count or length is a null where there may be one, as brokers read it', () => {
    for (const count of ['ffffffff', 'fffffffb', '80000000']) {
      const told = toldRequests(requestFrame(metadata, 1, 1, 'me', hex(count)), 'bytes').calls;
      expect(told.slice(1)).toEqual([`list ${Role.topics} -1`, `end ${End.whole} 20`]);
    }
    const told = toldRequests(
      requestFrame(ApiKey.produce, 3, 1, 'me', hex('fff0', '0001', '00000000', '00000000')),
    ).calls;
    expect(told).toContain(`text ${Role.transactionalId} null`);
  });

  test('bytes behind the body are told apart', () => {
    expect(endedBefore(metadata, 1, hex('00000000', '00'))).toBe(`end ${End.trailing} 21`);
  });

  test('a header that lies is a malformed request', () => {
    const bytes = Buffer.concat([
      frame(hex('0003', '0001', '00000001', '0100', '61')),
      encodeRequest(3, 1, 2, 'b', {}),
    ]);
    expect(toldRequests(bytes, 'bytes').calls.slice(0, 3)).toEqual([
      'request 3 v1 #1 null',
      `end ${End.malformed} 15 truncated`,
      'request 3 v1 #2 b',
    ]);
    expect(ended(frame(hex('0003', '0001', '00000001')))).toBe(`end ${End.malformed} 12 truncated`);
    expect(ended(frame(hex('0003', '0001', '00000001', 'fffe')))).toBe(`end ${End.malformed} 14 truncated`);
  });

  test('100 bytes that declare 2^31 elements cost no time and no memory', () => {
    const body = Buffer.concat([hex('7fffffff'), Buffer.alloc(96)]);
    const bytes = Buffer.concat(Array.from({ length: 1000 }, () => requestFrame(metadata, 1, 1, 'me', body)));
    const reader = new RequestReader(new Quiet());
    reader.push(bytes, 0, bytes.length, 0);
    const before = process.memoryUsage();
    const from = cpuMs();
    reader.push(bytes, 0, bytes.length, 0);
    const took = cpuMs() - from;
    const after = process.memoryUsage();
    expect(took / 1000).toBeLessThan(1);
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(64 * 1024);
  });

  test('a body that was cut holds what came of one field, whatever it declares', () => {
    const before = process.memoryUsage().arrayBuffers;
    const readers = Array.from({ length: 200 }, () => new RequestReader(new Quiet()));
    // A topic of 32 KiB is declared, in a frame of 100 MiB; three bytes of it come.
    const start = Buffer.concat([
      int32(100 << 20),
      hex('0003', '0001', '00000001', 'ffff', '00000001', '7fff', '616161'),
    ]);
    for (const reader of readers) reader.push(start, 0, start.length, 0);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(200 * 2048);
  });
});

test('noise never throws, whatever it is the body of, and the next frame is found', () => {
  const random = seeded(42);
  const noise = (size: number): Buffer => Buffer.from(Array.from({ length: size }, () => Math.floor(random() * 256)));
  for (const { key, since, until } of APIS)
    for (let version = since; version <= until; version++)
      for (let i = 0; i < 6; i++) endedBefore(key, version, noise(Math.floor(random() * 60)));
});

test('a sound message with one byte changed never throws, in any cut the same', () => {
  const random = seeded(7);
  for (const message of SOURCE_MESSAGES) {
    for (const version of versionsOf(message)) {
      const { body } = randomMessage(message, version, 3);
      if (body.length === 0) continue;
      for (let i = 0; i < 4; i++) {
        const changed = Buffer.from(body);
        changed[Math.floor(random() * changed.length)] = Math.floor(random() * 256);
        const key = message.apiKey;
        const bytes =
          message.type === 'request' ? requestFrame(key, version, 1, 'me', changed) : replyFrame(1, changed);
        const tell = (cut: Cut): string[] =>
          (message.type === 'request' ? toldRequests(bytes, cut) : toldReplies(bytes, [[key, version]], cut)).calls;
        const whole = tell('whole');
        expect(whole.at(-1)).toMatch(/^end [034] /);
        expect(tell([5, 1, 40])).toEqual(whole);
      }
    }
  }
});

test('lists and tagged fields stand within each other no deeper than the reader can', () => {
  const depth = (fields: readonly Field[], version: number): number =>
    Math.max(
      0,
      ...fields
        .filter((field) => within(version, field.versions))
        .map((field) => {
          const own = (field.isList ? 1 : 0) + (within(version, field.tagged) ? 1 : 0);
          return own + depth(field.fields, version);
        }),
    );
  const deepest = APIS.map(({ key, until }) =>
    Math.max(...(['request', 'response'] as const).map((direction) => depth(fieldsOf(key, direction), until))),
  );
  expect(Math.max(...deepest)).toBeGreaterThan(3);
  // One more: the tagged fields of a struct that has none of its own.
  expect(Math.max(...deepest)).toBeLessThan(MOST_DEPTH - 1);
});

/** Told nothing, keeps nothing. */
class Quiet extends Told {
  override number(): void {}
  override text(): void {}
  override uuid(): void {}
  override list(): void {}
  override item(): void {}
  override itemEnd(): void {}
  override records(): void {}
  override onRequest(): boolean {
    return true;
  }
  override onRequestEnd(): void {}
}
