import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Fault } from '../../src/exchange/fault.ts';
import { Side } from '../../src/exchange/side.ts';
import { MAX_IN_FLIGHT } from './downstream.ts';
import {
  ask,
  asked,
  connected,
  connectRequest,
  event,
  JuteWriter,
  join,
  NOTHING,
  number,
  Op,
  packet,
  raw,
  reply,
  request,
  results,
  STAT,
  strings,
  text,
  textStat,
} from './testing/builders.ts';
import {
  BEGUN,
  byteByByte,
  envoy,
  own,
  pieces,
  play,
  RememberedKeys,
  type Script,
  stage,
  told,
} from './testing/story.ts';

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
const heldBytes = (): number => {
  collect();
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
};

/** Bytes flow on unchanged; decoding ends for one reason, said once, however the bytes were cut. */
function opaque(name: string, script: Script, fault: Fault): void {
  test(name, () => {
    for (const cut of [undefined, byteByByte, pieces([2, 5, 1])]) {
      const more: Script = [...script, ['>', asked(90, ask.getData('/a'))], ['<', reply(90, -101)]];
      const { harness, stats } = play(more, {}, cut);
      expect(harness.opaqueReasons).toEqual([fault]);
      for (const [side, who] of [
        [Side.upstream, '>'],
        [Side.downstream, '<'],
      ] as const)
        expect(harness.sent(side).equals(join(...more.flatMap(([speaker, b]) => (speaker === who ? [b] : []))))).toBe(
          true,
        );
      expect(stats.value(`sluice.zookeeper.p.opaque.${fault}.sessions`)).toBe(1);
      expect(stats.value('p.zookeeper.decoder_error')).toBeGreaterThanOrEqual(1);
      expect(harness.openExchanges).toBe(0);
    }
  });
}

const int = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeInt32BE(value | 0);
  return bytes;
};
/** A request whose record was written by hand. */
const record = (op: number, write: (w: JuteWriter) => unknown, xid = 1): Buffer => {
  const w = new JuteWriter();
  write(w);
  return request(xid, { op, body: w.bytes() });
};
const operation = (w: JuteWriter, op: number, done = false) => w.int(op).bool(done).int(-1);

const REQUESTS: readonly (readonly [name: string, bytes: Uint8Array, fault: Fault])[] = [
  ['ZK-01 a word after the session has begun is a length', raw('ruok'), 'oversized'],
  ['ZK-03 a length of 0', int(0), 'undersized'],
  ['ZK-03 a length of 7', join(int(7), Buffer.alloc(7)), 'undersized'],
  ['ZK-03 a length of -1', int(-1), 'undersized'],
  ['X-02 the least length there is', int(-(2 ** 31)), 'undersized'],
  ['X-02 the largest', int(2 ** 31 - 1), 'oversized'],
  ['ZK-03 a length above 128 MiB', int((128 << 20) + 1), 'oversized'],
  [
    'ZK-07 a request under the number of events',
    record(Op.getData, (w) => w.buffer('/a').bool(false), -1),
    'ambiguous',
  ],
];

/** The packet is sound, the record in it is none: the server goes on behind it, and so do we. */
const RECORDS: readonly (readonly [name: string, bytes: Uint8Array, fault: Fault])[] = [
  ['X-03 a path past its packet', record(Op.getData, (w) => w.int(50).raw(raw('/a'))), 'truncated'],
  ['X-03 a path of length -2', record(Op.getData, (w) => w.int(-2).bool(false)), 'undersized'],
  ['X-03 a packet without the watch flag', record(Op.getData, (w) => w.buffer('/a')), 'truncated'],
  ['X-03 a packet with half a version', record(Op.delete, (w) => w.buffer('/a').raw(Buffer.alloc(2))), 'truncated'],
  ['X-03 data past its packet', record(Op.setData, (w) => w.buffer('/a').int(9).raw(raw('x'))), 'truncated'],
  [
    'R12 more watches than a packet has bytes for',
    record(Op.setWatches, (w) => w.long(0n).int(1 << 30), -8),
    'truncated',
  ],
  [
    'X-03 a list of watches that ends early',
    record(Op.setWatches, (w) => w.long(0n).int(2).buffer('/a').int(5)),
    'truncated',
  ],
  ['X-03 an ACL that ends early', record(Op.create, (w) => w.buffer('/a').buffer('x').int(1).int(31)), 'truncated'],
  ['ZK-02 a multi within a multi', asked(1, ask.multi([ask.multi([ask.create('/a')])])), 'unknown_type'],
  ['ZK-02 an operation that no multi may hold', asked(1, ask.multi([ask.sync('/a')])), 'unknown_type'],
  ['ZK-02 a type that nobody knows', record(Op.multi, (w) => operation(w, 77)), 'unknown_type'],
  [
    'ZK-02 a multi that does not end',
    record(Op.multi, (w) => operation(w, Op.delete).buffer('/a').int(1)),
    'truncated',
  ],
];

