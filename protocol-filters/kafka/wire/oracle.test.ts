import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import * as platformatic from '@platformatic/kafka';
import { describe, expect, test } from 'vitest';
import { APIS, ApiKey, decodes } from '../schema/api.ts';
import { fieldsOf } from '../schema/field.ts';
import { leavesOf, plainOf } from '../testing/wire-plain.ts';
import { randomMessage, SOURCE_MESSAGES } from '../testing/wire-random.ts';
import type { Message } from './message.ts';
import { decodeMessage, encodeMessage } from './message-codec.ts';

const SEEDS = [1, 2, 3, 4];

/** A random reply that every decoder should read: no errors, no tagged fields, no records. */
function reply(key: number, version: number, seed: number): { value: Message; body: Buffer } {
  const source = SOURCE_MESSAGES.find((message) => message.apiKey === key && message.type === 'response')!;
  const random = decodeMessage(key, version, 'response', randomMessage(source, version, seed).body)!;
  const value = plainOf(fieldsOf(key, 'response'), version, random);
  return { value, body: encodeMessage(key, version, 'response', value) };
}

/**
 * Others sort, name and add what they like. But a value that is long enough to be no accident stands among theirs only if
 * they have read all bytes before it as we wrote them.
 */
function expectAll(ours: unknown, theirs: unknown, where: string): void {
  const found = new Set(leavesOf(theirs));
  const missing = leavesOf(ours).filter((leaf) => leaf.length > LONG && leaf !== 'false' && !found.has(leaf));
  expect(missing, where).toEqual([]);
}
const LONG = 4;

interface PlatformaticApi {
  api: (connection: object) => void;
  parseResponse: (correlation: number, key: number, version: number, reader: platformatic.Reader) => unknown;
}

/** Where @platformatic/kafka 1.35 reads something else than Kafka's schemas say. */
const PLATFORMATIC_ERRS = new Set([
  'alterPartitionReassignmentsV1', // AllowReplicationFactorChange is passed by
  'alterPartitionV3', // LeaderRecoveryState
  'consumerGroupDescribeV0', // a nullable struct has a byte before
  'consumerGroupHeartbeatV0',
  'consumerGroupHeartbeatV1',
  'describeClientQuotasV0', // a null list of entries
  'describeConfigsV2', // read as version 3
  'describeTopicPartitionsV0', // NextCursor
  'listTransactionsV2',
  'metadataV9', // ClusterAuthorizedOperations stands until version 10
  'metadataV10',
  'offsetForLeaderEpochV4', // ErrorCode stands before Partition
]);

describe('replies of ours are replies to @platformatic/kafka', () => {
  for (const [name, module] of Object.entries(platformatic as unknown as Record<string, PlatformaticApi>)) {
    if (!/V\d+$/.test(name) || PLATFORMATIC_ERRS.has(name)) continue;
    test(name, async () => {
      let [key, version, hasTags] = [-1, -1, false];
      module.api({
        send(apiKey: number, apiVersion: number, ...[, , , tags]: boolean[]) {
          [key, version, hasTags] = [apiKey, apiVersion, tags ?? false];
        },
      });
      for (const seed of SEEDS) {
        const { value, body } = reply(key, version, seed);
        if (key === ApiKey.fetch) dropRecords(value);
        const bytes = key === ApiKey.fetch ? encodeMessage(key, version, 'response', value) : body;
        const reader = platformatic.Reader.from(bytes.subarray(hasTags && key !== ApiKey.apiVersions ? 1 : 0));
        expectAll(value, dashless(await module.parseResponse(1, key, version, reader)), `${name} seed ${seed}`);
        // It may leave the tagged fields at the end.
        expect(reader.remaining, `${name} seed ${seed}`).toBeLessThanOrEqual(1);
      }
    });
  }
});

function dropRecords(value: Message): void {
  for (const topic of value['responses'] as Message[])
    for (const partition of topic['partitions'] as Message[]) partition['records'] = Buffer.alloc(0);
}

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** Uuids as we write them. */
function dashless(value: unknown): unknown {
  if (typeof value === 'string') return UUID.test(value) ? value.replaceAll('-', '') : value;
  if (Array.isArray(value)) return value.map(dashless);
  if (typeof value !== 'object' || value === null || Buffer.isBuffer(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, dashless(each)]));
}

const require = createRequire(import.meta.url);
const requestsFolder = path.dirname(require.resolve('kafkajs/src/protocol/requests'));

interface KafkajsResponse {
  decode: (body: Buffer) => Promise<unknown>;
}

/** What kafkajs asks for more: whole batches, a function of the request, the server's words of a mechanism. */
const KAFKAJS_OTHERWISE = new Set(['fetch', 'apiVersions', 'deleteRecords', 'saslAuthenticate']);

describe('replies of ours are replies to kafkajs', () => {
  for (const folder of readdirSync(requestsFolder)) {
    const api = APIS.find(({ name }) => name.toLowerCase() === folder.toLowerCase());
    if (!api || KAFKAJS_OTHERWISE.has(folder)) continue;
    for (const versionFolder of readdirSync(path.join(requestsFolder, folder))) {
      const version = Number(/^v(\d+)$/.exec(versionFolder)?.[1] ?? -1);
      if (version < 0 || !decodes(api.key, version)) continue;
      test(`${api.name} v${version}`, async () => {
        const { decode } = require(path.join(requestsFolder, folder, versionFolder, 'response')) as KafkajsResponse;
        for (const seed of SEEDS) {
          const { value, body } = reply(api.key, version, seed);
          expectAll(value, await decode(body), `seed ${seed}`);
        }
      });
    }
  }
});
