import { describe, expect, test } from 'vitest';
import { Side } from '../../src/exchange/side.ts';
import { filterEnv } from '../../test/support/filter-env.ts';
import { readReply } from '../../test/support/kafka-wire.ts';
import { SessionHarness } from '../../test/support/session-harness.ts';
import { TestDoors } from '../../test/support/test-doors.ts';
import { type KafkaConfig, kafka } from './index.ts';
import {
  ask,
  batch,
  fetch,
  fetched,
  join,
  produce,
  produced,
  rawRequest,
  reply,
  sized,
  token,
} from './testing/builders.ts';
import { own, type Stage, told } from './testing/story.ts';

const brokers = [1, 2].map((nodeId) => ({ nodeId, host: `b${nodeId}.example`, port: 9092 }));
const METADATA = reply('Metadata', 9, { brokers, clusterId: 'c', controllerId: 1, topics: [] }, 7);
const ASK = ask('Metadata', 9, { topics: [] }, 7);

interface Init {
  readonly config?: Partial<KafkaConfig>;
  readonly rewrite?: false | 'auto';
  readonly doors?: TestDoors;
  readonly warnings?: string[];
}

function rewriting({ config, rewrite = 'auto', doors, warnings }: Init = {}): Stage {
  const env = filterEnv({ warn: (text) => void warnings?.push(text) });
  const bound = kafka.bind(kafka.config.parse({ stat_prefix: 'p', ...config }), kafka.options.parse({ rewrite }), env);
  return { harness: new SessionHarness({ bound, ...(doors && { doors }) }), stats: env.stats };
}
const feed = (on: Stage, side: Side, bytes: Buffer, size = bytes.length): void => {
  for (let at = 0; at < bytes.length; at += size) on.harness.feed(side, bytes.subarray(at, at + size));
};
const addressesIn = (frame: Buffer): unknown =>
  (readReply('Metadata', 9, frame.subarray(8)) as { brokers: { host: string; port: number }[] }).brokers.map(
    ({ host, port }) => `${host}:${port}`,
  );
const histogram = (on: Stage, name: string): number =>
  on.stats.histogram(on.stats.list.find((stat) => stat.name === `sluice.kafka.p.${name}`)!.id).count;