const MULTI = asked(1, ask.multi([ask.create('/a'), ask.delete('/b')]));
const GET = asked(1, ask.getData('/a'));
const REPLIES: readonly (readonly [name: string, request: Uint8Array, bytes: Uint8Array, fault: Fault])[] = [
  ['ZK-03 a reply of 15 bytes', GET, join(int(15), Buffer.alloc(15)), 'undersized'],
  ['ZK-03 a reply of a negative length', GET, int(-5), 'undersized'],
  ['ZK-03 a reply above 128 MiB', GET, int((128 << 20) + 1), 'oversized'],
  ['X-07 a reply that nobody waits for', NOTHING, reply(1), 'unexpected_reply'],
  ['X-07 a reply too many', GET, join(reply(1, -101), reply(1, -101)), 'unexpected_reply'],
  [
    'ZK-07 a reply that is not the oldest’s',
    asked(1, ask.getData('/a'), ask.getData('/b')),
    reply(2, -101),
    'unexpected_reply',
  ],
  ['ZK-07 a ping that nobody sent', GET, reply(-2), 'unexpected_reply'],
  ['ZK-07 an auth that nobody sent', GET, reply(-4), 'unexpected_reply'],
  ['ZK-07 setWatches that nobody sent', GET, reply(-8), 'unexpected_reply'],
  ['X-03 data past its reply', GET, reply(1, 0, join(int(99), STAT)), 'truncated'],
  ['X-03 a reply without its stat', GET, reply(1, 0, text('x')), 'truncated'],
  [
    'X-03 more children than a reply has bytes for',
    asked(1, ask.getChildren('/a')),
    reply(1, 0, number(1 << 29)),
    'truncated',
  ],
  ['X-03 an event without a path', NOTHING, event(3, '/a').fill(0x7f, 28, 32), 'truncated'],
  ['ZK-02 results too few', MULTI, reply(1, 0, results([Op.create, text('/a')])), 'unexpected_reply'],
  ['ZK-02 results too many', MULTI, reply(1, 0, results(-1, -1, -1)), 'unexpected_reply'],
  ['ZK-02 a result that none is', MULTI, reply(1, 0, results([Op.sync, text('/a')])), 'unknown_type'],
  ['ZK-02 bytes behind the results', MULTI, reply(1, 0, join(results(-1, -1), raw('x'))), 'ambiguous'],
];

