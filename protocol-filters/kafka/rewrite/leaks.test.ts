import { describe, expect, test } from 'vitest';
import { Side } from '../../../src/exchange/side.ts';
import { filterEnv } from '../../../test/support/filter-env.ts';
import { SessionHarness } from '../../../test/support/session-harness.ts';
import { TestDoors } from '../../../test/support/test-doors.ts';
import { type KafkaConfig, kafka } from '../index.ts';
import { ask, join, produce, reply, token } from '../testing/builders.ts';
import { own, type Stage, told } from '../testing/story.ts';

/** What must never reach a client. */
const SECRET = 'b1.upstream';
const METADATA = reply('Metadata', 9, { brokers: [{ nodeId: 1, host: SECRET, port: 9092 }], topics: [] }, 7);
const ASK = ask('Metadata', 9, { topics: [] }, 7);

function rewriting(config: Partial<KafkaConfig> = {}, doors?: TestDoors): Stage {
  const env = filterEnv();
  const options = kafka.options.parse({ rewrite: 'auto' });
  const bound = kafka.bind(kafka.config.parse({ stat_prefix: 'p', ...config }), options, env);
  return { harness: new SessionHarness({ bound, ...(doors && { doors }) }), stats: env.stats };
}
const says = (on: Stage, ...lines: readonly Buffer[]): void => {
  for (const line of lines) on.harness.feed(Side.downstream, line);
};
const answers = (on: Stage, ...lines: readonly Buffer[]): void => {
  for (const line of lines) on.harness.feed(Side.upstream, line);
};
const leaked = (on: Stage): boolean => on.harness.sent(Side.downstream).includes(SECRET);

describe('a client that does not wait for the end of its login learns no address', () => {
  const handshake = (on: Stage, mechanism: string): void => {
    says(on, ask('SaslHandshake', 0, { mechanism }));
    answers(on, reply('SaslHandshake', 0, { mechanisms: [mechanism] }));
  };

  test('a request right behind its PLAIN token', () => {
    const on = rewriting();
    handshake(on, 'PLAIN');
    says(on, join(token('\0ada\0x'), ASK));
    answers(on, join(token(''), METADATA));
    expect(leaked(on)).toBe(false);
    expect(on.harness.closed).toBe('opaque:ambiguous');
  });

  test('a request right behind the last SCRAM token', () => {
    const on = rewriting();
    handshake(on, 'SCRAM-SHA-256');
    says(on, token('n,,n=ada,r=nonce'));
    answers(on, token('r=nonce2,s=salt,i=4096'));
    says(on, token('c=biws,r=nonce2,p=proof'), ASK);
    answers(on, token('v=proof'), METADATA);
    expect(leaked(on)).toBe(false);
    expect(on.harness.closed).toBe('opaque:ambiguous');
  });

  test('a request right behind a GSSAPI token that is answered', () => {
    const on = rewriting();
    handshake(on, 'GSSAPI');
    says(on, join(token('`token'), ASK));
    answers(on, join(token('`answer'), METADATA));
    expect(leaked(on)).toBe(false);
  });
});

describe('a broker that leaves out a reply', () => {
  test('its other replies are not taken for what was asked before them', () => {
    const on = rewriting();
    says(on, join(ask('Heartbeat', 0, { groupId: 'g' }, 6), ASK));
    answers(on, METADATA);
    expect(leaked(on)).toBe(false);
    expect(on.harness.closed).toBe('opaque:unexpected_reply');
  });
});

test('half of a reply does not leave where the broker hangs up, nor what it held back', () => {
  for (const size of [2, 6, 20, METADATA.length - 1]) {
    const on = rewriting({}, new TestDoors({ held: true }));
    says(on, ASK);
    answers(on, METADATA.subarray(0, size));
    on.harness.hangUp(Side.upstream);
    expect(on.harness.sent(Side.downstream)).toHaveLength(0);
  }
});

