import { afterAll, describe, expect, test } from 'vitest';
import { kafkaJs, kafkaJsLogin, kafkaJsSend } from '../support/kafka-clients.ts';
import { kafkaRows, kafkaStats } from '../support/kafka-ledger.ts';
import { kcat, kcatLogin } from '../support/kafka-programs.ts';
import { realKafkaStage } from '../support/kafka-stage.ts';
import { KafkaWire, recordBatch } from '../support/kafka-wire.ts';
import { needs } from '../support/needs.ts';
import { poll } from '../support/poll.ts';
import { KAFKA_PASSWORD, KAFKA_USER } from '../support/real-kafka.ts';

const values = (count: number) => Array.from({ length: count }, (_, n) => ({ value: `value ${n}` }));

describe('logins at Apache Kafka', () => {
  const stage = realKafkaStage(
    { rewrite: 'auto' },
    { brokers: 1, sasl: true, properties: { 'connections.max.reauth.ms': 60_000 } },
  );
  const auth = async (mechanism: string, what: 'logins' | 'login_failures') =>
    (await kafkaStats(stage.sluice)).get(`sluice.kafka.kafka.auth.${mechanism}.${what}`) ?? 0;
  const usersOf = async (text: string) =>
    (await kafkaRows(stage.sluice)).filter((row) => row.text === text).map(({ user }) => user);
  let wire: KafkaWire | undefined;
  afterAll(() => wire?.close());

  test('PLAIN and SCRAM: who they are stands in every row; a refused topic is an error of that user', async () => {
    const admin = kafkaJs(stage.cluster.internal).admin();
    await admin.connect();
    await admin.createTopics({ topics: [{ topic: 'allowed' }, { topic: 'forbidden' }], waitForLeaders: true });
    await admin.createAcls({
      acl: [
        {
          resourceType: 2,
          resourceName: 'forbidden',
          resourcePatternType: 3,
          principal: `User:${KAFKA_USER}`,
          host: '*',
          operation: 4,
          permissionType: 2,
        },
      ],
    });
    await admin.disconnect();
    for (const mechanism of ['plain', 'scram-sha-256', 'scram-sha-512'] as const) {
      const kafka = kafkaJs(stage.bootstrap, kafkaJsLogin(KAFKA_USER, KAFKA_PASSWORD, mechanism));
      await kafkaJsSend(kafka, [{ topic: 'allowed', messages: values(2) }]);
    }
    wire = await KafkaWire.connect(stage.port);
    await wire.ask('SaslHandshake', 1, { mechanism: 'PLAIN' });
    await wire.ask('SaslAuthenticate', 2, { authBytes: Buffer.from(`\0${KAFKA_USER}\0${KAFKA_PASSWORD}`) });
    const batch = recordBatch({ records: values(3) });
    await wire.ask('Produce', 9, {
      acks: 1,
      timeoutMs: 1000,
      topicData: ['allowed', 'forbidden'].map((name) => ({ name, partitionData: [{ index: 0, records: batch }] })),
    });
    await poll('it is told', async () => (await usersOf('Produce forbidden')).length > 0);
    const row = (await kafkaRows(stage.sluice)).find(({ text }) => text === 'Produce forbidden');
    expect([row?.user, row?.errors]).toEqual([KAFKA_USER, { TOPIC_AUTHORIZATION_FAILED: 1 }]);
    expect(new Set(await usersOf('Produce allowed'))).toEqual(new Set([KAFKA_USER]));
    expect(await auth('SCRAM-SHA-512', 'logins')).toBeGreaterThanOrEqual(1);
    const stats = await kafkaStats(stage.sluice);
    expect(stats.get('sluice.kafka.kafka.topic.allowed.produced_records')).toBe(9);
    expect(stats.get('sluice.kafka.kafka.topic.forbidden.refused_records')).toBe(3);
  });

  test('logs in again on the same connection', async () => {
    // A login within a second of the last one is refused.
    await poll(
      'a handshake is taken',
      async () => (await wire!.ask('SaslHandshake', 1, { mechanism: 'PLAIN' }))['errorCode'] === 0,
      {
        everyMs: 200,
      },
    );
    await wire!.ask('SaslAuthenticate', 2, { authBytes: Buffer.from(`\0${KAFKA_USER}\0${KAFKA_PASSWORD}`) });
    await wire!.ask('Metadata', 9, { topics: [{ name: 'allowed' }] });
    await poll(
      'it is told',
      async () => (await kafkaStats(stage.sluice)).get('sluice.kafka.kafka.reauthentications') === 1,
    );
  });

  test('a wrong password is a failed login, of nobody', async (context) => {
    needs(context, 'kcat');
    const wrong = { settings: kcatLogin(KAFKA_USER, 'wrong', 'SCRAM-SHA-256') };
    await kcat(stage.bootstrap, ['-L', '-m', '2'], '', wrong);
    await poll('it is told', async () => (await auth('SCRAM-SHA-256', 'login_failures')) >= 1);
    expect(stage.sluice.stdout() + stage.sluice.stderr()).not.toContain(KAFKA_PASSWORD);
    expect(await stage.sluice.getText('/api/queries?limit=1000')).not.toContain(KAFKA_PASSWORD);
  });
});
