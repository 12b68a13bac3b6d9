import { aclWordsOf, isBrokersOwn } from '../acl-words.ts';
import { APIS } from '../schema/api.ts';
import type { Verb } from './vocabulary.ts';

/** What a request needs of the resources that it names, and of the cluster; '' = nothing, or it names none of the kind. */
export interface Needs {
  readonly topic: Verb | '';
  readonly group: Verb | '';
  readonly transactionalId: Verb | '';
  readonly cluster: Verb | '';
  /** It tells of all groups, or transactional ids, that there are. */
  readonly all: '' | 'group' | 'transactional_id';
  /** Everybody may: it touches nothing. */
  readonly isSession: boolean;
  /** Only brokers say so to each other: from this version on (threats KF-14). */
  readonly brokersFrom: number;
  /** Ids of topics in it say what the client has, not what it wants. */
  readonly ignoresIds: boolean;
}

/** Requests that touch nothing: whoever may connect may ask. */
const SESSION = new Set([
  'ApiVersions',
  'SaslHandshake',
  'SaslAuthenticate',
  'GetTelemetrySubscriptions',
  'PushTelemetry',
  'DescribeCluster',
]);

/** Of the cluster as a whole, as the broker asks its authorizer (KafkaApis.scala, ControllerApis.scala). */
const CLUSTER: Readonly<Record<string, Verb>> = {
  DescribeAcls: 'describe',
  CreateAcls: 'alter',
  DeleteAcls: 'alter',
  AlterReplicaLogDirs: 'alter',
  DescribeLogDirs: 'describe',
  CreateDelegationToken: 'create',
  RenewDelegationToken: 'alter',
  ExpireDelegationToken: 'alter',
  DescribeDelegationToken: 'describe',
  ElectLeaders: 'alter',
  AlterPartitionReassignments: 'alter',
  ListPartitionReassignments: 'describe',
  DescribeClientQuotas: 'describe_configs',
  AlterClientQuotas: 'alter_configs',
  DescribeUserScramCredentials: 'describe',
  AlterUserScramCredentials: 'alter',
  DescribeQuorum: 'describe',
  UpdateFeatures: 'alter',
  UnregisterBroker: 'alter',
  ListConfigResources: 'describe_configs',
  AddRaftVoter: 'alter',
  RemoveRaftVoter: 'alter',
  UnregisterController: 'alter',
};

const ALL: Readonly<Record<string, 'group' | 'transactional_id'>> = {
  ListGroups: 'group',
  ListTransactions: 'transactional_id',
};

/** Requests whose topics and groups are enough: the table of acl-words.ts has them all. */
const NAMED = new Set([
  'Produce',
  'Fetch',
  'ListOffsets',
  'Metadata',
  'OffsetCommit',
  'OffsetFetch',
  'FindCoordinator',
  'JoinGroup',
  'Heartbeat',
  'LeaveGroup',
  'SyncGroup',
  'DescribeGroups',
  'CreateTopics',
  'DeleteTopics',
  'DeleteRecords',
  'InitProducerId',
  'OffsetForLeaderEpoch',
  'AddPartitionsToTxn',
  'AddOffsetsToTxn',
  'EndTxn',
  'TxnOffsetCommit',
  'DescribeConfigs',
  'AlterConfigs',
  'IncrementalAlterConfigs',
  'CreatePartitions',
  'DeleteGroups',
  'OffsetDelete',
  'DescribeProducers',
  'DescribeTransactions',
  'ConsumerGroupHeartbeat',
  'ConsumerGroupDescribe',
  'DescribeTopicPartitions',
  'ShareGroupHeartbeat',
  'ShareGroupDescribe',
  'ShareFetch',
  'ShareAcknowledge',
  'DescribeShareGroupOffsets',
  'AlterShareGroupOffsets',
  'DeleteShareGroupOffsets',
  'StreamsGroupHeartbeat',
  'StreamsGroupDescribe',
]);

/** What topics by id in them mean is known: of others a client only says which it has already. */
const OWN_IDS = new Set(['ConsumerGroupHeartbeat', 'ShareGroupHeartbeat', 'StreamsGroupHeartbeat']);

const NEVER = 0x7fff;
/** Versions from which on only brokers ask. AddPartitionsToTxn v4 is meant for them (KIP-890), but clients use it, and it names all it touches. */
const BROKERS_FROM: Readonly<Record<string, number>> = { WriteTxnMarkers: 0 };

const byKey: Needs[] = [];
for (const { key, name } of APIS) {
  const words = aclWordsOf(key);
  const isNamed = NAMED.has(name) || Object.hasOwn(CLUSTER, name);
  const isSession = SESSION.has(name);
  const isKnown = isNamed || isSession || Object.hasOwn(ALL, name);
  const wordOf = (word: string): Verb | '' => (isNamed && word !== 'cluster_action' ? (word as Verb | '') : '');
  byKey[key] = {
    topic: wordOf(words.topic),
    group: wordOf(words.group),
    transactionalId: wordOf(words.transactionalId),
    cluster: CLUSTER[name] ?? '',
    all: ALL[name] ?? '',
    isSession,
    // What this table does not say is what a newer Kafka has: nobody has read what it does.
    brokersFrom: isBrokersOwn(key) || !isKnown ? 0 : (BROKERS_FROM[name] ?? NEVER),
    ignoresIds: OWN_IDS.has(name),
  };
}

/** Null: no API of the tables. */
export const needsOf = (apiKey: number): Needs | null => byKey[apiKey] ?? null;

/** Is it brokers' talk, which no client may have? */
export const isForBrokers = (apiKey: number, version: number): boolean => version >= (byKey[apiKey]?.brokersFrom ?? 0);