describe('a record that cannot be read', () => {
  for (const [name, bytes, fault] of RECORDS)
    test(name, () => {
      const xid = bytes[4] === 0xff ? -8 : 1;
      for (const cut of [undefined, byteByByte, pieces([2, 5, 1])]) {
        const on = play(
          [
            ...BEGUN,
            ['>', join(bytes, asked(2, ask.getData('/a', true)))],
            ['<', join(reply(xid, -5), reply(2, 0, textStat('x')))],
          ],
          {},
          cut,
        );
        const [first, second] = told(on).slice(1);
        expect(first).toMatch(/^(\w+) \| \1 !malformed \| error \| MARSHALLINGERROR$/);
        expect(second).toBe('getData | getData /a | ok | returned 1 | pipelined hit');
        expect(on.harness.opaqueReasons).toEqual([]);
        expect([own(on, `malformed.${fault}.requests`), envoy(on, 'decoder_error')]).toEqual([1, 1]);
        const [, x] = on.harness.ended;
        expect([x!.requestBytes, x!.digest!.confidence, x!.digest!.targets]).toEqual([bytes.length, 'none', []]);
        expect([envoy(on, 'getdata_rq'), envoy(on, 'getdata_resp'), envoy(on, 'multi_resp')]).toEqual([1, 1, 0]);
      }
    });

  test('ZK-02 what servers do not look at: an end that names an operation, bytes behind it. Told as they read it, and counted', () => {
    const ended = (last: number, more: readonly Uint8Array[]) =>
      record(Op.multi, (w) => operation(operation(w, Op.delete).buffer('/a').int(1), last, true).raw(join(...more)));
    const behind = [new JuteWriter().int(Op.create).bool(false).int(-1).buffer('/b').bytes()];
    for (const cut of [undefined, byteByByte]) {
      const on = play(
        [
          ...BEGUN,
          ['>', join(ended(Op.create, []), ended(-1, behind), asked(2, ask.ping()))],
          ['<', join(...[1, 1].map((xid) => reply(xid, 0, results([Op.delete, NOTHING]))), reply(-2))],
        ],
        {},
        cut,
      );
      expect(told(on).slice(1)).toEqual([
        'multi | multi delete /a | ok | affected 1 | batch of 1',
        'multi | multi delete /a | ok | affected 1 | batch of 1 | pipelined',
        'ping | ping | ok | pipelined',
      ]);
      expect([own(on, 'malformed.ambiguous.requests'), own(on, 'trailing')]).toEqual([2, 1]);
    }
  });

  test('whatever the server makes of it', () => {
    const bad = asked(1, ask.multi([ask.multi([])]));
    const auth = request(-4, { op: Op.auth, body: Buffer.alloc(5) });
    const on = play([
      ...BEGUN,
      ['>', join(bad, auth, asked(3, ask.ping()))],
      ['<', join(reply(-4), reply(1, 0, results(0, -101, -2)), reply(-2))],
    ]);
    expect(told(on).slice(1)).toEqual([
      'auth | auth !malformed | ok | pipelined',
      'multi | multi !malformed | ok',
      'ping | ping | ok | pipelined',
    ]);
    expect(on.harness.facts.user).toBe('');
  });
});

describe('what cannot be read', () => {
  for (const [name, bytes, fault] of REQUESTS) opaque(name, [...BEGUN, ['>', bytes]], fault);
  for (const [name, asking, bytes, fault] of REPLIES) opaque(name, [...BEGUN, ['>', asking], ['<', bytes]], fault);
  const begins = connectRequest();
  opaque('X-11 HTTP', [['>', raw('GET / HTTP/1.1\r\n\r\n')]], 'foreign_protocol');
  opaque('X-11 TLS', [['>', raw('\x16\x03\x01\x00\xc8\x01')]], 'encrypted');
  opaque('X-11 a length that no session begins with', [['>', join(int(27), Buffer.alloc(27))]], 'foreign_protocol');
  opaque(
    'X-11 a request before the session',
    [['>', asked(1, ask.getData(`/${'a'.repeat(30)}`))]],
    'unsupported_version',
  );
  opaque('X-11 Kafka', [['>', join(int(40), int(0x00120003), Buffer.alloc(36))]], 'foreign_protocol');
  opaque('X-12 a later version of the protocol', [['>', Buffer.from(begins).fill(1, 7, 8)]], 'unsupported_version');
  opaque('X-03 a password past its packet', [['>', Buffer.from(begins).fill(1, 30, 31)]], 'truncated');
  opaque(
    'X-12 a reply before the session was asked for',
    [
      ['<', connected()],
      ['>', begins],
    ],
    'unexpected_reply',
  );
  const session = (bytes: Uint8Array): Script => [
    ['>', begins],
    ['<', bytes],
  ];
  opaque('X-12 a reply in place of the connect response', session(reply(1)), 'unexpected_reply');
  opaque('ZK-03 a connect response of 15 bytes', session(join(int(15), Buffer.alloc(15))), 'undersized');
  opaque('ZK-03 one of a megabyte', session(join(int(1 << 20), Buffer.alloc(16))), 'oversized');

  test('what is open when decoding ends was lost, once', () => {
    const on = play([...BEGUN, ['>', join(GET, int(0))], ['<', reply(1, -101)]]);
    expect(told(on)).toEqual(['connect | connect | ok', 'getData | getData /a | lost']);
  });

  test('ZK-07 above the cap of requests in flight decoding ends', () => {
    const { harness } = stage();
    for (const [who, bytes] of BEGUN) harness.feed(who === '>' ? Side.downstream : Side.upstream, bytes);
    const block = join(...Array.from({ length: 4096 }, () => GET));
    let at = 44 + 5;
    for (let i = 0; i <= MAX_IN_FLIGHT / 4096; i++) at = harness.session.onDownstream(block, 0, block.length, at);
    expect(harness.opaqueReasons).toEqual(['too_many_in_flight']);
    harness.finish();
  });
});

