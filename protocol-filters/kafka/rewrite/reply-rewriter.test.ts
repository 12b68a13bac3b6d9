import { describe, expect, test } from 'vitest';
import { APIS, ApiKey } from '../schema/api.ts';
import { encodeReply } from '../wire/message-codec.ts';
import { type Rename, randomReply, renamed } from './testing/random-reply.ts';
import { rules, Stage } from './testing/stage.ts';
import { planOf } from './walk-plan.ts';

const ID = 7;
const METADATA = ApiKey.metadata;
const DOORS: Rename = (_id, host) => ({ host: '127.0.0.1', port: 20_000 + Number(host[1]) });

/** Doors for the four brokers of random replies, b1 at 20001 and so on. */
function openDoors(stage: Stage): Stage {
  for (const id of [1, 2, 3, 4]) {
    stage.harness.doors.ask(`b${id}.example:${9090 + id}`, () => {});
    stage.harness.doors.open(`b${id}.example:${9090 + id}`, 20_000 + id);
  }
  return stage;
}
const withDoors = (): Stage => openDoors(new Stage({ doors: { held: true } }));

/** Every version of every reply that names brokers. */
const ADDRESSED = APIS.flatMap(({ key, name, since, until }) =>
  Array.from({ length: until - since + 1 }, (_, i) => since + i)
    .filter((version) => planOf(key, version)!.hasAddresses)
    .map((version) => ({ key, name, version })),
);

test('these name brokers, and no other', () => {
  const named: Record<string, string> = {};
  for (const { name, version } of ADDRESSED) named[name] = `${(named[name] ?? `${version}`).split('-')[0]}-${version}`;
  expect(named).toMatchInlineSnapshot(`
    {
      "BeginQuorumEpoch": "1-1",
      "DescribeCluster": "0-2",
      "DescribeQuorum": "2-2",
      "EndQuorumEpoch": "1-1",
      "Fetch": "16-18",
      "FetchSnapshot": "1-1",
      "FindCoordinator": "0-6",
      "Metadata": "0-13",
      "Produce": "10-13",
      "ShareAcknowledge": "1-2",
      "ShareFetch": "1-2",
      "UpdateRaftVoter": "0-0",
      "Vote": "1-2",
    }
  `);
});

describe('every reply that names brokers leaves with other addresses and nothing else changed', () => {
  for (const { key, name, version } of ADDRESSED)
    test(`${name} v${version}`, () => {
      let changed = 0;
      for (let seed = 1; seed <= 30; seed++) {
        const value = randomReply(key, version, seed * 7919);
        const came = encodeReply(key, version, ID, value);
        const want = encodeReply(key, version, ID, renamed(value, DOORS));
        if (!want.equals(came)) changed++;
        for (const sizes of [[came.length], [1], [5, 1, 17]]) {
          const stage = withDoors()
            .ask(key, version, ID)
            .reply(came, ...sizes);
          expect(stage.harness.closed).toBe('');
          expect(stage.sent.toString('hex')).toBe(want.toString('hex'));
          expect(stage.gear).toBe('tap');
        }
      }
      expect(changed).toBeGreaterThan(0);
    });
});

const METADATA_REPLY = {
  brokers: [
    { nodeId: 1, host: 'b1.example', port: 9091, rack: null },
    { nodeId: 2, host: 'b2.example', port: 9092, rack: 'r' },
  ],
  clusterId: 'c',
  controllerId: 1,
  topics: [
    {
      errorCode: 0,
      name: 'orders',
      topicId: `${'0'.repeat(31)}1`,
      partitions: [{ partitionIndex: 0, leaderId: 1, replicaNodes: [1, 2], isrNodes: [1, 2] }],
    },
  ],
};
const metadata = (version = 12, correlationId = ID, value: object = METADATA_REPLY): Buffer =>
  encodeReply(METADATA, version, correlationId, value as never);
const other = (correlationId: number, bytes = 20): Buffer => {
  const frame = Buffer.alloc(8 + bytes, 0xab);
  frame.writeInt32BE(4 + bytes, 0);
  frame.writeInt32BE(correlationId, 4);
  return frame;
};
const WANT = metadata(12, ID, renamed(METADATA_REPLY as never, DOORS));

