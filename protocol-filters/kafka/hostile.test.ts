import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Fault } from '../../src/exchange/fault.ts';
import { Side } from '../../src/exchange/side.ts';
import { cpuMs } from '../../test/support/cpu-time.ts';
import { APIS, ApiKey } from './schema/api.ts';
import { ask, batch, fetch, join, produce, produced, rawRequest, reply, sized, token } from './testing/builders.ts';
import { byteByByte, own, pieces, play, type Script, stage, tells, told } from './testing/story.ts';
import { encodeReply, encodeRequest } from './wire/message-codec.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const heldBytes = (): number => {
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');
const metadata = (id = 1) => ask('Metadata', 1, { topics: [] }, id);
const answer = (id = 1) => reply('Metadata', 1, {}, id);
const OK = 'metadata | Metadata | ok';
/** What follows what could not be read is read again. */
const GOES_ON: Script = [
  ['>', metadata(90)],
  ['<', answer(90)],
];
const said = (script: Script, who: '>' | '<') =>
  join(...script.flatMap(([speaker, b]) => (speaker === who ? [b] : [])));

/** Bytes flow on unchanged; decoding ends for one reason, said once, however the bytes were cut. */
function opaque(name: string, script: Script, fault: Fault): void {
  test(name, () => {
    for (const cut of [undefined, byteByByte, pieces([2, 5, 1])]) {
      const more: Script = [...script, ...GOES_ON];
      const { harness, stats } = play(more, {}, cut);
      expect(harness.opaqueReasons).toEqual([fault]);
      expect(harness.sent(Side.upstream).equals(said(more, '>'))).toBe(true);
      expect(harness.sent(Side.downstream).equals(said(more, '<'))).toBe(true);
      expect(stats.value(`sluice.kafka.p.opaque.${fault}.sessions`)).toBe(1);
      expect(stats.value('sluice.kafka.p.connections_active')).toBe(0);
      expect(harness.openExchanges).toBe(0);
    }
  });
}

describe('KF-19: frames that nobody can trust', () => {
  const begun: Script = [
    ['>', metadata()],
    ['<', answer()],
  ];
  opaque('a negative size', [...begun, ['>', hex('ffffffff 0003 0001')]], 'undersized');
  opaque('a size of zero', [...begun, ['>', hex('00000000')]], 'undersized');
  opaque('a size without room for a header', [...begun, ['>', hex('00000007 0003 0001 000000')]], 'undersized');
  opaque('a size above 100 MiB', [...begun, ['>', hex('06400001')]], 'oversized');
  opaque('a reply of a negative size', [...begun, ['>', metadata()], ['<', hex('80000000')]], 'undersized');
  opaque('a reply of three bytes', [...begun, ['>', metadata()], ['<', hex('00000003 000000')]], 'undersized');
  opaque('a reply above 1 GiB', [...begun, ['>', metadata()], ['<', hex('40000001')]], 'oversized');
  test('what was open is lost, once', () => {
    const on = play([['>', join(metadata(1), metadata(2), hex('ffffffff'))]]);
    expect(told(on)).toEqual(['metadata | Metadata | lost', 'metadata | Metadata | lost | pipelined']);
  });
});

describe('what is no Kafka', () => {
  opaque('HTTP', [['>', Buffer.from('GET / HTTP/1.1\r\n\r\n')]], 'foreign_protocol');
  opaque('TLS', [['>', hex('16030100c8010000c40303')]], 'encrypted');
  opaque('Redis', [['>', Buffer.from('*1\r\n$4\r\nPING\r\n')]], 'foreign_protocol');
  opaque('an API that is far from any', [['>', rawRequest(1000, 0, Buffer.alloc(8))]], 'foreign_protocol');
  opaque('a negative version', [['>', rawRequest(3, -1, Buffer.alloc(8))]], 'foreign_protocol');
  opaque(
    'KF-11: a bare GSSAPI token, of clients before SaslHandshake',
    [['>', token('`\x82\x01\x02token')]],
    'foreign_protocol',
  );
  opaque('PostgreSQL', [['>', hex('000000160003000075736572007065746572000000000000')]], 'foreign_protocol');
  opaque('a broker that speaks first', [['<', answer()]], 'unexpected_reply');
});

