import { binaryName, type PolicyVocabulary, type TargetPattern } from '../../../src/exchange/operation-facts.ts';
import { APIS } from '../schema/api.ts';

/** Types of resources, as Kafka's ACLs have them. */
export const TYPES = ['topic', 'group', 'transactional_id', 'cluster'] as const;
export type ResourceType = (typeof TYPES)[number];

/** What Kafka calls the only resource of its type. */
export const CLUSTER = 'kafka-cluster';

const VERBS = {
  read: 'Fetch of a topic; members of a group, and offsets it commits',
  write: 'Produce to a topic; transactions of a transactional id',
  create: 'CreateTopics, and a Metadata that makes topics which are not there; delegation tokens (cluster)',
  delete: 'DeleteTopics, DeleteRecords, DeleteGroups, OffsetDelete',
  alter: 'CreatePartitions, elections and reassignments; ACLs, credentials, features (cluster)',
  describe: 'Metadata, ListOffsets and what else only tells of a resource; ACLs, quorum (cluster)',
  describe_configs: 'DescribeConfigs of a topic, a group, or a broker (cluster); DescribeClientQuotas',
  alter_configs: 'AlterConfigs and IncrementalAlterConfigs; AlterClientQuotas',
  cluster_action: 'what only brokers say to each other: denied to every client, whatever policies allow',
  idempotent_write: 'producer ids without a transactional id, and Produce with one (cluster)',
  session: 'ApiVersions, login, telemetry, and which brokers there are',
} as const;
export type Verb = keyof typeof VERBS;

const MOST_TOPIC = 249;
/** Kafka's topics, and the two signs of a pattern. */
const TOPIC_PATTERN = /^[A-Za-z0-9._*\\-]+$/;

/** What policies for Kafka are written of: the words of its own ACLs. */
export const vocabulary: PolicyVocabulary = {
  verbs: VERBS,
  // Kafka itself lets everybody have a producer id who may write to some topic.
  harmless: ['session', 'idempotent_write'],
  operations: new Set(APIS.map(({ name }) => name)),
  cannotLimit: ['idle_in_transaction'],
  target: (text) => targetOf(text),
};

/** `orders`, `orders*`, `topic=orders`, `group=billing`, `transactional_id=tx-*`, `cluster`. */
function targetOf(text: string): TargetPattern | { readonly fault: string } {
  const [, type = '', rest = ''] = /^([a-z_]*)=(.*)$/s.exec(text) ?? [];
  if (text === 'cluster' || type === 'cluster') {
    if (type === 'cluster' && rest !== CLUSTER && rest !== '*')
      return { fault: 'there is one cluster: write "cluster"' };
    return { type: 'cluster', schema: '*', name: '*' };
  }
  if (!text.includes('=')) return topicOf(text);
  if (type === 'topic') return topicOf(rest);
  if (type !== 'group' && type !== 'transactional_id')
    return { fault: `is none of topic, topic=topic, group=group, transactional_id=id, cluster` };
  // A group may be called '' (Kafka's oldest clients), a transactional id may not.
  if (rest === '') return { fault: `names no ${type}: write ${type}=name, or ${type}=* for all` };
  return { type, schema: '*', name: binaryName(rest) };
}

function topicOf(name: string): TargetPattern | { readonly fault: string } {
  if (name === '') return { fault: 'names no topic: write the name of one, or * for all' };
  if (!TOPIC_PATTERN.test(name))
    return {
      fault: 'can match no topic: their names have letters, digits, dots, _ and - only (a group is written group=name)',
    };
  const literal = name.replace(/\\(.)/g, '$1');
  if (literal === '.' || literal === '..') return { fault: 'can match no topic: none may be called so' };
  if (name.replace(/\\(.)/g, '$1').replaceAll('*', '').length > MOST_TOPIC)
    return { fault: `can match no topic: their names have ${MOST_TOPIC} characters at most` };
  return { type: name === '*' ? '' : 'topic', schema: '*', name };
}