describe('what reads strangely', () => {
  test('X-04 bytes behind a record are counted, and do no harm', () => {
    const script: Script = [
      ...BEGUN,
      [
        '>',
        join(
          record(Op.getData, (w) => w.buffer('/a').bool(true).raw(raw('more'))),
          asked(2, ask.ping()),
        ),
      ],
      ['<', join(reply(1, 0, join(textStat('x'), raw('more'))), reply(-2))],
    ];
    for (const cut of [undefined, byteByByte]) {
      const on = play(script, {}, cut);
      expect(told(on).slice(1)).toEqual([
        'getData | getData /a | ok | returned 1 | hit',
        'ping | ping | ok | pipelined',
      ]);
      expect(own(on, 'trailing')).toBe(2);
    }
  });

  test('ZK-04 paths as they stand: nothing is resolved, nulls and controls show as what they are', () => {
    const paths = ['', '/', '//', '/a/', '/a/../b', '/a//b', 'a', '/\u0000', '/a\nb', '/\ud83d\ude00', '/ä'];
    const on = play([...BEGUN, ['>', asked(1, ...paths.map((path) => ask.getData(path)))]]);
    expect(on.harness.ended.slice(1).map((x) => x.text.slice('getData '.length))).toEqual([
      '""',
      '/',
      '//',
      '/a/',
      '/a/../b',
      '/a//b',
      'a',
      '/*',
      '/*',
      '/\ud83d\ude00',
      '/ä',
    ]);
    const nulls = play([...BEGUN, ['>', record(Op.getData, (w) => w.buffer(null).bool(true))]]);
    expect(nulls.harness.ended[1]!.text).toBe('getData ""');
  });

  test('ZK-07 a request under the number of pings, of auth, of setWatches: read where no other can be meant', () => {
    const under = (xid: number) => request(xid, ask.getData('/a'));
    const on = play([
      ...BEGUN,
      ['>', join(under(-2), under(-4), under(-8), under(-3))],
      ['<', join(...[-2, -4, -8, -3].map((xid) => reply(xid, 0, textStat('x'))))],
    ]);
    expect(
      told(on)
        .slice(1)
        .every((line) => line.startsWith('getData | getData /a | ok')),
    ).toBe(true);
    expect(on.harness.opaqueReasons).toEqual([]);
    for (const [xid, other] of [
      [-2, ask.ping()],
      [-4, ask.auth('digest', 'a:b')],
    ] as const) {
      const doubtful = play([...BEGUN, ['>', join(under(xid), asked(9, other))], ['<', reply(xid)]]);
      expect(doubtful.harness.opaqueReasons).toEqual(['ambiguous']);
    }
  });

  test('ZK-07 the number of a request that is still unanswered: counted, and the order pairs them', () => {
    const on = play([
      ...BEGUN,
      ['>', join(asked(7, ask.getData('/a')), asked(7, ask.getChildren('/b')))],
      ['<', join(reply(7, 0, textStat('x')), reply(7, 0, strings('c')))],
    ]);
    expect(told(on).slice(1)).toEqual([
      'getData | getData /a | ok | returned 1 | hit',
      'getChildren | getChildren /b | ok | returned 1 | pipelined hit',
    ]);
    expect(own(on, 'reused_xids')).toBe(1);
  });

  test('RX-08 opcodes, errors and events by numbers that nobody named do not explode the stats', () => {
    const { harness, stats } = stage();
    for (const [who, bytes] of BEGUN) harness.feed(who === '>' ? Side.downstream : Side.upstream, bytes);
    for (let i = 0; i < 3000; i++) {
      harness.feed(Side.downstream, request(i + 1, { op: 1000 + i, body: NOTHING }));
      harness.feed(Side.upstream, join(reply(i + 1, -1000 - i), event(100 + i, '/a', 100 + i)));
    }
    const names = stats.list.map(({ name }) => name).filter((name) => name.startsWith('sluice.zookeeper.p.'));
    expect(names.filter((name) => name.includes('.unknown_opcode.')).length).toBe(33);
    expect(names.filter((name) => name.includes('.error.')).length).toBe(1);
    expect(names.filter((name) => name.includes('.event.')).length).toBe(1);
    expect(stats.value('sluice.zookeeper.p.unknown_opcode.other.requests')).toBe(2968);
    harness.finish();
  });

  test('ZK-03 100,000 children and a megabyte of data: flat memory, in 64 KiB reads', () => {
    const { harness } = stage();
    for (const [who, bytes] of BEGUN) harness.feed(who === '>' ? Side.downstream : Side.upstream, bytes);
    const children = reply(1, 0, strings(...Array.from({ length: 100_000 }, (_, i) => `child-${i}`)));
    const data = asked(2, ask.setData('/a', Buffer.alloc(1 << 20)));
    const feed = (side: Side, bytes: Buffer, from: number): number => {
      let at = from;
      for (let start = 0; start < bytes.length; start += 65_536) {
        const end = Math.min(bytes.length, start + 65_536);
        at =
          side === Side.upstream
            ? harness.session.onUpstream(bytes, start, end, at)
            : harness.session.onDownstream(bytes, start, end, at);
      }
      return at;
    };
    let [down, up] = [49, 41];
    const before = heldBytes();
    for (let i = 0; i < 20; i++) {
      down = feed(Side.downstream, join(asked(1, ask.getChildren('/x')), data), down);
      up = feed(Side.upstream, join(children, reply(2, 0, STAT)), up);
    }
    expect(heldBytes() - before).toBeLessThan(1 << 20);
    expect(harness.ended.slice(1, 3).map((x) => [x.kind, x.rowsReturned, x.requestBytes, x.replyBytes])).toEqual([
      ['getChildren', 100_000, asked(1, ask.getChildren('/x')).length, children.length],
      ['setData', 0, data.length, reply(2, 0, STAT).length],
    ]);
    harness.finish();
  });

  test('RX-01 a declared length makes no memory grow', () => {
    const sessions = [];
    const before = heldBytes();
    for (let i = 0; i < 500; i++) {
      const on = stage();
      sessions.push(on);
      on.harness.session.onDownstream(
        join(...BEGUN.slice(0, 1).map(([, bytes]) => bytes), int(128 << 20), int(1)),
        0,
        57,
        0,
      );
    }
    expect(heldBytes() - before).toBeLessThan(500 * 100_000); // most of it the harness and its stats
    for (const { harness } of sessions) harness.finish();
  });
});