describe('KF-01, KF-02: versions', () => {
  tells(
    'KF-01: ControlledShutdown v0 has no client id',
    [
      ['>', rawRequest(7, 0, hex('00000001'), { headerVersion: 0 })],
      ['<', reply('ControlledShutdown', 0, {})],
    ],
    ['controlled_shutdown | ControlledShutdown | ok'],
  );
  tells(
    'KF-02: a version that nobody knows is counted, named by its API and timed; what follows is read',
    [['>', rawRequest(1, 40, Buffer.alloc(30))], ['<', sized(hex('00000001 aabbccdd'))], ...GOES_ON],
    ['fetch | Fetch !unknown_version | ok', OK],
    (on) => {
      expect(on.harness.ended[0]!.digest).toMatchObject({ confidence: 'none', operation: 'Fetch', targets: [] });
      expect(on.harness.ended[0]!.replyBytes).toBe(12);
      expect(own(on, 'api.Fetch.unknown_versions')).toBe(1);
    },
  );
  tells(
    'KF-02: so is an API that nobody knows',
    [
      ['>', join(metadata(), rawRequest(199, 3, Buffer.alloc(5), { correlationId: 2 }))],
      ['<', join(answer(), sized(hex('00000002 00')))],
      ...GOES_ON,
    ],
    [OK, 'unknown | Api 199 | ok | pipelined', OK],
  );
  test('KF-02: API keys by the thousand are few digests', () => {
    const on = play([
      ['>', join(metadata(), ...Array.from({ length: 3000 }, (_, key) => rawRequest(1000 + key, 0, Buffer.alloc(2))))],
    ]);
    expect(new Set(told(on).map((line) => line.split(' | ')[1])).size).toBe(66);
  });
  tells(
    'KF-09: a Produce of an unknown version may have no reply: the next reply says so',
    [
      ['>', join(rawRequest(0, 60, Buffer.alloc(30), { correlationId: 1 }), metadata(2))],
      ['<', answer(2)],
      ['>', join(rawRequest(0, 60, Buffer.alloc(30), { correlationId: 3 }), metadata(4))],
      ['<', join(sized(hex('00000003 00')), answer(4))],
    ],
    [
      'produce | Produce !unknown_version | ok',
      `${OK} | pipelined`,
      'produce | Produce !unknown_version | ok',
      `${OK} | pipelined`,
    ],
  );
});

describe('KF-03: bodies that lie', () => {
  /** A request, and what is told of it: a Produce that cannot be read may have no reply. */
  const METADATA = 'metadata | Metadata !malformed | lost | pipelined';
  const PRODUCE = 'produce | Produce !malformed | ok | pipelined';
  const produceHead = 'ffff ffff 000003e8 00000001 0001 61';
  const cases: readonly (readonly [string, Buffer, string])[] = [
    ['2^31 - 1 topics', rawRequest(3, 1, hex('7fffffff')), METADATA],
    ['-7 topics where null means nothing', rawRequest(3, 0, hex('fffffff9')), METADATA],
    ['2^32 topics in a compact count', rawRequest(3, 9, hex('ffffffff0f 00'), { headerVersion: 2 }), METADATA],
    ['2^32 tagged fields in its header', rawRequest(3, 9, hex('ffffffff0f 00')), METADATA],
    ['a count that is no varint', rawRequest(3, 9, hex('ffffffffffffffffff7f 00'), { headerVersion: 2 }), METADATA],
    ['a name past its end', rawRequest(3, 1, hex('00000001 7fff 61')), METADATA],
    ['a name of -3 bytes', rawRequest(3, 1, hex('00000001 fffd 61')), METADATA],
    ['2^31 - 1 partitions of one topic', rawRequest(0, 3, hex(`${produceHead} 7fffffff`)), PRODUCE],
    ['records past its end', rawRequest(0, 3, hex(`${produceHead} 00000001 00000000 7fffffff`)), PRODUCE],
    ['no body', rawRequest(0, 3, Buffer.alloc(0)), PRODUCE],
  ];
  for (const [name, bytes, want] of cases)
    tells(
      `a request with ${name} is malformed, and what follows is read`,
      [
        ['>', join(metadata(), bytes, metadata(3))],
        ['<', answer()],
      ],
      [OK, want, 'metadata | Metadata | lost | pipelined'],
      (on) => expect(own(on, `api.${want.split(' ')[2]}.malformed`)).toBe(1),
    );

  tells(
    'a reply with more topics than bytes: its exchange ends, and what follows is read',
    [
      ['>', join(fetch(['a'], { id: 1 }), metadata(2))],
      ['<', join(sized(hex('00000001 00000000 0000 00000000 7fffffff')), answer(2))],
    ],
    ['fetch | Fetch a | ok', `${OK} | pipelined`],
    (on) => expect(own(on, 'api.Fetch.malformed')).toBe(1),
  );
  tells(
    'bytes behind a request are passed over, as brokers do',
    [
      ['>', sized(join(metadata().subarray(4), hex('deadbeef')))],
      ['<', answer()],
    ],
    [OK],
    (on) => expect(own(on, 'trailing')).toBe(1),
  );

  test('a hundred bytes cost no time and no memory', () => {
    const bytes = rawRequest(3, 9, join(hex('ffffffff0f'), Buffer.alloc(80)), { headerVersion: 2 });
    const on = stage();
    on.harness.feed(Side.downstream, metadata());
    on.harness.feed(Side.upstream, answer());
    const before = heldBytes();
    const from = cpuMs();
    for (let i = 0; i < 100; i++) on.harness.session.onDownstream(bytes, 0, bytes.length, 1000 + i * bytes.length);
    expect((cpuMs() - from) / 100).toBeLessThan(1);
    on.harness.hangUp(Side.upstream);
    on.harness.ended.length = 0;
    expect(heldBytes() - before).toBeLessThan(100 * 1024); // a hundred requests, which the pool keeps
  });
});

