import { APIS, apiOf } from './schema/api.ts';

/** What a request does to what it names, in Kafka's words for access (AclOperation); '' = it names none of that kind. */
export interface AclWords {
  readonly topic: string;
  readonly group: string;
  readonly transactionalId: string;
}

type Words = readonly [topic: string, group?: string, transactionalId?: string];

/** As the broker asks its authorizer (KafkaApis.scala, ControllerApis.scala). */
const WORDS: Readonly<Record<string, Words>> = {
  Produce: ['write', '', 'write'],
  Fetch: ['read'],
  ListOffsets: ['describe'],
  Metadata: ['describe'],
  OffsetCommit: ['read', 'read'],
  OffsetFetch: ['describe', 'describe'],
  FindCoordinator: ['', 'describe', 'describe'],
  JoinGroup: ['', 'read'],
  Heartbeat: ['', 'read'],
  LeaveGroup: ['', 'read'],
  SyncGroup: ['', 'read'],
  DescribeGroups: ['', 'describe'],
  CreateTopics: ['create'],
  DeleteTopics: ['delete'],
  DeleteRecords: ['delete'],
  InitProducerId: ['', '', 'write'],
  OffsetForLeaderEpoch: ['describe'],
  AddPartitionsToTxn: ['write', '', 'write'],
  AddOffsetsToTxn: ['', 'read', 'write'],
  EndTxn: ['', '', 'write'],
  TxnOffsetCommit: ['read', 'read', 'write'],
  DescribeConfigs: ['describe_configs', 'describe_configs'],
  AlterConfigs: ['alter_configs', 'alter_configs'],
  IncrementalAlterConfigs: ['alter_configs', 'alter_configs'],
  DescribeLogDirs: ['describe'],
  CreatePartitions: ['alter'],
  DeleteGroups: ['', 'delete'],
  ElectLeaders: ['alter'],
  AlterReplicaLogDirs: ['alter'],
  AlterPartitionReassignments: ['alter'],
  ListPartitionReassignments: ['describe'],
  OffsetDelete: ['read', 'delete'],
  DescribeProducers: ['read'],
  DescribeTransactions: ['', '', 'describe'],
  ConsumerGroupHeartbeat: ['describe', 'read'],
  ConsumerGroupDescribe: ['describe', 'describe'],
  DescribeTopicPartitions: ['describe'],
  ShareGroupHeartbeat: ['describe', 'read'],
  ShareGroupDescribe: ['describe', 'describe'],
  ShareFetch: ['read', 'read'],
  ShareAcknowledge: ['read', 'read'],
  DescribeShareGroupOffsets: ['describe', 'describe'],
  AlterShareGroupOffsets: ['read', 'read'],
  DeleteShareGroupOffsets: ['read', 'delete'],
  StreamsGroupHeartbeat: ['describe', 'read'],
  StreamsGroupDescribe: ['describe', 'describe'],
};

/** What brokers and controllers say among themselves. */
const AMONG_BROKERS = 'cluster_action';

export function aclWordsOf(apiKey: number): AclWords {
  const name = apiOf(apiKey)?.name ?? '';
  const words = Object.hasOwn(WORDS, name) ? WORDS[name] : undefined;
  const [topic, group, transactionalId] = words ?? [AMONG_BROKERS, AMONG_BROKERS, AMONG_BROKERS];
  return { topic, group: group ?? '', transactionalId: transactionalId ?? '' };
}

/** Asked by brokers and controllers of each other, never by clients (WriteTxnMarkers is: so tools abort a transaction). */
const BROKERS_OWN = new Set([
  'LeaderAndIsr',
  'StopReplica',
  'UpdateMetadata',
  'ControlledShutdown',
  'Vote',
  'BeginQuorumEpoch',
  'EndQuorumEpoch',
  'AlterPartition',
  'Envelope',
  'FetchSnapshot',
  'BrokerRegistration',
  'BrokerHeartbeat',
  'AllocateProducerIds',
  'ControllerRegistration',
  'AssignReplicasToDirs',
  'InitializeShareGroupState',
  'ReadShareGroupState',
  'WriteShareGroupState',
  'DeleteShareGroupState',
  'ReadShareGroupStateSummary',
  'UpdateRaftVoter',
]);

const BROKERS_KEYS: ReadonlySet<number> = new Set(
  APIS.filter(({ name }) => BROKERS_OWN.has(name)).map(({ key }) => key),
);

export const isBrokersOwn = (apiKey: number): boolean => BROKERS_KEYS.has(apiKey);
