import { describe, expect, test } from 'vitest';
import { ApiKey } from '../schema/api.ts';
import { Role } from '../schema/roles.ts';
import { type Cut, frame, pushCut, Told, toldRequests } from '../testing/wire-frames.ts';
import { encodeRequest } from './message-codec.ts';
import { RequestReader } from './request-reader.ts';
import { End } from './sinks.ts';

const CUTS: Cut[] = ['whole', 'bytes', [3, 1, 7]];

describe('KF-04: null and empty are told apart', () => {
  const lists = (key: number, version: number, value: object): string[] =>
    toldRequests(encodeRequest(key, version, 1, null, value as never), 'bytes').calls.filter((call) =>
      call.startsWith('list'),
    );

  test.each([
    [0, [], 0],
    [1, [], 0],
    [1, null, -1],
    [9, [], 0],
    [9, null, -1],
    [12, null, -1],
  ])('Metadata v%i of %j', (version, topics, count) => {
    expect(lists(ApiKey.metadata, version, { topics })).toEqual([`list ${Role.topics} ${count}`]);
  });

  test.each([
    [2, null, -1],
    [2, [], 0],
    [7, null, -1],
  ])('OffsetFetch v%i of %j', (version, topics, count) => {
    expect(lists(ApiKey.offsetFetch, version, { groupId: 'g', topics })).toEqual([`list ${Role.topics} ${count}`]);
  });

  test('OffsetFetch v8: each group has its topics', () => {
    const groups = [
      { groupId: 'a', topics: null },
      { groupId: 'b', topics: [] },
    ];
    const all = [`list ${Role.groups} 2`, `list ${Role.topics} -1`, `list ${Role.topics} 0`];
    expect(lists(ApiKey.offsetFetch, 8, { groups })).toEqual(all);
  });

  test('a transactional id: null, and empty', () => {
    const texts = (transactionalId: string | null): string[] =>
      toldRequests(encodeRequest(ApiKey.produce, 9, 1, null, { transactionalId, acks: -1 })).calls;
    expect(texts(null)).toContain(`text ${Role.transactionalId} null`);
    expect(texts('')).toContain(`text ${Role.transactionalId} `);
  });
});

describe('KF-11: raw tokens', () => {
  const token = (size: number): Buffer => frame(Buffer.alloc(size, 0x61));

  test('frames without a header, as long as it is said', () => {
    for (const cut of CUTS) {
      const told = new Told();
      const reader = new RequestReader(told);
      const push = (bytes: Buffer): void => pushCut((buf, start, end) => reader.push(buf, start, end, 0), bytes, cut);
      push(encodeRequest(ApiKey.saslHandshake, 0, 1, 'me', { mechanism: 'PLAIN' }));
      reader.raw = true;
      push(Buffer.concat([token(0), token(5), token(3000)]));
      reader.raw = false;
      push(encodeRequest(ApiKey.metadata, 1, 2, 'me', {}));
      expect(told.calls.slice(3)).toEqual([
        'raw 0 ',
        `raw 5 ${'61'.repeat(5)}`,
        `raw 3000 ${'61'.repeat(1024)}`,
        'request 3 v1 #2 me',
        `list ${Role.topics} 0`,
        `end ${End.whole} 20`,
      ]);
    }
  });

  test('rawEndsAtZero: what begins as a request is one', () => {
    for (const cut of CUTS) {
      const told = new Told();
      const reader = new RequestReader(told);
      reader.raw = reader.rawEndsAtZero = true;
      const bytes = Buffer.concat([token(20), token(0), encodeRequest(ApiKey.metadata, 1, 2, 'me', {})]);
      pushCut((buf, start, end) => reader.push(buf, start, end, 0), bytes, cut);
      expect(told.calls).toEqual([
        `raw 20 ${'61'.repeat(20)}`,
        'raw 0 ',
        'request 3 v1 #2 me',
        `list ${Role.topics} 0`,
        `end ${End.whole} 20`,
      ]);
      expect(reader.raw).toBe(false);
    }
  });

  test('a secret is told up to 1 KiB', () => {
    const bytes = encodeRequest(ApiKey.saslAuthenticate, 2, 1, 'me', { authBytes: Buffer.alloc(5000, 0x62) });
    for (const cut of CUTS)
      expect(toldRequests(bytes, cut).calls).toContain(`text ${Role.authBytes} ${'62'.repeat(1024)}`);
  });
});

test('stop: nothing is told any more', () => {
  const told = new (class extends Told {
    override onRequest(...args: Parameters<Told['onRequest']>): boolean {
      args[0].stop();
      return super.onRequest(...args);
    }
  })();
  const reader = new RequestReader(told);
  const bytes = encodeRequest(ApiKey.metadata, 1, 1, 'me', {});
  const at = reader.push(bytes, 0, bytes.length, 0);
  reader.push(bytes, at, bytes.length, 0);
  expect(told.calls).toEqual(['request 3 v1 #1 me']);
});