describe('KF-04: null and empty', () => {
  test.each([
    ['Metadata v0, empty', ask('Metadata', 0, { topics: [] }), 'Metadata *'],
    ['Metadata v1, empty', ask('Metadata', 1, { topics: [] }), 'Metadata'],
    ['Metadata v1, null', ask('Metadata', 1, { topics: null }), 'Metadata *'],
    ['Metadata v1, -7 topics, which brokers take for null', rawRequest(3, 1, hex('fffffff9')), 'Metadata *'],
    ['Metadata v9, empty', ask('Metadata', 9, { topics: [] }), 'Metadata'],
    ['Metadata v9, null', ask('Metadata', 9, { topics: null }), 'Metadata *'],
    ['OffsetFetch v2, null', ask('OffsetFetch', 2, { groupId: 'g', topics: null }), 'OffsetFetch * group=g'],
    ['OffsetFetch v6, null', ask('OffsetFetch', 6, { groupId: 'g', topics: null }), 'OffsetFetch * group=g'],
    ['OffsetFetch v6, empty', ask('OffsetFetch', 6, { groupId: 'g', topics: [] }), 'OffsetFetch group=g'],
  ])('%s', (_, bytes, want) => {
    expect(play([['>', bytes]]).harness.ended.map((x) => x.text)).toEqual([want]);
  });
});

describe('KF-05: topic ids', () => {
  const id = (n: number): string => n.toString(16).padStart(32, '0');
  const tell = (name: string, topicId: string): Script => [
    ['>', ask('Metadata', 12, { topics: null })],
    ['<', reply('Metadata', 12, { topics: [{ errorCode: 0, name, topicId, partitions: [] }] })],
  ];
  const ask13 = (topicId: string) => ask('Fetch', 13, { maxWaitMs: 0, topics: [{ topicId, partitions: [] }] });
  const digestOf = (script: Script) => play(script).harness.ended.at(-1)!.text;
  test.each([
    ['never told', [...tell('a', id(1)), ['>', ask13(id(2))]], 'Fetch ?'],
    ['zero', [...tell('a', id(1)), ['>', ask13(id(0))]], 'Fetch'],
    [
      'of a topic that was made again under another',
      [...tell('a', id(1)), ...tell('a', id(2)), ['>', ask13(id(2))]],
      'Fetch a',
    ],
    ['of the one that was before', [...tell('a', id(1)), ...tell('a', id(2)), ['>', ask13(id(1))]], 'Fetch a'],
    ['told with another name since', [...tell('a', id(1)), ...tell('b', id(1)), ['>', ask13(id(1))]], 'Fetch b'],
  ] as [string, Script, string][])('%s', (_, script, want) => expect(digestOf(script)).toBe(want));
});

