import { describe, expect } from 'vitest';
import { ApiKey } from './schema/api.ts';
import { ask, batch, reply } from './testing/builders.ts';
import { own, type Script, tells } from './testing/story.ts';
import { encodeReply, encodeRequest } from './wire/message-codec.ts';

const idOf = (n: number): string => (n + 1).toString(16).padStart(32, '0');
const NAMES = ['orders', 'payments'];
/** So that ids are names. */
const METADATA: Script = [
  ['>', ask('Metadata', 12, { topics: null }, 90)],
  [
    '<',
    reply(
      'Metadata',
      12,
      { brokers: [], topics: NAMES.map((name, n) => ({ errorCode: 0, name, topicId: idOf(n), partitions: [] })) },
      90,
    ),
  ],
];
const partitions = [{ partitionIndex: 0 }];

/** Of a group that shares; `topics` by number. */
const shareFetch = (epoch: number, topics: readonly number[]): Buffer =>
  encodeRequest(ApiKey.shareFetch, 1, epoch, 'app', {
    groupId: 'sharers',
    memberId: 'm-1',
    shareSessionEpoch: epoch,
    maxWaitMs: 500,
    topics: topics.map((n) => ({ topicId: idOf(n), partitions })),
  });
/** Records by the topic's number. */
const shared = (epoch: number, records: Readonly<Record<number, number>>): Buffer =>
  encodeReply(ApiKey.shareFetch, 1, epoch, {
    responses: Object.entries(records).map(([n, count]) => ({
      topicId: idOf(Number(n)),
      partitions: [{ partitionIndex: 0, records: batch(count) }],
    })),
  });

describe('groups that share (KIP-932)', () => {
  tells(
    'a ShareFetch that names nothing returns records of what its session has named',
    [
      ...METADATA,
      ['>', shareFetch(0, [1])],
      ['<', shared(0, {})],
      ['>', shareFetch(1, [])],
      ['<', shared(1, { 1: 4 })],
      ['>', shareFetch(2, [])],
      ['<', shared(2, { 0: 1, 1: 2 })],
      ['>', shareFetch(3, [])],
      ['<', shared(3, {})],
    ],
    [
      'metadata | Metadata * | ok',
      'share_fetch | ShareFetch payments group=sharers | ok | waits',
      'share_fetch | ShareFetch payments group=sharers | ok | returned 4',
      'share_fetch | ShareFetch orders group=sharers | ok | returned 1 | batch',
      'share_fetch | ShareFetch payments group=sharers | ok | returned 2 | batch',
      'share_fetch | ShareFetch group=sharers | ok | waits',
    ],
    (on) => {
      expect(own(on, 'topic.payments.fetched_records')).toBe(6);
      expect(own(on, 'group.sharers.requests')).toBe(4);
    },
  );
});
