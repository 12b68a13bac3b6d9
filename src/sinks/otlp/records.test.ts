import { describe, expect, test } from 'vitest';
import { attributesOf, decodeOtlp, itemsOf, type Tree } from '../../../test/support/otlp-receiver.ts';
import { digestOf } from '../../digest/rows/rows.fixture.ts';
import { Flag, Outcome, Replies, VerdictCode } from '../../exchange/exchange.ts';
import { LogEncoder } from './log-encoder.ts';
import { batchOf, CALLER, encoded, type Talk, WALL } from './otlp.fixture.ts';
import { SpanEncoder } from './span-encoder.ts';

const logsOf = (talks: readonly Talk[]) =>
  itemsOf('logs', decodeOtlp('logs', encoded(new LogEncoder(1000), batchOf(talks))));
const spansOf = (talks: readonly Talk[]) =>
  itemsOf('traces', decodeOtlp('traces', encoded(new SpanEncoder(), batchOf(talks))));

describe('log records', () => {
  const cases: [what: string, talk: Talk, want: [name: string, severity: number]][] = [
    ['a query', { exchanges: [{ replyLastByteAt: 1999 }] }, ['sluice.query', 9]],
    ['a slow one', { exchanges: [{ replyLastByteAt: 2000 }] }, ['sluice.query', 13]],
    ['one that was to wait', { exchanges: [{ replyLastByteAt: 3000, flags: Flag.waits }] }, ['sluice.query', 9]],
    ['one that never ends', { exchanges: [{ replyLastByteAt: 3000, replies: Replies.endless }] }, ['sluice.query', 9]],
    ['an error', { exchanges: [{ outcome: Outcome.error, code: '42P01' }] }, ['sluice.query', 17]],
    ['a lost one', { exchanges: [{ outcome: Outcome.lost }] }, ['sluice.query', 17]],
    ['a cancelled one', { exchanges: [{ outcome: Outcome.cancelled, code: '57014' }] }, ['sluice.query', 17]],
    ['a skipped one', { exchanges: [{ outcome: Outcome.skipped, replyLastByteAt: 1500 }] }, ['sluice.query', 9]],
    [
      'one that a policy in shadow mode would deny',
      { exchanges: [{ replyLastByteAt: 1500, shadowVerdict: VerdictCode.denied, shadowPolicy: 'no' }] },
      ['sluice.policy.would_deny', 10],
    ],
    ['a denied one', { exchanges: [{ outcome: Outcome.denied, policy: 'no' }] }, ['sluice.policy.denied', 13]],
    [
      'a wrong password in Redis',
      { session: { protocol: 'redis' }, exchanges: [{ outcome: Outcome.error, code: 'WRONGPASS', kind: 'auth' }] },
      ['sluice.auth.failure', 13],
    ],
    [
      'a refused COM_CHANGE_USER',
      { session: { protocol: 'mysql' }, exchanges: [{ outcome: Outcome.error, code: '1045', kind: 'change_user' }] },
      ['sluice.auth.failure', 13],
    ],
    [
      'a file that MySQL does not give',
      { session: { protocol: 'mysql' }, exchanges: [{ outcome: Outcome.error, code: '1045', kind: 'query' }] },
      ['sluice.query', 17],
    ],
    [
      'a wrong password in MongoDB',
      {
        session: { protocol: 'mongodb' },
        exchanges: [{ outcome: Outcome.error, code: '18', severity: 'AuthenticationFailed', kind: 'saslContinue' }],
      },
      ['sluice.auth.failure', 13],
    ],
    [
      'an 18 that is no login',
      { session: { protocol: 'mysql' }, exchanges: [{ outcome: Outcome.error, code: '18', kind: 'query' }] },
      ['sluice.query', 17],
    ],
    [
      'a wrong password in Kafka',
      {
        session: { protocol: 'kafka' },
        exchanges: [{ outcome: Outcome.error, code: 'SASL_AUTHENTICATION_FAILED', kind: 'sasl_authenticate' }],
      },
      ['sluice.auth.failure', 13],
    ],
    [
      'a wrong password in ZooKeeper',
      { session: { protocol: 'zookeeper' }, exchanges: [{ outcome: Outcome.error, code: 'AUTHFAILED', kind: 'auth' }] },
      ['sluice.auth.failure', 13],
    ],
  ];
  for (const [what, talk, want] of cases)
    test(what, () => {
      const [record] = logsOf([talk]);
      expect([record!['eventName'], record!['severityNumber']]).toEqual(want);
      expect(record).not.toHaveProperty('body');
    });

  test('times are exact to the nanosecond', () => {
    const [record] = logsOf([{ exchanges: [{ requestFirstByteAt: 0.001, replyLastByteAt: 0.001 + 1.25 }] }]);
    expect(record).toMatchObject({
      timeUnixNano: `${WALL}001000`,
      observedTimeUnixNano: `${BigInt(WALL) * 1_000_000n + 1000n + 1_250_000n}`,
    });
  });

  test('durations are doubles, even whole ones', () => {
    const [record] = logsOf([{ exchanges: [{}] }]);
    const attributes = record!['attributes'] as { key: string; value: Tree }[];
    const total = attributes.find(({ key }) => key === 'sluice.duration.total');
    expect(total).toEqual({ key: 'sluice.duration.total', value: { doubleValue: 1 } });
  });
});