tells(
  'KF-09: acks=0, and then a request that has its own reply',
  [
    [
      '>',
      join(produce({ a: [batch(1)] }, { acks: 0, id: 1 }), metadata(2), produce({ a: [batch(1)] }, { acks: 0, id: 3 })),
    ],
    ['<', answer(2)],
  ],
  [
    'produce | Produce a | ok | affected 1 | batch of 1',
    'produce | Produce a | ok | affected 1 | batch of 1 | pipelined',
    OK,
  ],
);

describe('KF-10: replies that are nobody’s', () => {
  opaque(
    'out of order',
    [
      ['>', join(metadata(1), metadata(2))],
      ['<', answer(2)],
    ],
    'unexpected_reply',
  );
  opaque(
    'twice',
    [
      ['>', join(metadata(1), metadata(2))],
      ['<', join(answer(1), answer(1))],
    ],
    'unexpected_reply',
  );
  opaque(
    'to a Produce without one',
    [
      ['>', produce({ a: [batch(1)] }, { acks: 0 })],
      ['<', produced({ a: [0] })],
    ],
    'unexpected_reply',
  );
  opaque(
    'before the request is whole',
    [
      ['>', metadata().subarray(0, 20)],
      ['<', answer()],
    ],
    'unexpected_reply',
  );
  test('they are counted', () => {
    const on = play([
      ['>', metadata(1)],
      ['<', answer(9)],
    ]);
    expect(own(on, 'unpaired')).toBe(1);
    expect(told(on)).toEqual(['metadata | Metadata | lost']);
  });
});

describe('KF-14: what only brokers say', () => {
  test.each(
    [
      'Envelope',
      'LeaderAndIsr',
      'StopReplica',
      'UpdateMetadata',
      'WriteTxnMarkers',
      'AlterPartition',
      'BrokerRegistration',
      'Vote',
      'FetchSnapshot',
    ].map((name) => [name, APIS.find((api) => api.name === name)!] as const),
  )('%s', (name, api) => {
    const on = stage();
    on.harness.feed(Side.downstream, rawRequest(api.key, 63, Buffer.alloc(4)));
    on.harness.feed(Side.upstream, sized(hex('00000001')));
    // A reply that nobody can read says nothing of what the broker thought of it.
    expect(on.harness.facts.kind).toBe('');
    expect(on.harness.ended[0]!.digest!.operation).toBe(name);
    on.harness.finish();
  });
});

tells(
  'KF-15: topics by a pattern are topics that nobody here knows',
  [
    [
      '>',
      encodeRequest(ApiKey.consumerGroupHeartbeat, 1, 1, 'app', {
        groupId: 'g',
        memberId: 'm',
        subscribedTopicNames: null,
        subscribedTopicRegex: 'secret.*',
      }),
    ],
    ['<', encodeReply(ApiKey.consumerGroupHeartbeat, 1, 1, {})],
  ],
  ['consumer_group_heartbeat | ConsumerGroupHeartbeat ? group=g | ok'],
  (on) => expect(on.harness.ended[0]!.digest!.confidence).toBe('partial'),
);

test('noise never throws, and every exchange ends once', () => {
  const keys = Object.values(ApiKey);
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.constantFrom(...keys), fc.integer({ min: 0, max: 15 }), fc.uint8Array({ maxLength: 80 })), {
        maxLength: 6,
      }),
      fc.array(fc.uint8Array({ minLength: 4, maxLength: 80 }), { maxLength: 6 }),
      (requests, replies) => {
        const on = stage();
        requests.forEach(([key, version, body], i) => {
          on.harness.feed(Side.downstream, rawRequest(key, version, Buffer.from(body), { correlationId: i }));
          const back = replies[i];
          if (back === undefined) return;
          const frame = sized(Buffer.from(back));
          frame.writeInt32BE(i, 4);
          on.harness.feed(Side.upstream, frame);
        });
        on.harness.finish();
        expect(on.harness.begun).toBe(on.harness.ended.length);
      },
    ),
    { numRuns: 400, seed: 6 },
  );
});