describe('addresses of brokers', () => {
  for (const size of [METADATA.length, 1, 7])
    test(`lead through doors, read ${size} bytes at a time`, () => {
      const on = rewriting();
      feed(on, Side.downstream, ASK, size);
      feed(on, Side.upstream, METADATA, size);
      const sent = on.harness.sent(Side.downstream);
      expect(addressesIn(sent)).toEqual(['127.0.0.1:19093', '127.0.0.1:19094']);
      expect(sent.readInt32BE(0)).toBe(sent.length - 4);
      on.harness.finish();
      expect(told(on)).toEqual(['metadata | Metadata | ok']);
      expect(own(on, 'rewritten_replies')).toBe(1);
      expect(own(on, 'rewritten_bytes')).toBe(METADATA.length);
      expect(histogram(on, 'rewrite_time')).toBe(1);
    });

  test('what stands around such a reply leaves as it came', () => {
    const on = rewriting();
    feed(on, Side.downstream, join(fetch(['a'], { id: 1 }), ASK, produce({ a: [batch(1)] }, { id: 8 })));
    const first = fetched({ a: [{ records: batch(100), high: 200n }] }, { id: 1 });
    const last = produced({ a: [0] }, { id: 8 });
    feed(on, Side.upstream, join(first, METADATA, last), 33);
    const sent = on.harness.sent(Side.downstream);
    expect(sent.subarray(0, first.length).equals(first)).toBe(true);
    expect(sent.subarray(sent.length - last.length).equals(last)).toBe(true);
    on.harness.finish();
    expect(told(on)).toEqual([
      'fetch | Fetch a | ok | returned 100',
      'metadata | Metadata | ok | pipelined',
      'produce | Produce a | ok | affected 1 | batch of 1 | pipelined',
    ]);
  });

  test('a reply waits for its doors, and so does what comes behind it', () => {
    const doors = new TestDoors({ held: true });
    const on = rewriting({ doors });
    feed(on, Side.downstream, join(ASK, ask('Heartbeat', 3, { groupId: 'g' }, 8)));
    feed(on, Side.upstream, join(METADATA, reply('Heartbeat', 3, {}, 8)));
    expect(on.harness.sent(Side.downstream)).toHaveLength(0);
    expect(doors.waiting).toEqual(['b1.example:9092', 'b2.example:9092']);
    doors.open();
    expect(addressesIn(on.harness.sent(Side.downstream).subarray(0, -14))).toEqual([
      '127.0.0.1:19093',
      '127.0.0.1:19094',
    ]);
    on.harness.finish();
    expect(told(on)).toEqual(['metadata | Metadata | ok', 'heartbeat | Heartbeat group=g | ok | pipelined']);
  });

  test('a broker for which there is no door closes the connection', () => {
    const on = rewriting({ doors: new TestDoors({ count: 1 }) });
    feed(on, Side.downstream, ASK);
    feed(on, Side.upstream, METADATA);
    expect(on.harness.closed).not.toBe('');
    expect(on.harness.sent(Side.downstream)).toHaveLength(0);
    expect(own(on, 'closed_no_door')).toBe(1);
    on.harness.session.onEnd(Side.upstream, 'reset');
    expect(on.harness.openExchanges).toBe(0);
  });

  test('a reply that cannot be read closes it, too', () => {
    const on = rewriting();
    feed(on, Side.downstream, ASK);
    feed(on, Side.upstream, sized(join(METADATA.subarray(4, 12), Buffer.alloc(9, 0xff))));
    expect(on.harness.closed).not.toBe('');
    expect(on.harness.sent(Side.downstream)).toHaveLength(0);
    expect(own(on, 'closed_undecodable')).toBe(1);
  });

  test('versions are offered that can be read, and no others', () => {
    const on = rewriting();
    feed(on, Side.downstream, ask('ApiVersions', 0, {}, 7));
    const apiKeys = [
      { apiKey: 0, minVersion: 0, maxVersion: 13 },
      { apiKey: 1, minVersion: 4, maxVersion: 18 },
      { apiKey: 999, minVersion: 0, maxVersion: 0 },
    ];
    feed(on, Side.upstream, reply('ApiVersions', 0, { apiKeys }, 7));
    expect(readReply('ApiVersions', 0, on.harness.sent(Side.downstream).subarray(8))).toMatchObject({
      apiKeys: [
        { apiKey: 0, maxVersion: 9 },
        { apiKey: 1, maxVersion: 15 },
      ],
    });
    expect(own(on, 'clamped_api_versions')).toBe(1);
    on.harness.finish();
  });

  test("Envoy's rules by node id", () => {
    const warnings: string[] = [];
    const rules = [{ id: 1, host: 'proxy.example', port: 9101 }];
    const config = { id_based_broker_address_rewrite_spec: { rules } };
    const on = rewriting({ config, rewrite: false, warnings });
    feed(on, Side.downstream, ASK);
    feed(on, Side.upstream, METADATA);
    expect(addressesIn(on.harness.sent(Side.downstream))).toEqual(['proxy.example:9101', 'b2.example:9092']);
    expect(own(on, 'unmapped_brokers')).toBe(1);
    expect(new Set(warnings).size).toBe(1);
    on.harness.finish();
  });

  test('without rewriting they pass, are counted, and warned of once', () => {
    const warnings: string[] = [];
    const on = rewriting({ rewrite: false, warnings });
    for (let i = 0; i < 2; i++) {
      feed(on, Side.downstream, ASK, 3);
      feed(on, Side.upstream, METADATA, 3);
    }
    expect(on.harness.sent(Side.downstream).equals(join(METADATA, METADATA))).toBe(true);
    expect(own(on, 'bypass_hint')).toBe(2);
    expect(new Set(warnings).size).toBe(1);
    on.harness.finish();
  });
});

describe('where addresses are kept in, what cannot be read closes', () => {
  test.each([
    ['TLS', Buffer.from('16030100c8010000c40303', 'hex'), 'encrypted'],
    ['another protocol', Buffer.from('GET / HTTP/1.1\r\n\r\n'), 'foreign_protocol'],
    ['a Produce of which nobody knows whether it is answered', rawRequest(0, 60, Buffer.alloc(20)), 'ambiguous'],
  ])('%s', (_, bytes, fault) => {
    const on = rewriting();
    feed(on, Side.downstream, bytes);
    expect(on.harness.closed).toBe(`opaque:${fault}`);
    expect(own(on, `opaque.${fault}.sessions`)).toBe(1);
    expect(on.harness.openExchanges).toBe(0);
  });

  test('a reply to nobody', () => {
    const on = rewriting();
    feed(on, Side.downstream, ASK);
    feed(on, Side.upstream, join(METADATA, METADATA));
    expect(on.harness.closed).toBe('opaque:unexpected_reply');
    expect(own(on, 'requests_active')).toBe(0);
  });

  test('logins without headers are counted among the replies', () => {
    const on = rewriting();
    feed(on, Side.downstream, ask('SaslHandshake', 0, { mechanism: 'GSSAPI' }));
    feed(on, Side.upstream, reply('SaslHandshake', 0, { mechanisms: [] }));
    feed(on, Side.downstream, token('`token'));
    feed(on, Side.upstream, token('`answer'));
    feed(on, Side.downstream, token('\x05last'));
    feed(on, Side.downstream, ASK);
    feed(on, Side.upstream, METADATA);
    expect(on.harness.closed).toBe('');
    expect(own(on, 'rewritten_replies')).toBe(1);
    on.harness.finish();
  });

  test('a key that is denied', () => {
    const on = rewriting({ config: { api_keys_denied: [3] } });
    feed(on, Side.downstream, ASK);
    expect(on.harness.closed).toBe('denied (API key)');
    expect(own(on, 'closed_denied_key')).toBe(1);
  });
});
