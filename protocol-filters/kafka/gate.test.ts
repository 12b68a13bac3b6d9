import { describe, expect, test } from 'vitest';
import { Outcome, VerdictCode } from '../../src/exchange/exchange.ts';
import type { OperationFacts } from '../../src/exchange/operation-facts.ts';
import type { Denial } from '../../src/exchange/protocol-filter.ts';
import { Side } from '../../src/exchange/side.ts';
import { filterEnv } from '../../test/support/filter-env.ts';
import { type HarnessOptions, type Judge, SessionHarness } from '../../test/support/session-harness.ts';
import { kafka } from './index.ts';
import { ask, batch, fetch, fetched, join, produce, produced, reply } from './testing/builders.ts';
import { decodeMessage } from './wire/message-codec.ts';

const NO: Denial = { policy: 'no', message: 'hands off', kind: 'policy', closes: false };

function stage(options: Omit<HarnessOptions, 'bound'>) {
  const env = filterEnv();
  const bound = kafka.bind(kafka.config.parse({ stat_prefix: 'p' }), kafka.options.parse({}), env);
  const harness = new SessionHarness({ bound, ...options });
  return {
    harness,
    stat: (name: string) => env.stats.value(`sluice.kafka.p.${name}`) ?? Number.NaN,
    ask: (bytes: Uint8Array) => harness.feed(Side.downstream, bytes),
    answer: (bytes: Uint8Array) => harness.feed(Side.upstream, bytes),
    sent: () => harness.sent(Side.upstream),
    got: () => harness.sent(Side.downstream),
  };
}
const enforcing = (judge: Judge, more: Partial<HarnessOptions> = {}) => stage({ judge, enforces: true, ...more });
const accessesOf = (facts: OperationFacts): string[] =>
  facts.accesses.map(({ verb, type, name }) => [verb, type, name].filter((word) => word !== '').join(' '));

/** What is asked of the policies about one request. */
function factsOf(bytes: Uint8Array): OperationFacts {
  let seen: OperationFacts | null = null;
  const on = enforcing((turn) => {
    seen ??= turn.facts[0]!;
    return null;
  });
  on.ask(bytes);
  return seen!;
}

describe('what a request asks for', () => {
  const cases: [string, Uint8Array, string[]][] = [
    ['Produce', produce({ orders: [batch(1)] }), ['write topic orders']],
    [
      'Produce in a transaction',
      produce({ a: [batch(1)] }, { transactionalId: 'tx' }),
      ['write transactional_id tx', 'write topic a'],
    ],
    ['Fetch', fetch(['a', 'b']), ['read topic a', 'read topic b']],
    ['Metadata of none', ask('Metadata', 4, { topics: [], allowAutoTopicCreation: true }), ['session']],
    ['Metadata of all', ask('Metadata', 4, { topics: null, allowAutoTopicCreation: false }), ['describe topic']],
    [
      'Metadata that makes',
      ask('Metadata', 4, { topics: [{ name: 'a' }], allowAutoTopicCreation: true }),
      ['describe topic a', 'create topic a'],
    ],
    ['ListGroups', ask('ListGroups', 0), ['describe group']],
    ['FindCoordinator', ask('FindCoordinator', 3, { key: 'g', keyType: 0 }), ['describe group g']],
    [
      'FindCoordinator of a transaction',
      ask('FindCoordinator', 3, { key: 't', keyType: 1 }),
      ['describe transactional_id t'],
    ],
    [
      'InitProducerId without a transaction',
      ask('InitProducerId', 1, { transactionalId: null, transactionTimeoutMs: 1 }),
      ['idempotent_write cluster kafka-cluster'],
    ],
    ['DescribeCluster', ask('DescribeCluster', 0, {}), ['session']],
    ['a topic named twice', fetch(['a', 'a']), ['read topic a']],
  ];
  for (const [name, bytes, want] of cases)
    test(name, () => {
      const facts = factsOf(bytes);
      expect(accessesOf(facts)).toEqual(want);
      expect(facts.unresolved).toBe('');
    });

  test('the same request has the same facts, another has others', () => {
    const seen: OperationFacts[] = [];
    const on = enforcing((turn) => {
      seen.push(turn.facts[0]!);
      return null;
    });
    on.ask(join(fetch(['a']), fetch(['a'], { id: 2 }), fetch(['b'], { id: 3 })));
    expect(seen[0]).toBe(seen[1]);
    expect(seen[2]).not.toBe(seen[0]);
  });
});

