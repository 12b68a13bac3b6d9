import { describe, expect, test } from 'vitest';
import { ApiKey, apiOf } from '../schema/api.ts';
import type { Message } from '../wire/message.ts';
import { decodeMessage, encodeReply } from '../wire/message-codec.ts';
import { highestVersion } from './api-versions.ts';
import { Stage } from './testing/stage.ts';

const ID = 3;
const { apiVersions, fetch, metadata, produce } = ApiKey;
type Row = readonly [apiKey: number, minVersion: number, maxVersion: number];
const rows = (...all: readonly Row[]) =>
  all.map(([apiKey, minVersion, maxVersion]) => ({ apiKey, minVersion, maxVersion }));
const newest = (key: number): number => apiOf(key)!.until;
/** Nothing in it needs a cut. */
const MODEST = rows([produce, 3, 8], [metadata, 0, 9], [apiVersions, 0, 3]);

/** What a client reads of a reply that came as `value`. */
function told(
  version: number,
  value: object,
  written = version,
  ...sizes: number[]
): { message: Message; stage: Stage } {
  const stage = new Stage().ask(apiVersions, version, ID);
  stage.reply(encodeReply(apiVersions, written, ID, value as never), ...sizes);
  expect(stage.gear).toBe('tap');
  const { sent } = stage;
  expect(sent.readInt32BE(0)).toBe(sent.length - 4);
  expect(sent.readInt32BE(4)).toBe(ID);
  const readAs = sent.readInt16BE(8) === 35 ? 0 : version;
  return { message: decodeMessage(apiVersions, readAs, 'response', sent, 8, sent.length)!, stage };
}

describe('versions that clients may use', () => {
  test('Produce and Fetch end before their replies name brokers', () => {
    expect([highestVersion(produce), highestVersion(fetch)]).toEqual([9, 15]);
  });

  for (let version = 0; version <= newest(apiVersions); version++)
    test(`a reply v${version}: what is above is cut, what nobody knows is left out, all else is kept`, () => {
      const apiKeys = rows(
        [produce, 0, 99],
        [fetch, 4, 18],
        [metadata, 0, 99],
        [apiVersions, 0, 4],
        [ApiKey.heartbeat, 1, 2],
        [9999, 0, 1],
        [ApiKey.findCoordinator, 500, 501],
      );
      for (const sizes of [[], [1], [7]]) {
        const { message, stage } = told(version, { apiKeys, throttleTimeMs: 5 }, version, ...sizes);
        expect(message['apiKeys']).toEqual([
          expect.objectContaining({ apiKey: produce, minVersion: 0, maxVersion: 9 }),
          expect.objectContaining({ apiKey: fetch, minVersion: 4, maxVersion: 15 }),
          expect.objectContaining({ apiKey: metadata, minVersion: 0, maxVersion: newest(metadata) }),
          expect.objectContaining({ apiKey: apiVersions, minVersion: 0, maxVersion: 4 }),
          expect.objectContaining({ apiKey: ApiKey.heartbeat, minVersion: 1, maxVersion: 2 }),
        ]);
        if (version > 0) expect(message['throttleTimeMs']).toBe(5);
        expect(stage.counts).toEqual({ clamped: 1 });
      }
    });

  test('a reply that needs no cut leaves byte for byte', () => {
    const stage = new Stage().ask(apiVersions, 3, ID);
    const reply = encodeReply(apiVersions, 3, ID, { apiKeys: MODEST, finalizedFeaturesEpoch: 7n } as never);
    stage.reply(reply);
    expect(stage.sent.equals(reply)).toBe(true);
    expect(stage.counts).toEqual({});
  });

  test('features are kept; but for the transactions that need a Produce which is not offered', () => {
    const finalizedFeatures = [
      { name: 'metadata.version', maxVersionLevel: 25, minVersionLevel: 25 },
      { name: 'transaction.version', maxVersionLevel: 2, minVersionLevel: 2 },
    ];
    const value = {
      apiKeys: MODEST,
      supportedFeatures: [{ name: 'x', minVersion: 1, maxVersion: 2 }],
      finalizedFeatures,
    };
    const { message } = told(3, { ...value, finalizedFeaturesEpoch: 9n });
    expect(message['finalizedFeaturesEpoch']).toBe(9n);
    expect(message['supportedFeatures']).toEqual([
      expect.objectContaining({ name: 'x', minVersion: 1, maxVersion: 2 }),
    ]);
    expect(message['finalizedFeatures']).toEqual([
      expect.objectContaining({ name: 'metadata.version', maxVersionLevel: 25 }),
      expect.objectContaining({ name: 'transaction.version', maxVersionLevel: 1, minVersionLevel: 1 }),
    ]);
  });
});

describe('a version of ApiVersions that the broker, or we, do not know', () => {
  test('the broker answers in that of v0, with error 35', () => {
    for (const asked of [3, 4, 99]) {
      const value = { errorCode: 35, apiKeys: rows([apiVersions, 0, 2], [produce, 0, 12]) };
      const { message } = told(asked, value, 0);
      expect(message['errorCode']).toBe(35);
      expect(message['apiKeys']).toEqual(rows([apiVersions, 0, 2], [produce, 0, 9]));
    }
  });

  test('we do not: the client is told which we do', () => {
    const stage = new Stage().ask(apiVersions, 99, ID);
    stage.reply(encodeReply(apiVersions, 3, ID, { apiKeys: MODEST } as never));
    const want = { errorCode: 35, apiKeys: rows([apiVersions, 0, newest(apiVersions)]) };
    expect(stage.sent.equals(encodeReply(apiVersions, 0, ID, want as never))).toBe(true);
    expect(stage.counts).toEqual({ clamped: 1 });
  });

  test('what cannot be read closes the connection', () => {
    for (const body of ['0000', '0000 7fffffff', '0023 00000001 0012']) {
      const bytes = Buffer.from(body.replaceAll(' ', ''), 'hex');
      const head = Buffer.alloc(8);
      head.writeInt32BE(4 + bytes.length, 0);
      head.writeInt32BE(ID, 4);
      const stage = new Stage().ask(apiVersions, 0, ID).reply(Buffer.concat([head, bytes]));
      expect(stage.harness.closed).toBe('undecodable_reply');
      expect(stage.sent.length).toBe(0);
      expect(stage.counts).toEqual({ undecodable: 1 });
    }
  });

  test('one of a megabyte is not kept', () => {
    const head = Buffer.from('0010000000000003', 'hex');
    const stage = new Stage().ask(apiVersions, 0, ID).reply(head);
    expect(stage.harness.closed).toBe('undecodable_reply');
  });
});
