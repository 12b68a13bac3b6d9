import { kafkaJsSend } from '../test/support/kafka-clients.ts';
import { done, kafkaTool, kcat, kcatLogin } from '../test/support/kafka-programs.ts';
import { KAFKA_PASSWORD, KAFKA_USER } from '../test/support/real-kafka.ts';
import { type Scene, type Stage, withApi } from './record-kafka-scene.ts';

/** Scenes of kcat (librdkafka 2.0.2) and of Apache Kafka's own clients in Java. */

const lines = (count: number, text = 'a record of some length'): string =>
  Array.from({ length: count }, (_, n) => `${text} ${n}\n`).join('');

const fill = (at: Stage, topic: string, count: number): Promise<void> =>
  kafkaJsSend(at.aside, [{ topic, messages: Array.from({ length: count }, (_, n) => ({ value: `${n}` })) }]);

const codec = (name: string): Scene => ({
  name: `kcat-${name}`,
  title: `kcat: twenty records compressed by ${name}, written and read again`,
  async play(at) {
    const topic = await at.topic(`by-${name}`);
    await done(kcat(at.bootstrap, ['-P', '-t', topic, '-p', '0', '-z', name], lines(20)));
    const read = await done(kcat(at.bootstrap, ['-C', '-q', '-e', '-t', topic, '-p', '0', '-o', 'beginning']));
    if (read !== lines(20)) throw new Error(`read ${read}`);
  },
  keep: withApi(0),
});

/** librdkafka as it speaks to brokers of years ago, whom it does not ask for their versions. */
const OLD = ['-X', 'api.version.request=false', '-X', 'broker.version.fallback=0.9.0.1'];

const login = (mechanism: string) => ({ settings: kcatLogin(KAFKA_USER, KAFKA_PASSWORD, mechanism) });