test('replies that wait for doors leave in their order, and none before the doors are open', () => {
  const doors = new TestDoors({ held: true });
  const on = rewriting({}, doors);
  const beat = reply('Heartbeat', 0, {}, 8);
  const other = reply('Metadata', 9, { brokers: [{ nodeId: 2, host: 'b2.upstream', port: 9092 }], topics: [] }, 9);
  says(on, join(ASK, ask('Heartbeat', 0, { groupId: 'g' }, 8), ask('Metadata', 9, { topics: [] }, 9)));
  answers(on, join(METADATA, beat, other));
  says(on, produce({ orders: [null] }, { acks: 0 }), ask('Heartbeat', 0, { groupId: 'g' }, 10));
  answers(on, reply('Heartbeat', 0, {}, 10));
  expect(on.harness.sent(Side.downstream)).toHaveLength(0);
  doors.open('b1.upstream:9092');
  expect(on.harness.sent(Side.downstream).indexOf(beat)).toBeGreaterThan(0);
  doors.open();
  const ids: number[] = [];
  const sent = on.harness.sent(Side.downstream);
  for (let at = 0; at < sent.length; at += 4 + sent.readInt32BE(at)) ids.push(sent.readInt32BE(at + 4));
  expect(ids).toEqual([7, 8, 9, 10]);
  expect(sent.includes('upstream')).toBe(false);
  expect(on.harness.session.quiet).toBe(true);
  on.harness.finish();
});

test('ports that lead somewhere already take none of broker_ports.count', () => {
  const doors = new TestDoors({ held: true });
  const bound = kafka.bind(
    kafka.config.parse({ stat_prefix: 'p' }),
    kafka.options.parse({ rewrite: 'auto', broker_ports: { first: 19_100, count: 1 } }),
    filterEnv(),
  );
  const harness = new SessionHarness({ bound, doors });
  const on = { harness, stats: filterEnv().stats };
  // The listener's own port leads to the first, as nobody knows yet; three node ids stand for the second.
  const brokers = [1, 2, 3, 4].map((nodeId) => ({ nodeId, host: `b${Math.min(2, nodeId)}.upstream`, port: 9092 }));
  says(on, ASK);
  answers(on, reply('Metadata', 9, { brokers, topics: [] }, 7));
  expect(harness.closed).toBe('');
  doors.open();
  expect(harness.sent(Side.downstream).length).toBeGreaterThan(0);
  expect(leaked(on)).toBe(false);
});

test('a client that asks a thousand times without listening is closed, and counted', () => {
  const on = rewriting();
  for (let i = 0; i < 1025; i++) says(on, ASK);
  expect(on.harness.closed).toBe('opaque:too_many_in_flight');
  expect([own(on, 'opaque.too_many_in_flight.sessions'), own(on, 'lost')]).toEqual([1, 1025]);
});

test('a reply that is cut behind its error code is lost', () => {
  const on = rewriting();
  says(on, ask('DescribeCluster', 0, {}, 7));
  answers(on, reply('DescribeCluster', 0, { errorCode: 31, brokers: [] }, 7).subarray(0, 20));
  on.harness.hangUp(Side.upstream, 'reset');
  expect(told(on)).toEqual(['describe_cluster | DescribeCluster | lost']);
});

test('a client that goes on after its broker has left is told so, and fills no memory', () => {
  const on = rewriting({ api_keys_denied: [20] });
  says(on, ASK);
  on.harness.hangUp(Side.upstream);
  says(on, ASK);
  expect(on.harness.closed).toBe('upstream_close');
  expect(own(on, 'lost')).toBe(1);
});

test('a request whose reply was kept from its client is lost, not answered', () => {
  for (const [doors, bytes] of [
    [new TestDoors({ count: 0 }), METADATA],
    [new TestDoors(), join(METADATA.subarray(0, 12), Buffer.alloc(METADATA.length - 12, 0xff))],
  ] as const) {
    const on = rewriting({}, doors);
    says(on, join(ask('Heartbeat', 0, { groupId: 'g' }, 6), ASK));
    answers(on, join(reply('Heartbeat', 0, {}, 6), bytes));
    expect(on.harness.closed).not.toBe('');
    on.harness.session.onEnd(Side.upstream, 'error');
    expect(told(on)).toEqual(['heartbeat | Heartbeat group=g | ok', 'metadata | Metadata | lost | pipelined']);
    expect(own(on, 'lost')).toBe(1);
  }
});
