import type { Direction, Field } from './field.ts';

/** What a field of any API means to us. Fields without a role are passed over. */
export const Role = {
  none: 0,
  // Lists: list(), then item() and itemEnd() for each. One of bare values reads as one of structs with one field.
  topics: 1,
  forgottenTopics: 2,
  partitions: 3,
  groups: 4,
  members: 5,
  transactions: 6,
  brokers: 7,
  apis: 8,
  coordinators: 9,
  coordinatorKeys: 10,
  mechanisms: 11,
  resources: 12,
  /** Of patterns of topics. Only told to those who judge. */
  topicRegexes: 13,
  // Texts.
  topic: 16,
  group: 17,
  memberId: 18,
  transactionalId: 23,
  clusterId: 24,
  host: 25,
  softwareName: 26,
  softwareVersion: 27,
  mechanism: 28,
  coordinatorKey: 29,
  resourceName: 30,
  topicRegex: 31,
  /** Of bytes, not of a string: a secret. Told up to MOST_AUTH_BYTES. */
  authBytes: 32,
  // Uuids.
  topicId: 33,
  // Numbers.
  partition: 40,
  errorCode: 41,
  throttleMs: 42,
  generation: 43,
  acks: 46,
  maxWaitMs: 47,
  replicaId: 50,
  isolation: 51,
  sessionId: 52,
  sessionEpoch: 53,
  fetchOffset: 54,
  highWatermark: 55,
  lastStableOffset: 56,
  committedOffset: 58,
  baseOffset: 59,
  offset: 60,
  timestamp: 61,
  port: 63,
  apiKey: 65,
  minVersion: 66,
  maxVersion: 67,
  keyType: 69,
  resourceType: 71,
  /** A topic that is not there shall be made. Only told to those who judge. */
  autoCreate: 72,
  // Record batches.
  records: 80,
} as const;
export type Role = (typeof Role)[keyof typeof Role];

/** By name, wherever the field stands. */
const EVERYWHERE: Readonly<Record<string, Role>> = {
  groups: Role.groups,
  groupIds: Role.groups,
  groupsNames: Role.groups,
  members: Role.members,
  transactions: Role.transactions,
  transactionStates: Role.transactions,
  resultsByTransaction: Role.transactions,
  transactionalIds: Role.transactions,
  brokers: Role.brokers,
  nodeEndpoints: Role.brokers,
  nodes: Role.brokers,
  apiKeys: Role.apis,
  coordinators: Role.coordinators,
  coordinatorKeys: Role.coordinatorKeys,
  mechanisms: Role.mechanisms,
  forgottenTopicsData: Role.forgottenTopics,
  subscribedTopicNames: Role.topics,
  groupId: Role.group,
  memberId: Role.memberId,
  transactionalId: Role.transactionalId,
  v3AndBelowTransactionalId: Role.transactionalId,
  clusterId: Role.clusterId,
  clientSoftwareName: Role.softwareName,
  clientSoftwareVersion: Role.softwareVersion,
  mechanism: Role.mechanism,
  resourceName: Role.resourceName,
  resourceNameFilter: Role.resourceName,
  subscribedTopicRegex: Role.topicRegex,
  authBytes: Role.authBytes,
  errorCode: Role.errorCode,
  partitionErrorCode: Role.errorCode,
  acknowledgeErrorCode: Role.errorCode,
  throttleTimeMs: Role.throttleMs,
  generationId: Role.generation,
  generationIdOrMemberEpoch: Role.generation,
  memberEpoch: Role.generation,
  acks: Role.acks,
  maxWaitMs: Role.maxWaitMs,
  isolationLevel: Role.isolation,
  sessionId: Role.sessionId,
  sessionEpoch: Role.sessionEpoch,
  shareSessionEpoch: Role.sessionEpoch,
  fetchOffset: Role.fetchOffset,
  highWatermark: Role.highWatermark,
  lastStableOffset: Role.lastStableOffset,
  committedOffset: Role.committedOffset,
  baseOffset: Role.baseOffset,
  offset: Role.offset,
  timestamp: Role.timestamp,
  apiKey: Role.apiKey,
  minVersion: Role.minVersion,
  maxVersion: Role.maxVersion,
  keyType: Role.keyType,
  resourceType: Role.resourceType,
  resourceTypeFilter: Role.resourceType,
};

/** Types a role's field has; a field of the same name and another type is another thing. */
const TYPES: ReadonlyMap<string, (role: Role) => boolean> = new Map([
  ['string', (role: Role) => role >= Role.topic && role < Role.authBytes],
  ['bytes', (role: Role) => role === Role.authBytes],
  ['uuid', (role: Role) => role === Role.topicId],
  ...['int8', 'int16', 'uint16', 'int32', 'int64'].map(
    (type) => [type, (role: Role) => role >= Role.partition && role < Role.records] as const,
  ),
]);

