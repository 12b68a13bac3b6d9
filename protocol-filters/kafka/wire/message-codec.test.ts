import { describe, expect, test } from 'vitest';
import { ApiKey, isFlexible } from '../schema/api.ts';
import { toldRequests } from '../testing/wire-frames.ts';
import { randomMessage, SOURCE_MESSAGES, versionsOf } from '../testing/wire-random.ts';
import { decodeMessage, encodeMessage, encodeReply, encodeRequest } from './message-codec.ts';

describe('what was decoded is encoded the same', () => {
  for (const message of SOURCE_MESSAGES) {
    test(message.name, () => {
      const { apiKey, type } = message;
      for (const version of versionsOf(message))
        for (const seed of [4, 5]) {
          const { body } = randomMessage(message, version, seed);
          const value = decodeMessage(apiKey, version, type, body);
          expect(value, `v${version} seed ${seed}`).not.toBeNull();
          const again = encodeMessage(apiKey, version, type, value!);
          // Tagged fields of the header, and those that say their default, are left out.
          if (!isFlexible(apiKey, version)) expect(again.toString('hex')).toBe(body.toString('hex'));
          else
            expect(covers(value, decodeMessage(apiKey, version, type, again)), `v${version} seed ${seed}`).toBe(true);
        }
    });
  }
});

/** Is all of `first` in `again`? A tagged field that said its default is left out the second time. */
function covers(first: unknown, again: unknown): boolean {
  if (Array.isArray(first)) {
    return Array.isArray(again) && again.length === first.length && first.every((each, i) => covers(each, again[i]));
  }
  if (Buffer.isBuffer(first)) return Buffer.isBuffer(again) && again.equals(first);
  if (typeof first === 'object' && first !== null) {
    if (typeof again !== 'object' || again === null) return false;
    return Object.entries(first).every(([name, each]) => {
      const own = (again as Record<string, unknown>)[name];
      return own === undefined ? isEmpty(each) : covers(each, own);
    });
  }
  return Object.is(first, again);
}

const isEmpty = (value: unknown): boolean =>
  [null, false, '', 0, -1, 0n, -1n].includes(value as null) || (Array.isArray(value) && value.length === 0);

test('a request that is known byte for byte: ApiVersions v3', () => {
  const frame = encodeRequest(ApiKey.apiVersions, 3, 7, 'me', { clientSoftwareName: 'x', clientSoftwareVersion: '1' });
  expect(frame.toString('hex')).toBe(
    ['00000012', '0012', '0003', '00000007', '00026d65', '00', '0278', '0231', '00'].join(''),
  );
});

test('a reply that is known byte for byte: ApiVersions v3 keeps the header without tags', () => {
  const frame = encodeReply(ApiKey.apiVersions, 3, 7, {
    errorCode: 0,
    apiKeys: [{ apiKey: 0, minVersion: 0, maxVersion: 9 }],
    throttleTimeMs: 0,
  });
  expect(frame.toString('hex')).toBe(
    ['00000013', '00000007', '0000', '02', '000000000009', '00', '00000000', '00'].join(''),
  );
});

test('what is left out has its default, and a tagged field of another value is written', () => {
  const body = encodeMessage(ApiKey.fetch, 12, 'request', {
    maxWaitMs: 500,
    minBytes: 1,
    clusterId: 'abc',
    topics: [],
  });
  const value = decodeMessage(ApiKey.fetch, 12, 'request', body)!;
  expect(value).toMatchObject({ replicaId: -1, maxBytes: 0x7fffffff, clusterId: 'abc', sessionEpoch: -1, rackId: '' });
});

test('null where the version has none is our own mistake', () => {
  expect(() => encodeMessage(ApiKey.metadata, 0, 'request', { topics: null })).toThrow(/cannot be null/);
});

test('KF-03: counts and lengths that lie decode as null, at once', () => {
  for (const hex of ['7fffffff', '00000001', 'fffffffe', '', '000000'])
    expect(decodeMessage(ApiKey.metadata, 0, 'request', Buffer.from(hex, 'hex')), hex).toBeNull();
  expect(decodeMessage(ApiKey.metadata, 9, 'request', Buffer.from('00ffffffff0f', 'hex'))).toBeNull();
});

test('a frame of the encoder is one to the reader', () => {
  const told = toldRequests(encodeRequest(ApiKey.metadata, 1, 9, null, { topics: [{ name: 'orders' }] }));
  expect(told.calls).toContain(`text 16 ${Buffer.from('orders').toString('hex')}`);
  expect(told.calls.at(-1)).toMatch(/^end 0 /);
});
