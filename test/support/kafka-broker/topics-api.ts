import { api, type Call } from './call.ts';
import { isTopicName, type Topic } from './cluster.ts';
import { codeOf } from './errors.ts';

interface NewTopic {
  readonly name: string;
  readonly numPartitions: number;
  readonly replicationFactor: number;
  readonly assignments: readonly { readonly partitionIndex: number; readonly brokerIds: readonly number[] }[];
  readonly configs: readonly { readonly name: string; readonly value: string | null }[];
}

interface Widened {
  readonly name: string;
  readonly count: number;
  readonly assignments: readonly { readonly brokerIds: readonly number[] }[] | null;
}

/** Errors of creation, '' = none. */
function refusal({ name, numPartitions, replicationFactor, assignments }: NewTopic, { cluster }: Call): string {
  if (!isTopicName(name)) return 'INVALID_TOPIC_EXCEPTION';
  if (cluster.topics.has(name)) return 'TOPIC_ALREADY_EXISTS';
  const ids = assignments.flatMap(({ brokerIds }) => brokerIds);
  if (ids.some((id) => id < 1 || id > cluster.brokers.length)) return 'INVALID_REPLICA_ASSIGNMENT';
  if (assignments.length > 0) return '';
  if (numPartitions === 0 || numPartitions < -1) return 'INVALID_PARTITIONS';
  if (replicationFactor === 0 || replicationFactor > cluster.brokers.length) return 'INVALID_REPLICATION_FACTOR';
  return '';
}

function create(topic: NewTopic, validateOnly: boolean, call: Call) {
  const { name, numPartitions, replicationFactor, assignments, configs } = topic;
  const error = call.forced(name) || codeOf(refusal(topic, call) || 'NONE');
  if (error !== 0) return { name, errorCode: error, errorMessage: null, configs: null };
  const { cluster } = call;
  const partitions = assignments.length || (numPartitions === -1 ? cluster.settings.autoPartitions : numPartitions);
  let made: Topic | null = null;
  if (!validateOnly) {
    const leaders = assignments
      .toSorted((a, b) => a.partitionIndex - b.partitionIndex)
      .map(({ brokerIds }) => brokerIds[0]!);
    made = cluster.createTopic(name, partitions, leaders);
    for (const config of configs) if (config.value !== null) made.configs.set(config.name, config.value);
  }
  return {
    name,
    ...(made !== null && { topicId: made.id }),
    errorMessage: null,
    numPartitions: partitions,
    replicationFactor: Math.abs(replicationFactor),
    configs: configs.map((config) => ({ ...config, configSource: 1 })),
  };
}

function widen({ name, count, assignments }: Widened, validateOnly: boolean, call: Call) {
  const topic = call.cluster.topics.get(name);
  const error =
    call.forced(name) ||
    codeOf(
      topic === undefined
        ? 'UNKNOWN_TOPIC_OR_PARTITION'
        : count <= topic.partitions.length
          ? 'INVALID_PARTITIONS'
          : 'NONE',
    );
  if (error !== 0) return { name, errorCode: error, errorMessage: null };
  const before = new Array<number>(topic!.partitions.length).fill(0);
  const leaders = assignments && [...before, ...assignments.map(({ brokerIds }) => brokerIds[0]!)];
  if (!validateOnly) call.cluster.addPartitions(topic!, count, leaders ?? undefined);
  return { name, errorMessage: null };
}

export const topicsApis = {
  CreateTopics: api<{ readonly topics: readonly NewTopic[]; readonly validateOnly: boolean }>(
    [2, 7],
    ({ topics, validateOnly }, call) => ({ topics: topics.map((topic) => create(topic, validateOnly, call)) }),
    true,
  ),

  DeleteTopics: api<{
    readonly topics: readonly { readonly name: string | null; readonly topicId: string }[];
    readonly topicNames: readonly string[];
  }>(
    [1, 6],
    ({ topics, topicNames }, call) => {
      const wanted = call.version >= 6 ? topics : topicNames.map((name) => ({ name, topicId: '' }));
      const responses = wanted.map(({ name, topicId }) => {
        const topic = name === null ? call.cluster.topicsById.get(topicId) : call.cluster.topics.get(name);
        const unknown = name === null ? 'UNKNOWN_TOPIC_ID' : 'UNKNOWN_TOPIC_OR_PARTITION';
        const known = topic?.name ?? name;
        const id = topic?.id ?? (topicId || '0'.repeat(32));
        const error = call.forced(known ?? '') || codeOf(topic === undefined ? unknown : 'NONE');
        if (error === 0) call.cluster.deleteTopic(topic!.name);
        return { name: known, topicId: id, errorCode: error, errorMessage: null };
      });
      return { responses };
    },
    true,
  ),

  CreatePartitions: api<{ readonly topics: readonly Widened[]; readonly validateOnly: boolean }>(
    [0, 3],
    ({ topics, validateOnly }, call) => ({ results: topics.map((topic) => widen(topic, validateOnly, call)) }),
    true,
  ),
};
