import { expect } from 'vitest';
import {
  ALLOWED,
  allowing,
  becomes,
  denied,
  fetchOf,
  GROUP_DENIED,
  type KafkaRow,
  metadataOf,
  passes,
  produceTo,
  TOPIC_DENIED,
  TRANSACTION_DENIED,
} from './support/kafka.ts';

const NEW = { isNew: true };
const commit = (group: string, topics: readonly string[]) => ({
  groupId: group,
  generationIdOrMemberEpoch: -1,
  memberId: '',
  topics: topics.map((name) => ({
    name,
    partitions: [{ partitionIndex: 0, committedOffset: 1n, committedMetadata: '' }],
  })),
});
const configs = (...resources: readonly (readonly [number, string])[]) => ({
  resources: resources.map(([resourceType, resourceName]) => ({ resourceType, resourceName, configurationKeys: null })),
});
const CONFIGS = allowing({ name: 'configs', action: 'allow', operations: ['describe_configs'], targets: ['orders*'] });
const namesOf = (list: unknown): unknown[] => (list as { name: string }[]).map(({ name }) => name);

export const row: KafkaRow = {
  id: 'KF-17',
  title: 'partly denied',
  rules: ['R2', 'R7', 'R9'],
  cases: [
    {
      name: 'Produce: all is denied, each topic told',
      policies: ALLOWED,
      rounds: () => [
        [
          denied('Produce', 9, produceTo(['orders', 'forbidden']), TOPIC_DENIED, {
            reply: (fields) => expect(namesOf(fields['responses'])).toEqual(['orders', 'forbidden']),
          }),
          passes('Produce', 9, produceTo(['orders'])),
        ],
      ],
    },
    {
      name: 'Fetch: all is denied, each partition told',
      policies: ALLOWED,
      rounds: () => [
        [4, 6, 7, 11, 12].map((version) => denied('Fetch', version, fetchOf(['orders', 'forbidden']), TOPIC_DENIED)),
        [passes('Fetch', 12, fetchOf(['orders']))],
      ],
    },
    {
      name: 'Metadata: the others are asked for',
      policies: ALLOWED,
      rounds: () => [
        [4, 8, 9, 12].map((version) =>
          becomes(
            'Metadata',
            version,
            metadataOf(['forbidden', 'orders', 'forbidden-2', 'orders-2'], { allowAutoTopicCreation: false }),
            TOPIC_DENIED,
            ({ fields }) => expect(namesOf(fields!['topics'])).toEqual(['orders', 'orders-2']),
            {
              reply: (fields) => {
                expect(namesOf(fields['topics']).sort()).toEqual(['forbidden', 'forbidden-2', 'orders', 'orders-2']);
                expect(fields['brokers']).toHaveLength(1);
              },
            },
          ),
        ),
      ],
    },
    {
      name: 'Metadata of hundreds that are denied',
      policies: ALLOWED,
      rounds: () => [
        [
          becomes(
            'Metadata',
            4,
            metadataOf(['orders', ...Array.from({ length: 200 }, (_, i) => `forbidden-${i}`)], {
              allowAutoTopicCreation: false,
            }),
            TOPIC_DENIED,
            ({ fields }) => expect(namesOf(fields!['topics'])).toEqual(['orders']),
          ),
          denied(
            'Metadata',
            4,
            metadataOf(
              Array.from({ length: 300 }, (_, i) => `forbidden-${i}`),
              { allowAutoTopicCreation: false },
            ),
            TOPIC_DENIED,
          ),
        ],
      ],
    },
    {
      name: 'OffsetCommit: the group, and one topic',
      policies: ALLOWED,
      rounds: () => [
        [
          denied('OffsetCommit', 2, { ...commit('forbidden', ['orders']), retentionTimeMs: -1n }, GROUP_DENIED),
          denied(
            'OffsetCommit',
            2,
            { ...commit('billing', ['orders', 'forbidden']), retentionTimeMs: -1n },
            TOPIC_DENIED,
          ),
          denied('OffsetCommit', 8, { ...commit('billing', ['forbidden']), groupInstanceId: null }, TOPIC_DENIED),
        ],
      ],
    },
    {
      name: 'groups, one of several',
      policies: ALLOWED,
      rounds: () => [
        [
          denied(
            'DescribeGroups',
            4,
            { groups: ['billing', 'forbidden'], includeAuthorizedOperations: false },
            GROUP_DENIED,
          ),
          denied('FindCoordinator', 4, { keyType: 0, coordinatorKeys: ['billing', 'forbidden'] }, GROUP_DENIED),
          denied('FindCoordinator', 3, { key: 'forbidden', keyType: 0 }, GROUP_DENIED),
          denied('FindCoordinator', 3, { key: 'billing', keyType: 1 }, TRANSACTION_DENIED),
          denied('FindCoordinator', 4, { keyType: 1, coordinatorKeys: ['tx-1', 'forbidden'] }, TRANSACTION_DENIED),
          denied('DeleteGroups', 2, { groupsNames: ['billing'] }, GROUP_DENIED),
          denied('JoinGroup', 5, join('forbidden'), GROUP_DENIED),
          denied(
            'OffsetFetch',
            8,
            { groups: [{ groupId: 'forbidden', topics: null }], requireStable: false },
            GROUP_DENIED,
          ),
        ],
      ],
    },
    {
      name: 'transactions',
      policies: ALLOWED,
      rounds: () => [
        [
          denied('AddPartitionsToTxn', 3, addTo('tx-1', ['orders', 'forbidden']), TOPIC_DENIED),
          denied('AddPartitionsToTxn', 3, addTo('forbidden', ['orders']), TRANSACTION_DENIED),
          denied('InitProducerId', 4, { transactionalId: 'forbidden', transactionTimeoutMs: 1000 }, TRANSACTION_DENIED),
          denied(
            'EndTxn',
            3,
            { transactionalId: 'forbidden', producerId: 1n, producerEpoch: 0, committed: true },
            TRANSACTION_DENIED,
          ),
          denied(
            'AddOffsetsToTxn',
            3,
            { transactionalId: 'tx-1', producerId: 1n, producerEpoch: 0, groupId: 'forbidden' },
            GROUP_DENIED,
          ),
        ],
      ],
    },
    {
      name: 'transactions of several ids in one request',
      policies: ALLOWED,
      notReal: 'only the harness asks so',
      rounds: () => [
        [
          denied(
            'AddPartitionsToTxn',
            4,
            {
              transactions: ['tx-1', 'forbidden'].map((transactionalId) => ({
                transactionalId,
                producerId: 1n,
                producerEpoch: 0,
                verifyOnly: false,
                topics: [{ name: 'orders', partitions: [0] }],
              })),
            } as never,
            TRANSACTION_DENIED,
            NEW,
          ),
        ],
      ],
    },
    {
      name: 'configurations of topics, brokers and groups',
      policies: CONFIGS,
      rounds: () => [
        [
          denied('DescribeConfigs', 2, configs([2, 'orders'], [2, 'forbidden']), TOPIC_DENIED),
          denied('DescribeConfigs', 2, configs([2, 'orders'], [4, '1']), [31]),
          denied('DescribeConfigs', 2, configs([8, '1']), [31]),
          passes('DescribeConfigs', 2, configs([2, 'orders'])),
          denied('IncrementalAlterConfigs', 0, alter('orders'), TOPIC_DENIED),
        ],
      ],
    },
    {
      name: 'a kind of resource that is not known yet',
      policies: CONFIGS,
      notReal: 'the strict broker closes for it',
      rounds: () => [[denied('DescribeConfigs', 2, configs([77, 'orders']), TOPIC_DENIED)]],
    },
    {
      name: 'deletions',
      policies: ALLOWED,
      rounds: () => [
        [
          denied('DeleteTopics', 5, { topicNames: ['orders', 'forbidden'], timeoutMs: 1 }, TOPIC_DENIED),
          denied(
            'DeleteRecords',
            1,
            { topics: [{ name: 'orders', partitions: [{ partitionIndex: 0, offset: 1n }] }], timeoutMs: 1 },
            TOPIC_DENIED,
          ),
          denied(
            'OffsetDelete',
            0,
            { groupId: 'billing', topics: [{ name: 'orders', partitions: [{ partitionIndex: 0 }] }] },
            GROUP_DENIED,
          ),
        ],
      ],
    },
    {
      name: "what is the cluster's",
      policies: ALLOWED,
      notReal: 'the strict broker has none of these',
      rounds: () => [
        [
          denied('CreateAcls', 1, acl() as never, [31], NEW),
          denied('DescribeAcls', 1, { resourceTypeFilter: 2, operation: 1, permissionType: 1 } as never, [31], NEW),
          denied('AlterClientQuotas', 1, quota() as never, [31], NEW),
          denied('DescribeUserScramCredentials', 0, { users: null } as never, [31], NEW),
          denied(
            'AlterUserScramCredentials',
            0,
            { deletions: [{ name: 'ada', mechanism: 1 }], upsertions: [] } as never,
            [31],
            NEW,
          ),
          denied('CreateDelegationToken', 2, { renewers: [], maxLifetimeMs: 1n } as never, [31], NEW),
          denied('UpdateFeatures', 1, { featureUpdates: [] } as never, [31], NEW),
          denied('AlterPartitionReassignments', 0, { topics: [] } as never, [31], NEW),
          denied('UnregisterBroker', 0, { brokerId: 1 } as never, [31], NEW),
        ],
      ],
    },
  ],
};

function join(groupId: string) {
  return {
    groupId,
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 10_000,
    memberId: '',
    groupInstanceId: null,
    protocolType: 'consumer',
    protocols: [],
  };
}

function addTo(transactionalId: string, topics: readonly string[]) {
  return {
    v3AndBelowTransactionalId: transactionalId,
    v3AndBelowProducerId: 1n,
    v3AndBelowProducerEpoch: 0,
    v3AndBelowTopics: topics.map((name) => ({ name, partitions: [0] })),
  };
}

function alter(topic: string) {
  return {
    resources: [
      { resourceType: 2, resourceName: topic, configs: [{ name: 'retention.ms', configOperation: 0, value: '1' }] },
    ],
    validateOnly: false,
  };
}

function acl() {
  return {
    creations: [
      {
        resourceType: 2,
        resourceName: 'orders',
        resourcePatternType: 3,
        principal: 'User:a',
        host: '*',
        operation: 2,
        permissionType: 3,
      },
    ],
  };
}

function quota() {
  return {
    entries: [{ entity: [{ entityType: 'user', entityName: 'ada' }], ops: [{ key: 'x', value: 1, remove: false }] }],
    validateOnly: false,
  };
}