describe('verdicts', () => {
  test('later: nothing is read until it is known, and nothing is lost', () => {
    let verdict: Denial | null | 'later' = 'later';
    const on = enforcing(() => verdict);
    const both = join(produce({ a: [batch(1)] }), produce({ b: [batch(1)] }, { id: 2 }));
    on.ask(both);
    expect(on.sent().length).toBe(0);
    verdict = null;
    on.harness.decide();
    expect(on.sent()).toEqual(both);
    on.answer(join(produced({ a: [0] }), produced({ b: [0] }, { id: 2 })));
    on.harness.finish();
    expect(on.harness.ended.map((x) => x.text)).toEqual(['Produce a', 'Produce b']);
  });

  test('later, then denied', () => {
    let verdict: Denial | null | 'later' = 'later';
    const on = enforcing(() => verdict);
    for (const byte of produce({ a: [batch(1)] })) on.ask(Buffer.of(byte));
    verdict = NO;
    on.harness.decide();
    expect(on.sent().length).toBe(14);
    on.answer(reply('ApiVersions', 0, { apiKeys: [] }));
    expect(decodeMessage(0, 9, 'response', on.got(), 8)).toMatchObject({
      responses: [{ name: 'a', partitionResponses: [{ errorCode: 29, errorMessage: 'hands off (policy "no")' }] }],
    });
    on.harness.finish();
    expect(on.stat('denied')).toBe(1);
    expect(on.stat('stand_ins')).toBe(1);
  });

  test('a denied request is one exchange, with its code and its policy', () => {
    const on = enforcing(() => NO);
    on.ask(produce({ a: [batch(2)] }));
    on.answer(reply('ApiVersions', 0, { apiKeys: [] }));
    on.harness.finish();
    expect(on.harness.ended).toMatchObject([
      {
        text: 'Produce a',
        outcome: Outcome.denied,
        verdict: VerdictCode.denied,
        policy: 'no',
        code: 'TOPIC_AUTHORIZATION_FAILED',
        rowsAffected: 0,
      },
    ]);
  });

  test('shadow: all is asked, nothing changes', () => {
    const asked: string[] = [];
    const on = stage({
      judge: (turn) => {
        asked.push(turn.facts[0]!.unresolved || turn.facts[0]!.operation);
        return NO;
      },
    });
    const bytes = join(
      produce({ a: [batch(1)] }),
      ask('Metadata', 4, { topics: null, allowAutoTopicCreation: true }, 2),
    );
    on.ask(bytes);
    expect(on.sent()).toEqual(bytes);
    expect(asked).toEqual(['Produce', 'Metadata']);
    on.answer(join(produced({ a: [0] }), reply('Metadata', 4, { brokers: [], topics: [] }, 2)));
    on.harness.finish();
    expect(on.harness.ended.map((x) => x.outcome)).toEqual([Outcome.ok, Outcome.ok]);
  });

  test('a policy that closes: the error comes first, where no reply is awaited', () => {
    const on = enforcing(() => ({ ...NO, closes: true }));
    on.ask(produce({ a: [batch(1)] }));
    expect(on.harness.closed).not.toBe('');
    expect(decodeMessage(0, 9, 'response', on.got(), 8)).toMatchObject({
      responses: [{ partitionResponses: [{ errorCode: 29 }] }],
    });
    on.harness.finish();
    expect(on.harness.ended).toMatchObject([{ outcome: Outcome.denied, policy: 'no' }]);
  });

  test('a topic of a Metadata request is denied: the others are asked for, and the reply names all', () => {
    const on = enforcing((turn) => {
      const access = turn.facts[0]!.accesses.find(({ name }) => name === 'b');
      return access === undefined ? null : { ...NO, access };
    });
    on.ask(ask('Metadata', 4, { topics: [{ name: 'a' }, { name: 'b' }], allowAutoTopicCreation: false }));
    expect(on.sent()).toEqual(ask('Metadata', 4, { topics: [{ name: 'a' }], allowAutoTopicCreation: false }));
    on.answer(reply('Metadata', 4, { brokers: [], topics: [{ name: 'a', errorCode: 0, partitions: [] }] }));
    expect(decodeMessage(3, 4, 'response', on.got(), 8)).toMatchObject({
      topics: [
        { name: 'a', errorCode: 0 },
        { name: 'b', errorCode: 29 },
      ],
    });
    on.harness.finish();
    expect(on.harness.ended.map((x) => [x.text, x.verdict, x.policy, x.code])).toEqual([
      ['Metadata a', VerdictCode.allowed, '', ''],
      ['Metadata b', VerdictCode.denied, 'no', 'TOPIC_AUTHORIZATION_FAILED'],
    ]);
    expect(on.stat('filtered')).toBe(1);
  });

  test('not now: 44, or 89 where clients know it', () => {
    const limit: Denial = { ...NO, kind: 'limit' };
    const on = enforcing(() => limit);
    const topics = [{ name: 'a', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }];
    on.ask(join(produce({ a: [batch(1)] }), ask('CreateTopics', 6, { topics, timeoutMs: 1, validateOnly: false }, 2)));
    on.answer(join(reply('ApiVersions', 0, { apiKeys: [] }), reply('ApiVersions', 0, { apiKeys: [] }, 2)));
    on.harness.finish();
    expect(on.harness.ended.map((x) => x.code)).toEqual(['POLICY_VIOLATION', 'THROTTLING_QUOTA_EXCEEDED']);
  });
});

