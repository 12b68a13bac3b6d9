import * as semconv from '@opentelemetry/semantic-conventions/incubating';
import { describe, expect, test } from 'vitest';
import type { DigestEntry, SessionEntry } from '../../events/event-batch.ts';
import { MESSAGING_SYSTEMS } from '../../stats/messaging-systems.ts';
import type { Conventions } from './conventions.ts';
import { conventionsOf } from './protocol-conventions.ts';

const session = (change: Partial<SessionEntry>): SessionEntry => ({
  session_id: 1,
  protocol: 'kafka',
  listener: 'log',
  cluster: 'log',
  upstream: 'b1:9092',
  client: '10.0.0.1:5000',
  local: '',
  database: '',
  user: '',
  application: 'shop-orders',
  driver: '',
  server_version: '',
  session_kind: '',
  tls: '',
  opaque: '',
  ...change,
});
const digest = (summary: string, collection = ''): DigestEntry => ({
  digest: '01',
  operation: summary.split(' ')[0]!,
  summary,
  collection,
  text: summary,
  facts: '',
});
const said = (attributes: ReturnType<Conventions['digest']>) =>
  Object.fromEntries(attributes.filter(([, value]) => value !== ''));

describe('Kafka follows the conventions for messaging', () => {
  const kafka = conventionsOf('kafka');
  const cases: [DigestEntry, span: string, kind: number, want: object, count: [key: string, column: string]][] = [
    [
      digest('Produce orders', 'orders'),
      'send orders',
      4,
      {
        'messaging.operation.name': 'send',
        'messaging.operation.type': 'send',
        'messaging.destination.name': 'orders',
        'sluice.operation': 'Produce',
        'sluice.summary': 'Produce orders',
      },
      ['messaging.batch.message_count', 'batch_size'],
    ],
    [
      digest('Fetch group.a', 'group.a'), // a topic may be called so
      'poll group.a',
      3,
      {
        'messaging.operation.name': 'poll',
        'messaging.operation.type': 'receive',
        'messaging.destination.name': 'group.a',
        'sluice.operation': 'Fetch',
        'sluice.summary': 'Fetch group.a',
      },
      ['messaging.batch.message_count', 'rows_sent'],
    ],
    [
      digest('OffsetCommit orders group=billing', 'orders, group.billing'),
      'commit orders',
      3,
      {
        'messaging.operation.name': 'commit',
        'messaging.operation.type': 'settle',
        'messaging.destination.name': 'orders',
        'sluice.operation': 'OffsetCommit',
        'sluice.summary': 'OffsetCommit orders group=billing',
        'sluice.targets': 'orders, group.billing',
      },
      ['sluice.batch.size', 'batch_size'],
    ],
    [
      digest('JoinGroup group=billing', 'group.billing'),
      '',
      3,
      {
        'messaging.operation.name': 'JoinGroup',
        'sluice.operation': 'JoinGroup',
        'sluice.summary': 'JoinGroup group=billing',
        'sluice.targets': 'group.billing',
      },
      ['sluice.batch.size', 'batch_size'],
    ],
    [
      digest('Fetch ?', '?'), // its name is not known
      '',
      3,
      {
        'messaging.operation.name': 'poll',
        'messaging.operation.type': 'receive',
        'sluice.operation': 'Fetch',
        'sluice.summary': 'Fetch ?',
        'sluice.targets': '?',
      },
      ['messaging.batch.message_count', 'rows_sent'],
    ],
    [
      digest('Metadata *'),
      '',
      3,
      { 'messaging.operation.name': 'Metadata', 'sluice.operation': 'Metadata', 'sluice.summary': 'Metadata *' },
      ['sluice.batch.size', 'batch_size'],
    ],
  ];
  for (const [entry, span, kind, want, [key, column]] of cases)
    test(entry.summary, () => {
      expect(said(kafka.digest(entry, session({})))).toEqual(want);
      expect(kafka.spanName(entry)).toBe(span);
      expect(kafka.spanKind(entry)).toBe(kind);
      expect(kafka.counted(entry)).toMatchObject({ key, column });
    });

  test('a session is a client, a span without a topic is named by the broker', () => {
    expect(said(kafka.session(session({})))).toEqual({
      'messaging.system': 'kafka',
      'messaging.client.id': 'shop-orders',
    });
    expect(kafka.spanNameAt(digest('Metadata *'), session({}))).toBe('Metadata b1:9092');
    expect(kafka.spanNameAt(digest(''), session({ upstream: '' }))).toBe('kafka');
  });

  test('what a database says, it does not', () => {
    const entry = digest('Produce orders', 'orders');
    const keys = [...kafka.session(session({})), ...kafka.digest(entry, session({}))].map(([key]) => key);
    expect(keys.filter((key) => key.startsWith('db.'))).toEqual([]);
    expect(kafka.statusKey).toBeNull();
    expect(conventionsOf('redis').statusKey).toBe(semconv.ATTR_DB_RESPONSE_STATUS_CODE);
  });

  test("every name of the standard's is one of the package's", () => {
    const names = new Set<unknown>(Object.values(semconv));
    const entries = cases.map(([entry]) => entry);
    const keys = ['kafka', 'postgres', 'mongodb', 'redis'].flatMap((protocol) => {
      const conventions = conventionsOf(protocol);
      const of = session({ protocol });
      return [
        ...conventions.session(of).map(([key]) => key),
        ...entries.flatMap((entry) => conventions.digest(entry, of).map(([key]) => key)),
        ...entries.map((entry) => conventions.counted(entry).key),
        conventions.statusKey ?? semconv.ATTR_ERROR_TYPE,
      ];
    });
    const standard = keys.filter((key) => !key.startsWith('sluice.'));
    expect(standard.length).toBeGreaterThan(20);
    expect(standard.filter((key) => !names.has(key))).toEqual([]);
    for (const { name, operations } of MESSAGING_SYSTEMS.values()) {
      expect(names).toContain(name);
      const types = [
        semconv.MESSAGING_OPERATION_TYPE_VALUE_SEND,
        semconv.MESSAGING_OPERATION_TYPE_VALUE_RECEIVE,
        semconv.MESSAGING_OPERATION_TYPE_VALUE_SETTLE,
      ];
      for (const { type } of operations.values()) expect(types).toContain(type);
    }
  });
});