describe('what is held, and what is not', () => {
  test('cut in two anywhere, between other replies', () => {
    const bytes = Buffer.concat([other(1), other(2, 0), metadata(), other(4)]);
    const want = Buffer.concat([other(1), other(2, 0), WANT, other(4)]);
    for (let cut = 0; cut <= bytes.length; cut++) {
      const stage = withDoors();
      for (const [key, id] of [
        [ApiKey.heartbeat, 1],
        [ApiKey.heartbeat, 2],
        [METADATA, ID],
        [ApiKey.heartbeat, 4],
      ] as const)
        stage.ask(key, key === METADATA ? 12 : 0, id);
      stage.reply(bytes.subarray(0, cut));
      const before = other(1).length + other(2, 0).length;
      const behind = before + metadata().length;
      expect(stage.sent.length).toBe(cut < behind ? Math.min(cut, before) : cut + WANT.length - metadata().length);
      stage.reply(bytes.subarray(cut));
      expect(stage.sent.equals(want)).toBe(true);
    }
  });

  test('a bulk reply before it leaves as it comes, in the gate too', () => {
    const stage = withDoors().ask(ApiKey.fetch, 12, 1).ask(METADATA, 12, ID);
    expect(stage.gear).toBe('gate');
    const bulk = other(1, 100_000);
    stage.reply(bulk.subarray(0, 60_000));
    expect(stage.sent.length).toBe(60_000);
    stage.reply(bulk.subarray(60_000));
    stage.reply(metadata());
    expect(stage.gear).toBe('tap');
    expect(stage.sent.equals(Buffer.concat([bulk, WANT]))).toBe(true);
  });

  test('it is asked for while another reply is under way', () => {
    const stage = withDoors().ask(ApiKey.fetch, 12, 1);
    const bulk = other(1, 1000);
    stage.reply(bulk.subarray(0, 500));
    expect(stage.gear).toBe('tap');
    stage.ask(METADATA, 12, ID);
    stage.reply(Buffer.concat([bulk.subarray(500), metadata()]));
    expect(stage.sent.equals(Buffer.concat([bulk, WANT]))).toBe(true);
    expect(stage.gear).toBe('tap');
  });

  test('two in a row, of the same correlation id', () => {
    const stage = withDoors().ask(METADATA, 12, ID).ask(METADATA, 12, ID);
    stage.reply(Buffer.concat([metadata(), metadata()]), 50);
    expect(stage.sent.equals(Buffer.concat([WANT, WANT]))).toBe(true);
    expect(stage.counts).toEqual({ rewritten: 2 });
  });

  test('raw SASL tokens, an empty one too, are replies', () => {
    const stage = withDoors();
    stage.rewriter.onToken();
    stage.rewriter.onToken();
    stage.ask(METADATA, 12, ID);
    const tokens = Buffer.from([0, 0, 0, 0, 0, 0, 0, 1, 0x78]);
    stage.reply(Buffer.concat([tokens, metadata()]), 3);
    expect(stage.sent.equals(Buffer.concat([tokens, WANT]))).toBe(true);
  });

  test('the last token of GSSAPI has no answer', () => {
    const stage = withDoors().ask(ApiKey.saslHandshake, 0, 1);
    for (const reply of [other(1, 2), Buffer.from([0, 0, 0, 1, 0x78])]) {
      stage.reply(reply);
      stage.rewriter.onToken();
    }
    stage.rewriter.tokensEnd();
    stage.ask(METADATA, 12, ID).reply(metadata());
    expect(stage.harness.closed).toBe('');
    expect(stage.sent.subarray(-WANT.length).equals(WANT)).toBe(true);
  });

  test('replies without addresses never change the gear', () => {
    const stage = withDoors().ask(ApiKey.fetch, 15, 1).ask(ApiKey.produce, 9, 2);
    expect(stage.gear).toBe('tap');
    stage.reply(Buffer.concat([other(1), other(2)]));
    expect(stage.sent.length).toBe(56);
    expect(stage.counts).toEqual({});
  });

  test('a server that ends within the reply: what there is of it does not leave', () => {
    const stage = withDoors().ask(ApiKey.heartbeat, 0, 1).ask(METADATA, 12, ID);
    stage.reply(Buffer.concat([other(1), metadata().subarray(0, -1)]));
    stage.harness.hangUp(1, 'fin');
    expect(stage.sent.equals(other(1))).toBe(true);
  });
});