export const KCAT_SCENES: readonly Scene[] = [
  {
    name: 'kcat-metadata',
    title: 'kcat -L: ApiVersions v3 with the name of the software, all topics',
    async play(at) {
      await at.topic('listed', 3);
      await done(kcat(at.bootstrap, ['-L']));
    },
  },
  codec('gzip'),
  codec('snappy'),
  codec('lz4'),
  codec('zstd'),
  {
    name: 'kcat-old-produce',
    title: 'kcat: as to a broker of 0.9: message sets of format 0, plain and compressed by gzip',
    async play(at) {
      const topic = await at.topic('old-produce');
      await done(kcat(at.bootstrap, ['-P', '-t', topic, '-p', '0', ...OLD], lines(3)));
      await done(kcat(at.bootstrap, ['-P', '-t', topic, '-p', '0', '-z', 'gzip', ...OLD], lines(20)));
    },
    keep: (sessions) => sessions.at(-1),
  },
  {
    name: 'kcat-old-consume',
    title: 'kcat: as to a broker of 0.9: Fetch v1, whose records the broker writes as message sets',
    async play(at) {
      const topic = await at.topic('old-consume');
      await done(kcat(at.bootstrap, ['-P', '-t', topic, '-p', '0', '-z', 'gzip'], lines(10)));
      await done(kcat(at.bootstrap, ['-C', '-q', '-e', '-t', topic, '-p', '0', '-o', 'beginning', ...OLD]));
    },
    keep: withApi(1),
  },
  {
    name: 'kcat-acks-0',
    title: 'kcat: three batches that nobody acknowledges, Metadata between them',
    async play(at) {
      const topic = await at.topic('unacknowledged');
      await done(
        kcat(at.bootstrap, ['-P', '-t', topic, '-p', '0', '-X', 'acks=0', '-X', 'batch.num.messages=2'], lines(6)),
      );
    },
    keep: withApi(0),
  },
  {
    name: 'kcat-idempotent',
    title: 'kcat: an idempotent producer, batches of two records, several on their way at once',
    async play(at) {
      const topic = await at.topic('once');
      const flags = ['-X', 'enable.idempotence=true', '-X', 'batch.num.messages=2', '-X', 'linger.ms=0'];
      await done(kcat(at.bootstrap, ['-P', '-t', topic, '-p', '0', ...flags], lines(12)));
    },
    keep: withApi(0),
  },
  {
    name: 'kcat-consume',
    title: 'kcat -C: two partitions read to their ends, read_committed',
    async play(at) {
      const topic = await at.topic('consumed', 2);
      await fill(at, topic, 10);
      await done(
        kcat(at.bootstrap, ['-C', '-q', '-e', '-t', topic, '-o', 'beginning', '-X', 'isolation.level=read_committed']),
      );
    },
    keep: withApi(1),
  },
  {
    name: 'kcat-group',
    title: 'kcat -G: a group of one that reads two topics to their ends; the connection to its coordinator',
    async play(at) {
      const topics = [await at.topic('group-a', 2), await at.topic('group-b')];
      for (const topic of topics) await fill(at, topic, 4);
      await done(kcat(at.bootstrap, ['-q', '-e', '-G', 'kcat-readers', '-X', 'auto.offset.reset=earliest', ...topics]));
    },
    keep: withApi(11, 14),
  },
  {
    name: 'kcat-unknown-topic',
    title: 'kcat: a topic that is not there and is not made',
    play: (at) => kcat(at.bootstrap, ['-C', '-e', '-t', 'not-there', '-X', 'topic.metadata.propagation.max.ms=300']),
  },
  {
    name: 'kcat-sasl-plain',
    title: 'kcat: logs in by PLAIN',
    on: 'sasl',
    play: (at) => done(kcat(at.bootstrap, ['-L', '-t', 'nothing'], '', login('PLAIN'))),
    keep: withApi(17),
  },
  {
    name: 'kcat-sasl-scram-512',
    title: 'kcat: logs in by SCRAM-SHA-512',
    on: 'sasl',
    play: (at) => done(kcat(at.bootstrap, ['-L', '-t', 'nothing'], '', login('SCRAM-SHA-512'))),
    keep: withApi(17),
  },
];

const tools = 'org.apache.kafka.tools';
const javaConsume = (at: Stage, topic: string, count: number, more: readonly string[] = []): Promise<string> =>
  done(
    kafkaTool(`${tools}.consumer.ConsoleConsumer`, [
      '--bootstrap-server',
      at.bootstrap.join(),
      '--topic',
      topic,
      '--from-beginning',
      '--max-messages',
      String(count),
      ...more,
    ]),
  );

