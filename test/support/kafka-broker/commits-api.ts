import { api, type Call } from './call.ts';
import { codeOf } from './errors.ts';
import type { Group } from './group.ts';
import { misplaced } from './groups-api.ts';

interface CommitTopics {
  readonly topics: readonly {
    readonly name: string;
    readonly partitions: readonly {
      readonly partitionIndex: number;
      readonly committedOffset: bigint;
      readonly committedLeaderEpoch: number;
      readonly committedMetadata: string | null;
    }[];
  }[];
}

interface CommitRequest extends CommitTopics {
  readonly groupId: string;
  readonly generationIdOrMemberEpoch: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
}

interface TxnCommitRequest extends CommitTopics {
  readonly transactionalId: string;
  readonly groupId: string;
  readonly producerId: bigint;
  readonly producerEpoch: number;
  readonly generationId: number;
  readonly memberId: string;
  readonly groupInstanceId: string | null;
}

type FetchTopics = readonly { readonly name: string; readonly partitionIndexes: readonly number[] }[] | null;

interface OffsetFetchRequest {
  readonly groupId: string;
  readonly topics: FetchTopics;
  readonly groups: readonly { readonly groupId: string; readonly topics: FetchTopics }[];
}

/** Commits of no member are taken where the group has none. */
function stranger(group: Group, memberId: string, instanceId: string | null, generation: number): string {
  if (generation < 0 && memberId === '') return group.state === 'Empty' ? '' : 'UNKNOWN_MEMBER_ID';
  const wrong = group.check(memberId, instanceId, generation);
  if (wrong !== '') return wrong;
  group.touch(group.members.get(memberId)!);
  return group.state === 'CompletingRebalance' ? 'REBALANCE_IN_PROGRESS' : '';
}

type Take = (key: string, offset: { offset: bigint; leaderEpoch: number; metadata: string | null }) => void;

function commit({ topics }: CommitTopics, call: Call, wrong: string, take: Take) {
  return {
    topics: topics.map(({ name, partitions }) => ({
      name,
      partitions: partitions.map((partition) => {
        const { partitionIndex, committedOffset, committedLeaderEpoch, committedMetadata } = partition;
        const unknown = call.cluster.partition(name, partitionIndex) === undefined ? 'UNKNOWN_TOPIC_OR_PARTITION' : '';
        const errorCode = call.forced(name) || codeOf(wrong || unknown || 'NONE');
        if (errorCode === 0)
          take(`${name}-${partitionIndex}`, {
            offset: committedOffset,
            leaderEpoch: committedLeaderEpoch,
            metadata: committedMetadata,
          });
        return { partitionIndex, errorCode };
      }),
    })),
  };
}

function fetched(groupId: string, wanted: FetchTopics, call: Call) {
  const wrong = misplaced(groupId, call);
  const errorCode = call.forced() || codeOf(wrong || 'NONE');
  if (errorCode !== 0) return { groupId, errorCode, topics: [] };
  const offsets = call.cluster.groups.get(groupId)?.offsets;
  return {
    groupId,
    errorCode,
    topics: (wanted ?? committedTopics([...(offsets?.keys() ?? [])])).map(({ name, partitionIndexes }) => ({
      name,
      partitions: partitionIndexes.map((partitionIndex) => {
        const found = offsets?.get(`${name}-${partitionIndex}`);
        return {
          partitionIndex,
          committedOffset: found?.offset ?? -1n,
          committedLeaderEpoch: found?.leaderEpoch ?? -1,
          metadata: found?.metadata ?? '',
        };
      }),
    })),
  };
}

function committedTopics(keys: readonly string[]): NonNullable<FetchTopics> {
  const topics = new Map<string, number[]>();
  for (const key of keys) {
    const at = key.lastIndexOf('-');
    const name = key.slice(0, at);
    topics.set(name, [...(topics.get(name) ?? []), Number(key.slice(at + 1))]);
  }
  return [...topics].map(([name, partitionIndexes]) => ({ name, partitionIndexes }));
}

export const commitsApis = {
  OffsetCommit: api<CommitRequest>(
    [0, 9],
    (request, call) => {
      const { groupId, memberId, groupInstanceId, generationIdOrMemberEpoch } = request;
      const misled = misplaced(groupId, call);
      if (misled !== '') return commit(request, call, misled, () => {});
      const group = call.cluster.group(groupId);
      const wrong = stranger(group, memberId, groupInstanceId, generationIdOrMemberEpoch);
      return commit(request, call, wrong, (key, offset) => group.offsets.set(key, offset));
    },
    true,
  ),

  TxnOffsetCommit: api<TxnCommitRequest>(
    [0, 4],
    (request, call) => {
      const { groupId, memberId, groupInstanceId, generationId, transactionalId, producerId, producerEpoch } = request;
      const { cluster } = call;
      const group = cluster.group(groupId);
      const wrong =
        misplaced(groupId, call) ||
        cluster.transactions.check(transactionalId, producerId, producerEpoch) ||
        stranger(group, memberId, groupInstanceId, generationId);
      return commit(request, call, wrong, (key, offset) =>
        cluster.transactions.hold(transactionalId, groupId, key, offset),
      );
    },
    true,
  ),

  OffsetFetch: api<OffsetFetchRequest>(
    [0, 9],
    ({ groupId, topics, groups }, call) =>
      call.version >= 8
        ? { groups: groups.map((group) => fetched(group.groupId, group.topics, call)) }
        : fetched(groupId, topics, call),
    true,
  ),

  OffsetDelete: api<{
    readonly groupId: string;
    readonly topics: readonly { name: string; partitions: readonly { partitionIndex: number }[] }[];
  }>([0, 0], ({ groupId, topics }, call) => {
    const group = call.cluster.groups.get(groupId);
    const wrong = misplaced(groupId, call) || (group === undefined ? 'GROUP_ID_NOT_FOUND' : '');
    if (wrong !== '') return { errorCode: codeOf(wrong) };
    return {
      topics: topics.map(({ name, partitions }) => ({
        name,
        partitions: partitions.map(({ partitionIndex }) => {
          group!.offsets.delete(`${name}-${partitionIndex}`);
          return { partitionIndex };
        }),
      })),
    };
  }),
};