describe('doors', () => {
  const waiting = (...sizes: number[]): Stage =>
    new Stage({ doors: { held: true } }).ask(METADATA, 12, ID).reply(metadata(), ...sizes);

  test('all are asked for at once, each once; the reply waits, and what comes behind it', () => {
    for (const sizes of [[metadata().length], [1]]) {
      const stage = waiting(...sizes).ask(ApiKey.heartbeat, 0, 8);
      expect(stage.harness.doors.waiting).toEqual(['b1.example:9091', 'b2.example:9092']);
      stage.reply(other(8));
      expect(stage.sent.length).toBe(0);
      stage.harness.doors.open('b1.example:9091', 20_001);
      expect(stage.sent.length).toBe(0);
      stage.harness.doors.open('b2.example:9092', 20_002);
      expect(stage.sent.equals(Buffer.concat([WANT, other(8)]))).toBe(true);
      expect(stage.gear).toBe('tap');
    }
  });

  test('known before the last byte: nothing waits', () => {
    const stage = new Stage({ doors: { held: true } }).ask(METADATA, 12, ID).reply(metadata().subarray(0, 60));
    expect(stage.harness.doors.waiting.length).toBe(2);
    stage.harness.doors.open('b1.example:9091', 20_001);
    stage.harness.doors.open('b2.example:9092', 20_002);
    stage.reply(metadata().subarray(60));
    expect(stage.sent.equals(WANT)).toBe(true);
  });

  test('an address that ends with the reply (FindCoordinator v0) waits too', () => {
    const reply = encodeReply(ApiKey.findCoordinator, 0, ID, { nodeId: 1, host: 'b1.example', port: 9091 });
    const stage = new Stage({ doors: { held: true } }).ask(ApiKey.findCoordinator, 0, ID).reply(reply);
    stage.harness.resume(1); // for nothing
    expect(stage.sent.length).toBe(0);
    stage.harness.doors.open(undefined, 20_001);
    const want = encodeReply(ApiKey.findCoordinator, 0, ID, { nodeId: 1, host: '127.0.0.1', port: 20_001 });
    expect(stage.sent.equals(want)).toBe(true);
  });

  test('there is none: the connection closes, what came before the reply leaves', () => {
    const stage = new Stage({ doors: { held: true } }).ask(ApiKey.heartbeat, 0, 1).ask(METADATA, 12, ID);
    stage.reply(Buffer.concat([other(1), metadata()]));
    stage.harness.doors.open('b1.example:9091', 20_001);
    stage.harness.doors.open('b2.example:9092', 0);
    expect(stage.harness.closed).toBe('no_door');
    expect(stage.rewriter.closed).toBe(true);
    expect(stage.sent.equals(other(1))).toBe(true);
    expect(stage.counts).toEqual({ noDoor: 1 });
    expect([...stage.warnings]).toHaveLength(1);
  });

  test('upper case and IPv6: one door for one address', () => {
    const brokers = [
      { nodeId: 1, host: 'B1.Example', port: 9091 },
      { nodeId: 2, host: '2001:db8::1', port: 9091 },
    ];
    const stage = new Stage({ doors: { host: 'fd00::1' } }).ask(METADATA, 1, ID);
    stage.reply(metadata(1, ID, { brokers }));
    expect(stage.harness.doors.asked).toEqual(['b1.example:9091', '[2001:db8::1]:9091']);
    const want = brokers.map(({ nodeId }) => ({ nodeId, host: 'fd00::1', port: 19_092 + nodeId }));
    expect(stage.sent.equals(metadata(1, ID, { brokers: want }))).toBe(true);
  });

  test('advertise: the host that clients use', () => {
    const stage = new Stage({ options: { rewrite: 'auto', advertise: 'kafka.example' } }).ask(METADATA, 12, ID);
    stage.reply(metadata());
    const want = renamed(METADATA_REPLY as never, (id) => ({ host: 'kafka.example', port: 19_092 + id }));
    expect(stage.sent.equals(metadata(12, ID, want))).toBe(true);
  });

  test('an address that is ours already stays', () => {
    for (const [address, options] of [
      ['127.0.0.1:2', {}], // by which the client came
      ['localhost:2', {}],
      ['proxy.example:9092', { addresses: ['proxy.example'] }],
      ['proxy.example:9092', { addresses: ['Proxy.example:9092'] }],
      ['proxy.example:2', { advertise: 'proxy.example' }],
    ] as const) {
      const stage = new Stage({ options: { rewrite: 'auto', ...options } as never }).ask(METADATA, 1, ID);
      const [host, port] = address.split(':');
      const reply = metadata(1, ID, { brokers: [{ nodeId: 1, host, port: Number(port) }] });
      stage.reply(reply);
      expect(stage.sent.equals(reply), address).toBe(true);
      expect(stage.counts).toEqual({});
    }
  });
});

