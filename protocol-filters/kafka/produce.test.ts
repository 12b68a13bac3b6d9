import { describe, expect, test } from 'vitest';
import { Replies } from '../../src/exchange/exchange.ts';
import { NO_LAG } from '../../src/exchange/lag-sink.ts';
import { ApiKey } from './schema/api.ts';
import { ask, batch, join, produce, produced, reply } from './testing/builders.ts';
import { attributes, envoy, own, play, tells, told } from './testing/story.ts';
import { encodeReply, encodeRequest } from './wire/message-codec.ts';

const TRACEPARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const traced = batch(1, { records: [{ value: 'v', headers: { traceparent: TRACEPARENT } }] });
const names = (count: number, each: (i: number) => Buffer[] | number[]) =>
  Object.fromEntries(Array.from({ length: count }, (_, i) => [`t${i}`, each(i)])) as never;

describe('Produce', () => {
  tells(
    'one topic',
    [
      ['>', produce({ orders: [batch(3)] })],
      ['<', produced({ orders: [0] })],
    ],
    ['produce | Produce orders | ok | affected 3 | batch of 3'],
    (on) => {
      expect(attributes(on)).toEqual([
        { 'messaging.destination.partition.id': '0', 'sluice.kafka.codec': 'none', 'sluice.kafka.api_version': 9 },
      ]);
      expect(on.harness.ended[0]!.digest!.targets).toEqual([{ schema: '', name: 'orders', operations: ['write'] }]);
      expect(on.harness.facts.application).toBe('app');
      expect(envoy(on, 'request.produce_request')).toBe(1);
      expect(envoy(on, 'response.produce_response')).toBe(1);
      expect(own(on, 'produced_records')).toBe(3);
      expect(own(on, 'topic.orders.produced_records')).toBe(3);
      expect(own(on, 'topic.orders.produced_bytes')).toBe(batch(3).length);
      expect(own(on, 'client.app.produced_records')).toBe(3);
    },
  );

  tells(
    'of two topics is one turn of two exchanges; the bytes are on the first',
    [
      ['>', produce({ orders: [batch(1), batch(2)], payments: [batch(4, { codec: 'gzip' })] })],
      ['<', produced({ orders: [0, 0], payments: [0] })],
    ],
    [
      'produce | Produce orders | ok | affected 3 | batch of 3 | batch',
      'produce | Produce payments | ok | affected 4 | batch of 4 | batch',
    ],
    (on) => {
      const [first, second] = on.harness.ended;
      expect([first!.turn, first!.index, second!.turn, second!.index]).toEqual([1, 0, 1, 1]);
      expect(first!.requestBytes).toBeGreaterThan(0);
      expect([second!.requestBytes, second!.replyBytes]).toEqual([0, 0]);
      // Two partitions are no one partition.
      expect(attributes(on).map((each) => each['messaging.destination.partition.id'])).toEqual([undefined, '0']);
      expect(attributes(on).map((each) => each['sluice.kafka.codec'])).toEqual(['none', 'gzip']);
      expect(envoy(on, 'request.produce_request')).toBe(1);
    },
  );

  tells(
    'errors are by topic, and what was refused by partition',
    [
      ['>', produce({ orders: [batch(1), batch(2), batch(5)], payments: [batch(4)], ok: [batch(1)] })],
      ['<', produced({ orders: [0, 6, 0], payments: [29], ok: [0] })],
    ],
    [
      'produce | Produce orders | error | NOT_LEADER_OR_FOLLOWER | affected 6 | batch of 8 | batch',
      'produce | Produce payments | error | TOPIC_AUTHORIZATION_FAILED | batch of 4 | batch',
      'produce | Produce ok | ok | affected 1 | batch of 1 | batch',
    ],
    (on) => {
      expect(own(on, 'produced_records')).toBe(7);
      expect(own(on, 'refused_records')).toBe(6);
      expect(own(on, 'topic.orders.refused_records')).toBe(2);
      expect(own(on, 'errors')).toBe(2);
    },
  );

  tells(
    'a number that Kafka may come to mean something by',
    [
      ['>', produce({ orders: [batch(1)] })],
      ['<', produced({ orders: [999] })],
    ],
    ['produce | Produce orders | error | ERROR_999 | batch of 1'],
  );

  tells(
    'topics beyond sixteen share the last exchange; counts by topic stay exact',
    [
      ['>', produce(names(20, () => [batch(2)]))],
      ['<', produced(names(20, (i) => [i === 18 ? 3 : 0]))],
    ],
    [
      ...Array.from({ length: 15 }, (_, i) => `produce | Produce t${i} | ok | affected 2 | batch of 2 | batch`),
      'produce | Produce … | error | UNKNOWN_TOPIC_OR_PARTITION | affected 8 | batch of 10 | batch',
    ],
    (on) => {
      expect(on.harness.ended[15]!.digest).toMatchObject({ truncated: true, confidence: 'partial' });
      expect(own(on, 'topic.t17.produced_records')).toBe(2);
      expect(own(on, 'topic.t18.refused_records')).toBe(2);
      expect(own(on, 'produced_records')).toBe(38);
    },
  );

  const ids = [1, 2].map((n) => n.toString(16).padStart(32, '0'));
  tells(
    'topics by ids that nobody has told are one, of which the broker takes what it takes',
    [
      [
        '>',
        encodeRequest(ApiKey.produce, 13, 1, 'app', {
          acks: -1,
          topicData: ids.map((topicId, n) => ({ topicId, partitionData: [{ index: 0, records: batch(3 + n) }] })),
        }),
      ],
      [
        '<',
        encodeReply(ApiKey.produce, 13, 1, {
          responses: ids.map((topicId, n) => ({ topicId, partitionResponses: [{ index: 0, errorCode: n * 3 }] })),
        }),
      ],
    ],
    ['produce | Produce ? | error | UNKNOWN_TOPIC_OR_PARTITION | affected 3 | batch of 7'],
    (on) => expect([own(on, 'produced_records'), own(on, 'refused_records')]).toEqual([3, 4]),
  );

  test('who never waits for a reply has a name as well', () => {
    const on = play([['>', produce({ orders: [batch(2)] }, { acks: 0, client: 'tracker' })]]);
    expect(on.harness.facts.application).toBe('tracker');
  });
  tells(
    'without a reply (acks=0) is over when it was sent',
    [
      ['>', join(produce({ orders: [batch(2)] }, { acks: 0, id: 5 }), ask('Metadata', 1, { topics: [] }, 6))],
      ['<', reply('Metadata', 1, {}, 6)],
    ],
    ['produce | Produce orders | ok | affected 2 | batch of 2', 'metadata | Metadata | ok'],
    (on) => {
      expect(on.harness.ended[0]).toMatchObject({ replies: Replies.none, replyBytes: 0 });
      expect(own(on, 'no_response')).toBe(1);
      expect(own(on, 'produced_records')).toBe(2);
    },
  );

  tells(
    'a transaction names its id by its pattern, and whole in the attributes',
    [
      ['>', produce({ orders: [batch(1, { transactional: true, producerId: 7 })] }, { transactionalId: 'tx-1742' })],
      ['<', produced({ orders: [0] })],
    ],
    ['produce | Produce orders transactional_id=tx-* | ok | affected 1 | batch of 1'],
    (on) => {
      expect(attributes(on)[0]!['sluice.kafka.transactional_id']).toBe('tx-1742');
      expect(on.harness.ended[0]!.digest!.targets).toEqual([
        { schema: '', name: 'orders', operations: ['write'] },
        { schema: 'transactional_id', name: 'tx-*', operations: ['write'] },
      ]);
    },
  );

  test('the trace context of a topic is on its exchange', () => {
    const on = play([
      ['>', produce({ orders: [batch(1)], payments: [traced] })],
      ['<', produced({ orders: [0], payments: [0] })],
    ]);
    expect(on.harness.ended.map((x) => x.traceparent)).toEqual(['', TRACEPARENT]);
    expect(own(on, 'traced')).toBe(1);
  });

  test('a throttle time is told in steps', () => {
    const on = play([
      ['>', produce({ orders: [batch(1)] })],
      ['<', produced({ orders: [0] }, { throttleTimeMs: 173 })],
    ]);
    expect(attributes(on)[0]!['sluice.kafka.throttle_ms']).toBe(100);
    expect(own(on, 'throttled')).toBe(1);
    const time = on.stats.list.find(({ name }) => name === 'sluice.kafka.p.throttle_time')!;
    expect(on.stats.histogram(time.id).count).toBe(1);
  });

  test('a partition without records changes nothing', () => {
    const on = play([
      ['>', produce({ orders: [null] })],
      ['<', produced({ orders: [0] })],
    ]);
    expect(told(on)).toEqual(['produce | Produce orders | ok']);
  });

  test('offsets behind what was taken are heard of', () => {
    const heard: unknown[] = [];
    const lag = {
      ...NO_LAG,
      end: (...told: unknown[]) => void heard.push(told),
    };
    play(
      [
        ['>', produce({ orders: [batch(3), batch(2)] })],
        ['<', produced({ orders: [0, 6] }, { baseOffset: 40n })],
      ],
      { env: { lag } },
    );
    expect(heard).toEqual([['orders', 0, 43]]);
  });
});