test('ZK-06 secrets are kept nowhere: passwords of sessions and of digest, SASL tokens, data, ACLs', () => {
  const keys = new RememberedKeys();
  const secret = 's3cret';
  const password = Buffer.from('s3cret-s3cret-16');
  const script: Script = [
    ['>', connectRequest({ session: { id: 7n, password } })],
    ['<', packet(new JuteWriter().int(0).int(9).long(7n).buffer(password).bool(false).bytes())],
    [
      '>',
      asked(
        1,
        ask.auth('digest', `ann:${secret}`),
        ask.auth('digest', secret), // no colon: what it is nobody can tell
        ask.auth('x509', secret),
        ask.sasl(secret),
        ask.create('/a', secret, { acl: [{ perms: 31, scheme: 'digest', id: `ann:${secret}` }] }),
        ask.setACL('/a', [{ perms: 31, scheme: 'digest', id: `ann:${secret}` }]),
        ask.setData('/a', secret),
      ),
    ],
    ['<', join(reply(-4), reply(-4), reply(-4), reply(4, 0, text(secret)))],
    ['<', join(reply(5, 0, text('/a')), reply(6, 0, STAT), reply(7, 0, STAT))],
    ['>', asked(8, ask.getData('/a'))],
    ['<', reply(8, 0, textStat(secret))],
  ];
  for (const cut of [undefined, byteByByte, pieces([7, 2])]) {
    const on = play(script, { env: { keys } }, cut);
    const { harness } = on;
    const seen = [
      ...harness.ended.map(({ kind, text: shown, code, digest }) => [
        kind,
        shown,
        code,
        digest?.summary,
        digest?.targets,
      ]),
      harness.facts,
      harness.confirmed,
      keys.touched,
      on.stats.list.map(({ name }) => name),
    ];
    expect(harness.ended.length).toBe(9);
    expect(harness.facts.user).toBe('digest:ann');
    expect(JSON.stringify(seen)).not.toContain('s3cret');
  }
});