describe("Envoy's rules by node id", () => {
  const RULES = rules([1, 'first.example', 1001], [1, 'second.example', 1002], [2, '::1', 0]);

  test('the first rule of an id; every API, whatever the broker calls itself', () => {
    for (const [key, version, value, want] of [
      [
        METADATA,
        12,
        METADATA_REPLY,
        renamed(METADATA_REPLY as never, (id) =>
          id === 1 ? { host: 'first.example', port: 1001 } : { host: '::1', port: 0 },
        ),
      ],
      [ApiKey.findCoordinator, 3, { nodeId: 1, host: 'x', port: 1 }, { nodeId: 1, host: 'first.example', port: 1001 }],
      [
        ApiKey.findCoordinator,
        4,
        {
          coordinators: [
            { key: 'g', nodeId: 1, host: 'x', port: 1 },
            { key: 'h', nodeId: -1, host: '', port: -1, errorCode: 15 },
          ],
        },
        {
          coordinators: [
            { key: 'g', nodeId: 1, host: 'first.example', port: 1001 },
            { key: 'h', nodeId: -1, host: '', port: -1, errorCode: 15 },
          ],
        },
      ],
      [
        ApiKey.describeCluster,
        0,
        { clusterId: 'c', controllerId: 1, brokers: [{ brokerId: 1, host: 'x', port: 1 }] },
        { clusterId: 'c', controllerId: 1, brokers: [{ brokerId: 1, host: 'first.example', port: 1001 }] },
      ],
    ] as const) {
      const stage = new Stage({ options: {}, config: RULES }).ask(key, version, ID);
      stage.reply(encodeReply(key, version, ID, value as never), 9);
      expect(stage.sent.toString('hex')).toBe(encodeReply(key, version, ID, want as never).toString('hex'));
      expect(stage.harness.doors.asked).toEqual([]);
    }
  });

  test('an id without a rule passes unchanged, is counted and warned of', () => {
    const stage = new Stage({ options: {}, config: rules([1, 'first.example', 1001]) }).ask(METADATA, 12, ID);
    stage.reply(metadata());
    const want = renamed(METADATA_REPLY as never, (id, host, port) =>
      id === 1 ? { host: 'first.example', port: 1001 } : { host, port },
    );
    expect(stage.sent.equals(metadata(12, ID, want))).toBe(true);
    expect(stage.counts).toEqual({ rewritten: 1, unmapped: 1 });
    expect([...stage.warnings].join()).toContain('id_based_broker_address_rewrite_spec');
  });

  test('with rewrite: auto beside them, an id without a rule gets a door', () => {
    const stage = new Stage({ options: { rewrite: 'auto' }, config: rules([1, 'first.example', 1001]) });
    stage.ask(METADATA, 12, ID).reply(metadata());
    expect(stage.harness.doors.asked).toEqual(['b2.example:9092']);
    expect(stage.counts).toEqual({ rewritten: 1 });
  });
});