describe('limits of replies', () => {
  const many = () => fetched({ a: [{ records: batch(5), high: 9n }] });
  test('more records than allowed: an error in their place, and the next reply is whole', () => {
    const on = enforcing(() => null, { limits: { rows: 3 } });
    on.ask(join(fetch(['a']), fetch(['a'], { id: 2 })));
    const few = fetched({ a: [{ records: batch(2), high: 9n }] }, { id: 2 });
    for (const byte of join(many(), few)) on.answer(Buffer.of(byte));
    const first = on.got().subarray(0, 4 + on.got().readInt32BE(0));
    expect(decodeMessage(1, 11, 'response', first, 8)).toMatchObject({
      responses: [{ topic: 'a', partitions: [{ partitionIndex: 0, errorCode: 44 }] }],
    });
    expect(on.got().subarray(first.length)).toEqual(few);
    on.harness.finish();
    expect(on.harness.ended).toMatchObject([
      { outcome: Outcome.denied, policy: 'limit', rowsReturned: 0 },
      { outcome: Outcome.ok, rowsReturned: 2 },
    ]);
  });
  test('more bytes than allowed', () => {
    const on = enforcing(() => null, { limits: { bytes: 100 } });
    on.ask(fetch(['a']));
    on.answer(many());
    expect(on.got().length).toBeLessThan(100);
    on.harness.finish();
    expect(on.harness.ended).toMatchObject([{ outcome: Outcome.denied, policy: 'limit', code: 'POLICY_VIOLATION' }]);
  });
});

describe('targets of policies', () => {
  const { target } = kafka.vocabulary!;
  const cases: [string, object][] = [
    ['orders', { type: 'topic', name: 'orders' }],
    ['orders*', { type: 'topic', name: 'orders*' }],
    ['topic=a.b', { type: 'topic', name: 'a.b' }],
    ['group=billing', { type: 'group', name: 'billing' }],
    ['group=größe', { type: 'group', name: Buffer.from('größe').toString('latin1') }],
    ['transactional_id=tx-*', { type: 'transactional_id', name: 'tx-*' }],
    ['cluster', { type: 'cluster', name: '*' }],
    ['a b', { fault: expect.stringContaining('no topic') }],
    ['..', { fault: expect.stringContaining('no topic') }],
    ['x'.repeat(250), { fault: expect.stringContaining('249') }],
    ['group=', { fault: expect.stringContaining('names no group') }],
    ['table=a', { fault: expect.stringContaining('none of') }],
    ['cluster=other', { fault: expect.stringContaining('one cluster') }],
  ];
  for (const [text, want] of cases) test(text.slice(0, 30), () => expect(target(text)).toMatchObject(want));
});