describe('noise', () => {
  const SOME = [
    connectRequest(),
    connected(),
    asked(1, ask.getData('/a')),
    asked(2, ask.ping()),
    asked(3, ask.multi([ask.create('/a'), ask.check('/b')])),
    asked(4, ask.auth('digest', 'a:b')),
    asked(5, ask.setWatches({ data: ['/a'] })),
    reply(1, 0, textStat('x')),
    reply(-2),
    reply(-4),
    reply(3, 0, results([Op.create, text('/a')], [Op.check, NOTHING])),
    reply(2, -101),
    event(1, '/a'),
    raw('ruok'),
    int(12),
  ];
  test('nothing that is said makes a session throw, and nothing stays open', () => {
    fc.assert(
      fc.property(
        fc.boolean(),
        fc.array(fc.tuple(fc.boolean(), fc.oneof(fc.constantFrom(...SOME), fc.uint8Array({ maxLength: 30 }))), {
          maxLength: 30,
        }),
        (isBegun, lines) => {
          const script: Script = lines.map(([client, bytes]) => [client ? '>' : '<', bytes]);
          const on = play(isBegun ? [...BEGUN, ...script] : script);
          expect(on.harness.opaqueReasons.length).toBeLessThanOrEqual(1);
          expect(on.harness.begun).toBe(on.harness.ended.length);
        },
      ),
      { numRuns: 1500 },
    );
  });

  test('a byte of a conversation changed anywhere: the same story however it is cut', () => {
    const talk: Script = [
      ...BEGUN,
      [
        '>',
        asked(
          1,
          ask.getData('/a', true),
          ask.multi([ask.create('/b'), ask.check('/c')]),
          ask.setWatches2({ data: ['/a'] }),
        ),
      ],
      [
        '<',
        join(reply(1, 0, textStat('x')), reply(2, 0, results([Op.create, text('/b')], [Op.check, NOTHING])), reply(-8)),
      ],
    ];
    fc.assert(
      fc.property(fc.nat(3), fc.nat(400), fc.integer({ min: 0, max: 255 }), (line, at, byte) => {
        const script = talk.map(([who, bytes], i): Script[number] => {
          if (i !== line) return [who, bytes];
          const changed = Buffer.from(bytes);
          changed[at % changed.length] = byte;
          return [who, changed];
        });
        const story = (cut?: typeof byteByByte) => {
          const on = play(script, {}, cut);
          return [told(on), on.harness.opaqueReasons];
        };
        const want = story();
        expect(story(byteByByte)).toEqual(want);
        expect(story(pieces([5, 3]))).toEqual(want);
      }),
      { numRuns: 600 },
    );
  });

  test('X-13 the same stream tells the same twice', () => {
    const script: Script = [...BEGUN, ['>', MULTI], ['<', reply(1, 0, results(0, -101))]];
    expect(told(play(script))).toEqual(told(play(script)));
    expect(envoy(play(script), 'multi_rq')).toBe(1);
  });
});
