import { api, type Call } from './call.ts';
import { isTopicName, type Topic } from './cluster.ts';
import { codeOf } from './errors.ts';

const NO_ID = '0'.repeat(32);

interface MetadataRequest {
  readonly topics: readonly { readonly topicId: string; readonly name: string | null }[] | null;
  readonly allowAutoTopicCreation: boolean;
}

interface CoordinatorRequest {
  readonly key: string;
  readonly keyType: number;
  readonly coordinatorKeys: readonly string[];
}

function described({ name, id, partitions }: Topic, call: Call) {
  const topicId = id;
  const forced = call.forced(name);
  if (forced !== 0) return { errorCode: forced, name, topicId, partitions: [] };
  return {
    name,
    topicId,
    partitions: partitions.map(({ index, leader, leaderEpoch }) => ({
      partitionIndex: index,
      leaderId: leader,
      leaderEpoch,
      replicaNodes: [leader],
      isrNodes: [leader],
    })),
  };
}

/** A topic that was asked for, made on the way where that is allowed. */
function asked(name: string | null, id: string, create: boolean, call: Call) {
  const { cluster, version } = call;
  const nameless = version >= 12 ? null : '';
  if (name === null || (name === '' && id !== NO_ID)) {
    const topic = cluster.topicsById.get(id);
    if (topic !== undefined) return described(topic, call);
    return { errorCode: codeOf('UNKNOWN_TOPIC_ID'), name: nameless, topicId: id, partitions: [] };
  }
  const known = cluster.topics.get(name);
  if (known !== undefined) return described(known, call);
  const forced = call.forced(name);
  if (forced !== 0) return { errorCode: forced, name, partitions: [] };
  if (!isTopicName(name)) return { errorCode: codeOf('INVALID_TOPIC_EXCEPTION'), name, partitions: [] };
  const { autoCreate, autoPartitions } = cluster.settings;
  if (!create || !autoCreate) return { errorCode: codeOf('UNKNOWN_TOPIC_OR_PARTITION'), name, partitions: [] };
  return described(cluster.createTopic(name, autoPartitions), call);
}

const brokersOf = ({ cluster }: Call) => cluster.brokers.map(({ endpoint }) => ({ ...endpoint, rack: null }));

export const metadataApis = {
  Metadata: api<MetadataRequest>(
    [0, 12],
    (request, call) => {
      const { cluster, version } = call;
      const everything = request.topics === null || (version === 0 && request.topics.length === 0);
      const topics = everything
        ? [...cluster.topics.values()].map((topic) => described(topic, call))
        : request.topics!.map(({ name, topicId }) => asked(name, topicId, request.allowAutoTopicCreation, call));
      return { brokers: brokersOf(call), clusterId: cluster.clusterId, controllerId: 1, topics };
    },
    true,
  ),

  DescribeCluster: api<{ endpointType: number }>([0, 1], ({ endpointType }, call) => ({
    endpointType,
    errorMessage: null,
    clusterId: call.cluster.clusterId,
    controllerId: 1,
    brokers: brokersOf(call).map(({ nodeId, host, port }) => ({ brokerId: nodeId, host, port })),
  })),

  FindCoordinator: api<CoordinatorRequest>(
    [0, 5],
    ({ key, coordinatorKeys }, call) => {
      const forced = call.forced();
      const found = (wanted: string) =>
        forced === 0
          ? { key: wanted, ...call.cluster.coordinator(wanted).endpoint, errorCode: 0, errorMessage: null }
          : { key: wanted, nodeId: -1, host: '', port: -1, errorCode: forced, errorMessage: null };
      return call.version >= 4 ? { coordinators: coordinatorKeys.map(found) } : found(key);
    },
    true,
  ),
};