export const JAVA_SCENES: readonly Scene[] = [
  {
    name: 'java-produce',
    title: 'Java: VerifiableProducer: ten records in one request of an idempotent producer',
    async play(at) {
      const topic = await at.topic('java-produce');
      await done(
        kafkaTool(`${tools}.VerifiableProducer`, [
          '--bootstrap-server',
          at.bootstrap.join(),
          '--topic',
          topic,
          '--max-messages',
          '10',
        ]),
      );
    },
    keep: withApi(0),
  },
  {
    name: 'java-consume',
    title: 'Java: a console consumer: Fetch by topic id in a fetch session',
    async play(at) {
      const topic = await at.topic('java-consume', 2);
      await fill(at, topic, 6);
      await javaConsume(at, topic, 6, ['--consumer-property', 'fetch.max.wait.ms=100', '--timeout-ms', '2000']);
    },
    keep: withApi(1),
  },
  {
    name: 'java-group',
    title: 'Java: the connection to the coordinator of a group by the classic protocol',
    async play(at) {
      const topic = await at.topic('java-group', 2);
      await fill(at, topic, 6);
      await javaConsume(at, topic, 6, ['--group', 'java-readers']);
    },
    keep: withApi(11),
  },
  {
    name: 'java-topics',
    title: 'Java: kafka-topics --describe: DescribeTopicPartitions, configurations',
    async play(at) {
      await at.topic('java-described', 3);
      await done(kafkaTool(`${tools}.TopicCommand`, ['--bootstrap-server', at.bootstrap.join(), '--describe']));
    },
    keep: withApi(75),
  },
  {
    name: 'java-transaction-two-brokers',
    title: 'Java: ProducerPerformance in transactions; the connection to the broker that is not the coordinator, or is',
    on: 'two',
    async play(at) {
      const topic = await at.topic('java-transaction', 2);
      await done(
        kafkaTool(`${tools}.ProducerPerformance`, [
          '--topic',
          topic,
          '--num-records',
          '20',
          '--record-size',
          '50',
          '--throughput',
          '-1',
          '--transactional-id',
          'perf-1',
          '--transaction-duration-ms',
          '20',
          '--producer-props',
          `bootstrap.servers=${at.bootstrap.join()}`,
        ]),
      );
    },
    keep: withApi(0),
  },
  {
    name: 'java-4-consumer-protocol',
    title:
      'Java of Kafka 4.1: a member of a group by the new protocol: ConsumerGroupHeartbeat, OffsetCommit by topic id',
    on: 'kafka4',
    async play(at) {
      const topic = await at.topic('java-next', 2);
      await fill(at, topic, 6);
      await done(
        kafkaTool(
          `${tools}.consumer.ConsoleConsumer`,
          [
            '--bootstrap-server',
            at.bootstrap.join(),
            '--topic',
            topic,
            '--from-beginning',
            '--max-messages',
            '6',
            '--group',
            'java-next-readers',
            '--consumer-property',
            'group.protocol=consumer',
          ],
          '',
          '4',
        ),
      );
    },
    keep: withApi(68),
  },
  {
    name: 'java-4-fetch',
    title: 'Java of Kafka 4.1: a console consumer without a group of its own: Fetch v18, ListOffsets v10',
    on: 'kafka4',
    async play(at) {
      const topic = await at.topic('java-next-read', 2);
      await fill(at, topic, 6);
      await done(
        kafkaTool(
          `${tools}.consumer.ConsoleConsumer`,
          ['--bootstrap-server', at.bootstrap.join(), '--topic', topic, '--from-beginning', '--max-messages', '6'],
          '',
          '4',
        ),
      );
    },
    keep: withApi(1),
  },
  {
    name: 'java-4-share',
    title: 'Java of Kafka 4.1: a console share consumer: ShareGroupHeartbeat, ShareFetch, ShareAcknowledge',
    on: 'kafka4',
    async play(at) {
      const topic = await at.topic('java-shared', 1);
      const group = 'java-sharers';
      const SHARE_GROUP = 'share.auto.offset.reset=earliest';
      await done(
        kafkaTool(
          'kafka.admin.ConfigCommand',
          [
            '--bootstrap-server',
            at.internal,
            '--alter',
            '--entity-type',
            'groups',
            '--entity-name',
            group,
            '--add-config',
            SHARE_GROUP,
          ],
          '',
          '4',
        ),
      );
      await fill(at, topic, 4);
      await done(
        kafkaTool(
          `${tools}.consumer.ConsoleShareConsumer`,
          ['--bootstrap-server', at.bootstrap.join(), '--topic', topic, '--group', group, '--max-messages', '4'],
          '',
          '4',
        ),
      );
    },
    keep: withApi(78),
  },
  {
    name: 'java-4-produce',
    title: 'Java of Kafka 4.1: an idempotent producer: Produce by topic id',
    on: 'kafka4',
    async play(at) {
      const topic = await at.topic('java-next-produce');
      await done(
        kafkaTool(
          `${tools}.VerifiableProducer`,
          ['--bootstrap-server', at.bootstrap.join(), '--topic', topic, '--max-messages', '10'],
          '',
          '4',
        ),
      );
    },
    keep: withApi(0),
  },
];