describe('spans', () => {
  test('none where the caller does not sample, none of what never ends', () => {
    const spans = spansOf([
      {
        exchanges: [
          { seq: 1, traceparent: `00-${CALLER}-00` },
          { seq: 2, replies: Replies.endless, replyLastByteAt: 0 },
          { seq: 3, traceparent: `00-${CALLER}-01` },
          { seq: 4, replies: Replies.endless },
          { seq: 5 },
        ],
      },
    ]);
    expect(spans.map((span) => attributesOf(span)['sluice.seq'])).toEqual([3, 4, 5]);
    const [called, , own] = spans;
    expect(called).toMatchObject({
      traceId: CALLER.slice(0, 32),
      parentSpanId: CALLER.slice(33),
      kind: 3,
      flags: 0x301,
    });
    expect(own).not.toHaveProperty('parentSpanId');
    expect(own!['flags']).toBe(0x101);
  });

  test('untimed ones begin and end at once', () => {
    const [span] = spansOf([{ exchanges: [{ flags: Flag.untimed }] }]);
    expect(span!['startTimeUnixNano']).toBe(span!['endTimeUnixNano']);
  });

  const names: [what: string, talk: Talk, want: string][] = [
    ['the summary', { exchanges: [{ digest: digestOf(7) }] }, 'SELECT t7'],
    ['operation and namespace', { exchanges: [{ digest: digestOf(7, { summary: '' }) }] }, 'SELECT shop'],
    ['the namespace', { exchanges: [{ digest: null }] }, 'shop'],
    ['the server', { session: { database: '' }, exchanges: [{ digest: null }] }, '10.0.0.9:5432'],
    [
      'the server, not the number of a Redis database',
      { session: { protocol: 'redis', database: '3' }, exchanges: [{ digest: null }] },
      '10.0.0.9:5432',
    ],
    ['the system', { session: { database: '', upstreamAddress: '' }, exchanges: [{ digest: null }] }, 'postgresql'],
  ];
  for (const [what, talk, want] of names)
    test(`named by ${what}`, () => expect(spansOf([talk])[0]!['name']).toBe(want));

  const target = (name: string, schema = '') => ({ schema, name, operations: [] });
  const collections: [what: string, protocol: string, targets: ReturnType<typeof target>[], want: object][] = [
    ['one collection', 'mongodb', [target('orders')], { 'db.collection.name': 'orders' }],
    ['without its database', 'mongodb', [target('fs.files', 'shop')], { 'db.collection.name': 'fs.files' }],
    ['of another database', 'mongodb', [target('orders', 'crm')], { 'db.collection.name': 'crm.orders' }],
    ['several', 'mongodb', [target('a'), target('b')], { 'sluice.collections': 'a, b' }],
    ['paths', 'zookeeper', [target('/a/*')], { 'sluice.paths': '/a/*' }],
  ];
  for (const [what, protocol, targets, want] of collections) {
    test(`what was touched: ${what}`, () => {
      const [span] = spansOf([{ session: { protocol }, exchanges: [{ digest: digestOf(1, { targets }) }] }]);
      const names = Object.entries(attributesOf(span!)).filter(([key]) =>
        /collection|sluice\.(tables|keys|paths)/.test(key),
      );
      expect(Object.fromEntries(names)).toEqual(want);
    });
  }

  test('two sessions without a summary have a name each', () => {
    const nameless = { exchanges: [{ digest: null }] };
    const spans = spansOf([
      { session: { database: 'a' }, ...nameless },
      { session: { database: 'b' }, ...nameless },
    ]);
    expect(spans.map((span) => span['name'])).toEqual(['a', 'b']);
  });
});
