import { deflateSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { Flag } from '../../src/exchange/exchange.ts';
import { CAPABILITIES, client, lstr, packet, server, u8, u16, u24, u32, zeros } from './testing/builders.ts';
import { expectFault, expectTold } from './testing/checks.ts';
import { login, loginAs, mariadbLogin, own, pieces, play, type Script, told } from './testing/story.ts';
import { Capability as C, MAX_PAYLOAD_BYTES } from './wire.ts';

const batch = (...parts: Uint8Array[]): Buffer => Buffer.concat(parts);
const NEXT: Script = [
  ['>', client.ping()],
  ['<', server.ok()],
];
describe('MY-02: query attributes', () => {
  const capabilities = CAPABILITIES | C.queryAttributes;
  const TRACE = '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01';

  test('attributes that look like SQL are no text', () => {
    expectTold(
      [
        ...loginAs({ capabilities }),
        ['>', client.queryWithAttributes('select 1', { 'drop table t': 'delete from u', x: "';" })],
        ['<', server.result(['1'])],
        ['>', client.queryWithAttributes('select 2, 2')],
        ['<', server.result(['1'])],
      ],
      ['query | select ? | ok | returned 1', 'query | select ?, ? | ok | returned 1'],
    );
  });

  test('a trace context among them is the exchange’s', () => {
    const on = play([
      ...loginAs({ capabilities }),
      ['>', client.queryWithAttributes('select 1', { a: 'b', traceparent: TRACE })],
      ['<', server.result(['1'])],
    ]);
    expect(on.harness.ended[0]!.traceparent).toBe(TRACE);
  });

  test('a trace context among those of an execution is the exchange’s, and never stale', () => {
    const names = batch(u16(0xfd), lstr('traceparent'));
    const run = client.command(0x17, u32(1), u8(8), u32(1), u8(1), u8(0), u8(1), names, lstr(TRACE));
    const on = play([
      ...loginAs({ capabilities }),
      ['>', client.prepare(`select 1 /*traceparent='${TRACE}'*/`)],
      ['<', server.prepared(1, 0, 1)],
      ['>', batch(run, run, client.execute(1))],
      ['<', batch(server.result(['1']), server.result(['1']), server.result(['1']))],
    ]);
    expect(on.harness.ended.map((x) => x.traceparent)).toEqual([TRACE, TRACE, TRACE]);
    expect(on.harness.ended.map((x) => (x.flags & Flag.staleTrace) !== 0)).toEqual([false, false, true]);
  });

  test('without the agreement the block is text, whatever it looks like', () => {
    const on = play([...login, ['>', client.queryWithAttributes('select 1', { a: 'b' })], ['<', server.err()]]);
    expect(on.harness.ended[0]!.text).not.toBe('select ?');
    expect(on.harness.opaqueReasons).toEqual([]);
  });

  test('a block that cannot be read ends decoding', () => {
    const at = (...parts: Uint8Array[]): Script => [...loginAs({ capabilities }), ['>', packet(0, u8(3), ...parts)]];
    expectFault(at(u8(0xfc), u16(60_000), u8(1), Buffer.from('select 1')), 'truncated');
    expectFault(at(u8(0xff), u8(1), Buffer.from('select 1')), 'unknown_type');
    expectFault(at(u8(1), u8(1), u8(0), u8(1), u16(0xfd), lstr('a'), u8(200), Buffer.from('x')), 'truncated');
  });

  test('a block longer than what is kept: the statement is not known, and that is said', () => {
    const text = client.queryWithAttributes('select 1', { a: 'x'.repeat(100_000) });
    const script: Script = [...loginAs({ capabilities }), ['>', text], ['<', server.result(['1'])], ...NEXT];
    for (const cut of [undefined, pieces([1000])]) {
      const { harness } = play(script, {}, cut);
      expect(harness.ended[0]).toMatchObject({ text: 'no statement', flags: Flag.truncated, rowsReturned: 1 });
      expect(harness.opaqueReasons).toEqual([]);
    }
  });
});

test('MY-03: MariaDB, statement -1 is the one prepared last, also while its reply is to come; bulk executes', () => {
  const last = 0xffff_ffff;
  expectTold(
    [
      ...mariadbLogin(0x1d),
      ['>', batch(client.prepare('select 7'), client.execute(last))],
      ['<', batch(server.prepared(3, 0, 1), bulkResult(['7']))],
      ['>', batch(client.prepare('select nope'), client.execute(last), client.ping())],
      ['<', batch(server.err(1054), server.err(1243), server.ok())],
      ['>', batch(client.prepare('insert into t values (?)'), client.command(0xfa, u32(last), u16(128), zeros(8)))],
      ['<', batch(server.prepared(4, 1), server.ok({ affectedRows: 20 }))],
      ['>', client.command(0xfe, zeros(4))],
      ['<', server.err(1047)],
    ],
    [
      'execute | select ? | ok | returned 1 | prepared pipelined',
      'prepare | select nope | error | 1054',
      'execute | select nope | error | 1243 | prepared pipelined',
      'ping | ping | ok | pipelined',
      'bulk_execute | insert into t values (?+) | ok | affected 20 | prepared pipelined',
      'multi | multi | error | 1047',
    ],
  );
});
/** Under cached metadata the count says whether definitions follow. */
const bulkResult = (rows: string[]): Buffer =>
  batch(
    packet(1, u8(1), u8(1)),
    server.column('a', 2),
    ...rows.map((value, i) => server.binaryRow([value], 3 + i)),
    server.end(2, 3 + rows.length),
  );

test('MY-03: cached metadata, definitions are left out', () => {
  expectTold(
    [
      ...mariadbLogin(0x1d),
      ['>', client.prepare('select 7')],
      ['<', server.prepared(3, 0, 1)],
      ['>', client.execute(3)],
      ['<', batch(packet(1, u8(1), u8(0)), server.binaryRow(['7'], 2), server.end(2, 3))],
      ...NEXT,
    ],
    ['execute | select ? | ok | returned 1 | prepared', 'ping | ping | ok'],
  );
});

describe('MY-06: compression', () => {
  const capabilities = CAPABILITIES | C.compress;
  const zstd = CAPABILITIES | C.zstdCompressionAlgorithm;
  const frame = (declared: number, body: Uint8Array, id = 0): Buffer =>
    batch(u24(body.length), u8(id), u24(declared), body);
  const at = (...frames: Uint8Array[]): Script => [...loginAs({ capabilities }), ['>', batch(...frames)]];
  const query = client.query('select 1');

  test('a bomb: more comes out than was declared', () => {
    expectFault(at(frame(100, deflateSync(Buffer.alloc(4_000_000)))), 'oversized');
    expectFault(
      [...loginAs({ capabilities: zstd }), ['>', frame(100, zstdCompressSync(Buffer.alloc(4_000_000)))]],
      'oversized',
    );
  });
  test('a ratio of 1000:1 that is what it says is decoded, within 16 MiB', () => {
    const big = client.query(`select '${'x'.repeat(4_000_000)}'`);
    const on = play([...at(frame(big.length, deflateSync(big))), ['<', frame(0, server.result(['1']))]]);
    expect(on.harness.opaqueReasons).toEqual([]);
    expect(on.harness.ended[0]).toMatchObject({ requestBytes: big.length, flags: Flag.truncated });
  });
  test('fewer come out than declared', () => expectFault(at(frame(1000, deflateSync(query))), 'undersized'));
  test('what is no zlib', () => expectFault(at(frame(100, Buffer.from('not compressed'))), 'unknown_type'));
  test('an end too early', () => expectFault(at(frame(query.length, deflateSync(query).subarray(0, 9))), 'truncated'));
  test('nothing that declares something', () => expectFault(at(frame(9, Buffer.alloc(0))), 'undersized'));
  test('a frame of one packet with a sequence id that jumps', () =>
    expectFault(at(frame(0, query.subarray(0, 6)), frame(0, query.subarray(6), 7)), 'out_of_order', 'protocol_errors'));
  test('ids of packets may have gaps, those of frames not within one packet', () => {
    const on = play([
      ...at(frame(0, query.subarray(0, 6)), frame(0, query.subarray(6), 1)),
      ['<', frame(0, batch(server.columns(1), server.row(['1'], 9), server.end(2, 77)), 2)],
    ]);
    expect(told(on)).toEqual(['query | select ? | ok | returned 1']);
  });
});

describe('MY-07: payloads of 16 MiB and more', () => {
  const pad = (size: number): string => `select '${'x'.repeat(size - "select ''".length - 1)}'`;
  for (const size of [MAX_PAYLOAD_BYTES - 1, MAX_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES + 1])
    test(`a query of ${size} bytes, its reply's sequence ids go on behind it`, { timeout: 20_000 }, () => {
      const query = client.query(pad(size));
      const packets = size < MAX_PAYLOAD_BYTES ? 1 : 2;
      const on = play([...login, ['>', query], ['<', server.result(['1'], 2, packets)], ...NEXT], {}, (bytes) =>
        bytes.length > 1000 ? [bytes.subarray(0, 70_000), bytes.subarray(70_000)] : [bytes],
      );
      expect(on.harness.ended[0]).toMatchObject({
        text: 'select ? ...',
        flags: Flag.truncated,
        requestBytes: query.length,
        rowsReturned: 1,
      });
      expect(on.harness.ended.length).toBe(2);
      expect(on.harness.opaqueReasons).toEqual([]);
    });

  test('MY-21: a row of more than 16 MiB is one row, and it may begin with 0xfe', { timeout: 20_000 }, () => {
    const value = Buffer.alloc(MAX_PAYLOAD_BYTES + 100, 0x61);
    for (const capabilities of [CAPABILITIES, CAPABILITIES & ~C.deprecateEof]) {
      const first = capabilities & C.deprecateEof ? 3 : 4;
      const rows = batch(packet(first, lstr(value)), server.row(['2'], first + 2));
      const reply = batch(server.columns(1, 1, capabilities), rows, server.end(2, first + 3, capabilities));
      const on = play(
        [...loginAs({ capabilities }), ['>', client.query('select a from t')], ['<', reply], ...NEXT],
        {},
        (bytes) => (bytes.length > 1000 ? [bytes.subarray(0, 65_536), bytes.subarray(65_536)] : [bytes]),
      );
      expect(told(on)).toEqual(['query | select a from t | ok | returned 2', 'ping | ping | ok']);
      expect(on.harness.ended[0]!.replyBytes).toBe(reply.length);
    }
  });
});

describe('MY-08: sequence ids', () => {
  const wrong: [string, Script][] = [
    ['a command with id 1', [['>', packet(1, u8(3), Buffer.from('select 1'))]]],
    ['a login with id 0', []],
    [
      'a reply that begins with id 2',
      [
        ['>', client.ping()],
        ['<', server.ok({}, 2)],
      ],
    ],
    [
      'a reply that repeats an id',
      [
        ['>', client.query('select 1')],
        ['<', batch(server.columnCount(1), server.column('a', 1))],
      ],
    ],
    [
      'a row out of order',
      [
        ['>', client.query('select 1')],
        ['<', batch(server.columns(1), server.row(['1'], 3), server.row(['1'], 3))],
      ],
    ],
    [
      'a file that does not go on',
      [
        ['>', client.query("load data local infile 'f' into table t")],
        ['<', server.infile('f')],
        ['>', packet(0, Buffer.from('1,2'))],
      ],
    ],
  ];
  for (const [name, script] of wrong)
    test(name, () => {
      const full: Script =
        name === 'a login with id 0'
          ? [
              ['<', server.greeting()],
              ['>', client.login41({}, 0)],
            ]
          : [...login, ...script];
      expectFault(full, 'out_of_order', 'protocol_errors');
    });

  test('ids wrap at 256', () => {
    const rows = Array.from({ length: 600 }, (_, i) => server.row(['1'], (3 + i) & 0xff));
    const reply = batch(server.columns(1), ...rows, server.end(2, 603 & 0xff));
    expectTold(
      [...login, ['>', client.query('select 1')], ['<', reply], ...NEXT],
      ['query | select ? | ok | returned 600', 'ping | ping | ok'],
    );
  });
});

describe('MY-09: LOCAL INFILE', () => {
  test('a file whose bytes look like commands is data', () => {
    const evil = batch(packet(2, u8(3), Buffer.from('drop table t')), packet(3, u8(1)), packet(4));
    expectTold(
      [
        ...login,
        ['>', client.query("load data local infile 'f' into table t")],
        ['<', server.infile('f')],
        ['>', evil],
        ['<', server.ok({ affectedRows: 1 }, 5)],
        ...NEXT,
      ],
      ['query | load data local infile ? into table t | ok | affected 1', 'ping | ping | ok'],
    );
  });
  test('a server that asks after a SELECT is seen doing so', () => {
    const on = play([
      ...login,
      ['>', client.query('select 1')],
      ['<', server.infile('/etc/passwd')],
      ['>', client.file('root')],
      ['<', server.ok({}, 4)],
    ]);
    expect(own(on, 'local_infiles')).toBe(1);
    expect(told(on)).toEqual(['query | select ? | ok']);
  });
  test('a command sent ahead of the file', () =>
    expectFault(
      [
        ...login,
        ['>', batch(client.query("load data local infile 'f' into table t"), client.ping())],
        ['<', server.infile('f')],
      ],
      'out_of_order',
    ));
  test('the server gives up before the file is over: what comes of it is still the file', () => {
    expectTold(
      [
        ...login,
        ['>', client.query("load data local infile 'f' into table t")],
        ['<', server.infile('f')],
        ['>', packet(2, Buffer.from('1,2'))],
        ['<', server.err(1205, 'HY000', 'no', 3)],
        ['>', batch(packet(3, Buffer.from('3,4')), packet(4))],
        ...NEXT,
      ],
      ['query | load data local infile ? into table t | error | 1205', 'ping | ping | ok'],
    );
  });
});