/** Names of a partition's number. */
const PARTITION_NAMES = new Set(['partition', 'partitionIndex', 'partitionId', 'index']);
const NODE_IDS = new Set(['nodeId', 'brokerId', 'leaderId']);
const PARTITION_LISTS = new Set(['partitions', 'partitionIndexes']);

const isTopics = (role: Role): boolean => role === Role.topics || role === Role.forgottenTopics;

/** Does the struct say which topic it is about? */
const namesTopic = (field: Field): boolean =>
  field.fields.some(
    (each) => !each.isList && (each.entity === 'topicName' || (each.name === 'topicId' && each.type === 'uuid')),
  );
const namesPartition = (field: Field): boolean =>
  field.fields.some((each) => each.type === 'int32' && PARTITION_NAMES.has(each.name));

/** What only those are told who judge: for all others these fields are passed over. */
const JUDGED: Readonly<Record<string, Role>> = {
  allowAutoTopicCreation: Role.autoCreate,
  sourceTopicRegex: Role.topicRegexes,
};

/** Where a field stands. */
export interface Place {
  direction: Direction;
  /** Fields in JUDGED have their role. */
  isJudged?: boolean;
  /** Role of the list around it; none at the top. */
  list: Role;
  /** Fields of its own struct. */
  siblings: readonly Field[];
  /** Names of the structs and lists around it. */
  path: readonly string[];
}

/** Role of a list. */
export function listRole(field: Field, place: Place): Role {
  const inTopics = isTopics(place.list);
  if (field.type !== 'struct') {
    if (field.entity === 'topicName') return Role.topics;
    if (inTopics && field.type === 'int32' && PARTITION_LISTS.has(field.name)) return Role.partitions;
    const role = EVERYWHERE[field.name] ?? (place.isJudged === true ? (JUDGED[field.name] ?? Role.none) : Role.none);
    return role < Role.topic ? role : Role.none;
  }
  if (inTopics && namesPartition(field)) return Role.partitions;
  if (EVERYWHERE[field.name] === Role.forgottenTopics) return Role.forgottenTopics;
  if (!inTopics && namesTopic(field)) return Role.topics;
  if (field.fields.some((each) => EVERYWHERE[each.name] === Role.resourceName)) return Role.resources;
  const role = EVERYWHERE[field.name] ?? Role.none;
  if (role === Role.brokers && !field.fields.some((each) => NODE_IDS.has(each.name))) return Role.none;
  return role < Role.topic ? role : Role.none;
}

/** Role of what the elements of a list of bare values are. */
export function bareRole(field: Field, list: Role): Role {
  switch (list) {
    case Role.topics:
      return Role.topic;
    case Role.partitions:
      return Role.partition;
    case Role.groups:
      return Role.group;
    case Role.transactions:
      return Role.transactionalId;
    case Role.coordinatorKeys:
      return Role.coordinatorKey;
    case Role.topicRegexes:
      return Role.topicRegex;
    case Role.mechanisms:
      return field.type === 'string' ? Role.mechanism : Role.none;
    default:
      return Role.none;
  }
}

/** Role of a field that is no list and no struct. */
export function fieldRole(field: Field, place: Place): Role {
  if (place.isJudged === true && field.type === 'bool') return JUDGED[field.name] ?? Role.none;
  const role = nameRole(field, place);
  if (role === Role.records) return role;
  return role !== Role.none && TYPES.get(field.type)?.(role) ? role : Role.none;
}

function nameRole(field: Field, place: Place): Role {
  const { name, type } = field;
  const isReply = place.direction === 'response';
  // Those of a snapshot (FetchSnapshot) are no whole batches.
  if (type === 'records') return name === 'records' ? Role.records : Role.none;
  if (field.entity === 'topicName') return isTopics(place.list) ? Role.topic : Role.none;
  if (name === 'topicId') return isTopics(place.list) ? Role.topicId : Role.none;
  if (PARTITION_NAMES.has(name)) {
    return place.list === Role.partitions || isTopics(place.list) ? Role.partition : Role.none;
  }
  if (isBrokerAddress(place)) {
    if (name === 'host') return Role.host;
    if (name === 'port') return Role.port;
  }
  if (name === 'replicaId') return isReply ? Role.none : Role.replicaId;
  if (name === 'key')
    return place.siblings.some((each) => each.name === 'keyType') || isCoordinator(place)
      ? Role.coordinatorKey
      : Role.none;
  return EVERYWHERE[name] ?? Role.none;
}

const isCoordinator = (place: Place): boolean => place.list === Role.coordinators;

/** Is it beside a host and a port where a broker listens? Clients of Streams name addresses of their own. */
export function isBrokerAddress({ direction, siblings, path }: Place): boolean {
  const has = (name: string): boolean => siblings.some((each) => each.name === name);
  return direction === 'response' && has('host') && has('port') && !path.includes('userEndpoint');
}
