import type { Fields } from '../test/support/kafka-broker/codec.ts';
import type { KafkaWire } from '../test/support/kafka-wire.ts';
import { poll } from '../test/support/poll.ts';
import { batch, fetchFields, fill, idOf, produceFields, wire } from './record-kafka-asked.ts';
import type { Scene, Stage } from './record-kafka-scene.ts';

/** Scenes of a plain socket: every version of what clients say often, as a broker of 3.9.1 answers it. */

/** Of a consumer: version 0, no topics, no data of its own. What is none makes the broker's coordinator fall silent. */
const SUBSCRIPTION = Buffer.from('000000000000ffffffff', 'hex');

const versions = (name: string, title: string, play: (client: KafkaWire, at: Stage) => Promise<unknown>): Scene => ({
  name: `wire-versions-${name}`,
  title: `a socket: every version of ${title}`,
  play: wire(play),
});

const each = async (from: number, to: number, use: (version: number) => Promise<unknown>): Promise<void> => {
  for (let version = from; version <= to; version++) await use(version);
};

export const VERSION_SCENES: readonly Scene[] = [
  versions(
    'metadata',
    'ApiVersions, of Metadata about all topics and about one, of DescribeCluster',
    async (client, at) => {
      await at.topic('versioned');
      const software = { clientSoftwareName: 'wire', clientSoftwareVersion: '1.0' };
      await each(0, 4, (version) => client.ask('ApiVersions', version, version < 3 ? {} : software));
      const asked = (version: number) => ({
        topics: [{ name: 'versioned' }, ...(version < 9 ? [{ name: 'nosuch' }] : [])],
      });
      const rest = { allowAutoTopicCreation: false };
      await each(0, 12, (version) => client.ask('Metadata', version, { ...asked(version), ...(version > 3 && rest) }));
      await each(0, 1, (version) => client.ask('DescribeCluster', version, {}));
    },
  ),
  versions('produce', 'Produce, from 3 on', async (client, at) => {
    const topic = await at.topic('produced');
    await each(3, 11, (version) => client.ask('Produce', version, produceFields(topic, batch(version))));
  }),
  versions('fetch', 'Fetch and of ListOffsets', async (client, at) => {
    const topic = await at.topic('offered');
    await fill(at, topic, 2);
    const topicId = await idOf(client, topic);
    await each(0, 17, (version) => client.ask('Fetch', version, fetchFields([{ topic, topicId }])));
    const latest = { topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp: -1n }] }] };
    await each(0, 9, (version) => client.ask('ListOffsets', version, { replicaId: -1, ...latest }));
  }),
  versions(
    'group',
    'the requests of a group member: FindCoordinator, JoinGroup, SyncGroup, Heartbeat, LeaveGroup',
    async (client, at) => {
      await at.admin.describeGroups(['g']); // there is a coordinator
      await each(0, 6, (version) =>
        client.ask(
          'FindCoordinator',
          version,
          version < 4 ? { key: 'g' } : { keyType: 0, coordinatorKeys: ['g', 'h'] },
        ),
      );
      await each(0, 9, async (version) => {
        const group = `versioned-${version}`;
        const join = (memberId: string): Promise<Fields> =>
          client.ask('JoinGroup', version, {
            groupId: group,
            sessionTimeoutMs: 6000,
            rebalanceTimeoutMs: 6000,
            memberId,
            protocolType: 'consumer',
            protocols: [{ name: 'range', metadata: SUBSCRIPTION }],
          });
        let joined = await join('');
        if (joined['errorCode'] === 79) joined = await join(joined['memberId'] as string); // MEMBER_ID_REQUIRED
        const memberId = joined['memberId'] as string;
        const member = { groupId: group, generationId: joined['generationId'] as number, memberId };
        await client.ask('SyncGroup', Math.min(version, 5), {
          ...member,
          protocolType: 'consumer',
          protocolName: 'range',
          assignments: [{ memberId, assignment: Buffer.from('yours') }],
        });
        await client.ask('Heartbeat', Math.min(version, 4), member);
        await client.ask(
          'LeaveGroup',
          Math.min(version, 5),
          version < 3
            ? { groupId: group, memberId }
            : { groupId: group, members: [{ memberId }, { memberId: 'nobody' }] },
        );
      });
    },
  ),
  versions('offsets', 'OffsetCommit, OffsetFetch, DescribeGroups, ListGroups and DeleteGroups', async (client, at) => {
    await at.admin.describeGroups(['keeper']); // there is a coordinator
    const topic = await at.topic('committed');
    const partitions = [{ partitionIndex: 0, committedOffset: 5n, committedMetadata: 'note' }];
    const commit = { groupId: 'keeper', topics: [{ name: topic, partitions }] };
    await each(0, 9, (version) => client.ask('OffsetCommit', version, commit));
    const asked = { topics: [{ name: topic, partitionIndexes: [0, 1] }] };
    await each(0, 9, (version) =>
      client.ask(
        'OffsetFetch',
        version,
        version < 8
          ? { groupId: 'keeper', ...asked }
          : {
              groups: [
                { groupId: 'keeper', ...asked },
                { groupId: 'other', topics: null },
              ],
            },
      ),
    );
    await each(0, 5, (version) => client.ask('DescribeGroups', version, { groups: ['keeper', 'nosuch'] }));
    await each(0, 5, (version) => client.ask('ListGroups', version, {}));
    await each(0, 2, (version) => client.ask('DeleteGroups', version, { groupsNames: ['nosuch', 'keeper'] }));
  }),
  versions(
    'topics',
    'CreateTopics, CreatePartitions, DescribeConfigs, DeleteRecords and DeleteTopics',
    async (client, at) => {
      await each(0, 7, (version) =>
        client.ask('CreateTopics', version, {
          topics: [{ name: `v${version}`, numPartitions: 1, replicationFactor: 1, configs: [] }],
          timeoutMs: 5000,
        }),
      );
      await poll('topics are there', async () => (await at.admin.listTopics()).includes('v7'));
      await each(0, 3, (version) =>
        client.ask('CreatePartitions', version, {
          topics: [{ name: `v${version}`, count: 2, assignments: null }],
          timeoutMs: 5000,
        }),
      );
      await each(0, 4, (version) =>
        client.ask('DescribeConfigs', version, {
          resources: [{ resourceType: 2, resourceName: 'v1', configurationKeys: ['retention.ms'] }],
        }),
      );
      await each(0, 2, (version) =>
        client.ask('DeleteRecords', version, {
          topics: [{ name: 'v7', partitions: [{ partitionIndex: 0, offset: -1n }] }],
          timeoutMs: 5000,
        }),
      );
      await each(0, 5, (version) =>
        client.ask('DeleteTopics', version, { topicNames: [`v${version}`], timeoutMs: 5000 }),
      );
      const topicId = await idOf(client, 'v6');
      await client.ask('DeleteTopics', 6, { topics: [{ name: null, topicId }, { name: 'v7' }], timeoutMs: 5000 });
    },
  ),
];
