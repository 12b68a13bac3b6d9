import { describe, expect, test } from 'vitest';
import { isEnd, isProgress, readColumnCount, readEnd, readErr, readOk, readPrepareOk } from './replies.ts';
import { CAPABILITIES, lenenc, lstr, payloadOf, server, u8, u16, u32, u64, zeros } from './testing/builders.ts';
import { guarded } from './testing/guarded.ts';
import { Capability as C } from './wire.ts';

const TRACKS = CAPABILITIES;
const PLAIN = CAPABILITIES & ~C.sessionTrack & ~C.deprecateEof;
const OLD = C.longPassword | C.transactions;

const ok = (payload: Buffer, capabilities = TRACKS) =>
  guarded(payload, (buf, start, end) => readOk(buf, start, end, capabilities));

describe('OK', () => {
  const track = server.trackSchema('shop');
  const cases: [name: string, payload: Buffer, capabilities: number, want: object | string][] = [
    ['nothing special', payloadOf(server.ok()), TRACKS, { affectedRows: 0, status: 2, warnings: 0 }],
    [
      'rows',
      payloadOf(server.ok({ affectedRows: 70_000, warnings: 3 })),
      TRACKS,
      { affectedRows: 70_000, warnings: 3 },
    ],
    [
      'the largest id there is',
      Buffer.concat([u8(0), u8(1), u8(0xfe), u64(2n ** 64n - 1n), u16(2), u16(0)]),
      TRACKS,
      { affectedRows: 1, status: 2 },
    ],
    ['a text for people', payloadOf(server.ok({ info: 'Rows matched: 1' })), TRACKS, { status: 2 }],
    [
      'a text without a length',
      payloadOf(server.ok({ info: 'Rows matched: 1', capabilities: PLAIN })),
      PLAIN,
      { status: 2 },
    ],
    ['session state', payloadOf(server.ok({ track, info: 'x' })), TRACKS, { status: 0x4002 }],
    ['in place of EOF', payloadOf(server.ok({ head: 0xfe, status: 0x0a })), TRACKS, { status: 0x0a }],
    ['before 4.1', payloadOf(server.ok({ affectedRows: 2, capabilities: OLD })), OLD, { affectedRows: 2, status: 2 }],
    ['and without transactions', Buffer.of(0, 2, 0), C.longPassword, { affectedRows: 2, status: 0 }],
    ['cut in its status', Buffer.of(0, 0, 0, 2), TRACKS, 'truncated'],
    ['its head alone', Buffer.of(0), TRACKS, 'truncated'],
    ['2^53 rows', Buffer.concat([u8(0), u8(0xfe), u64(2n ** 53n), zeros(5)]), TRACKS, 'oversized'],
    ['NULL rows', Buffer.of(0, 0xfb, 0, 2, 0, 0, 0), TRACKS, 'unknown_type'],
    ['session state promised and not there', Buffer.of(0, 0, 0, 2, 0x40, 0, 0), TRACKS, 'truncated'],
    [
      'session state past the packet',
      Buffer.concat([Buffer.of(0, 0, 0, 2, 0x40, 0, 0), lstr(''), u8(5), zeros(4)]),
      TRACKS,
      'truncated',
    ],
  ];
  for (const [name, payload, capabilities, want] of cases)
    test(name, () => {
      const seen = ok(payload, capabilities);
      if (typeof want === 'string') expect(seen).toBe(want);
      else expect(seen).toMatchObject(want);
    });

  test('where the session state stands', () => {
    const payload = payloadOf(server.ok({ track, info: 'hello' }));
    const told = readOk(payload, 0, payload.length, TRACKS);
    if (typeof told === 'string') throw new Error(told);
    expect(payload.subarray(told.trackFrom, told.trackTo)).toEqual(track);
    const without = payloadOf(server.ok());
    expect(readOk(without, 0, without.length, TRACKS)).toMatchObject({ trackFrom: 0, trackTo: 0 });
  });
});

describe('ERR', () => {
  const cases: [name: string, payload: Buffer, want: object | string][] = [
    ['with a SQLSTATE', payloadOf(server.err(1146, '42S02', 'no such table')), { code: 1146, sqlState: '42S02' }],
    ['without', payloadOf(server.err(1040, '', 'Too many connections')), { code: 1040, sqlState: '' }],
    ['without a text', Buffer.of(0xff, 0x28, 0x04), { code: 1064, sqlState: '' }],
    ['a text that begins with the mark', Buffer.from('\xff\x28\x04#ab', 'latin1'), { code: 1064, sqlState: '' }],
    ['a SQLSTATE that is none', Buffer.from('\xff\x28\x04#ab\0\xee!x', 'latin1'), { code: 1064, sqlState: '' }],
    ['cut in its SQLSTATE', Buffer.from('\xff\x28\x04#4200', 'latin1'), { code: 1064, sqlState: '' }],
    ['cut in its code', Buffer.of(0xff, 0x28), 'truncated'],
  ];
  for (const [name, payload, want] of cases) test(name, () => expect(guarded(payload, readErr)).toEqual(want));

  test('states that begin alike stay apart', () => {
    for (const state of ['42000', '42S02', '42S22', 'HY000', '08S01', '00000', 'ZZZZZ', '0000A', '00011'])
      expect(guarded(payloadOf(server.err(1, state)), readErr)).toMatchObject({ sqlState: state });
  });
});

describe('ends of rows', () => {
  const end = (payload: Buffer, capabilities: number) =>
    guarded(payload, (buf, start, stop) => readEnd(buf, start, stop, capabilities));
  const cases: [name: string, payload: Buffer, capabilities: number, want: object | string][] = [
    ['EOF', payloadOf(server.eof(0x0a, 1, 3)), PLAIN, { status: 0x0a, warnings: 3, affectedRows: 0 }],
    ['EOF before 4.1', Buffer.of(0xfe), OLD, { status: 0, warnings: 0 }],
    ['OK', payloadOf(server.end(0x0a)), TRACKS, { status: 0x0a, warnings: 0 }],
    ['EOF although OK is agreed', payloadOf(server.eof(2, 1, 1)), TRACKS, { status: 2, warnings: 1 }],
    ['cut', Buffer.of(0xfe, 0, 0), PLAIN, 'truncated'],
  ];
  for (const [name, payload, capabilities, want] of cases)
    test(name, () => {
      const seen = end(payload, capabilities);
      if (typeof want === 'string') expect(seen).toBe(want);
      else expect(seen).toMatchObject(want);
    });
});

describe('which packet it is, by first byte and length', () => {
  const M16 = 0xff_ffff;
  const ends: [first: number, bytes: number, capabilities: number, want: boolean][] = [
    [0xfe, 5, PLAIN, true],
    [0xfe, 1, PLAIN, true],
    [0xfe, 8, PLAIN, true],
    [0xfe, 9, PLAIN, false],
    [0xfe, M16 + 20, PLAIN, false],
    [0xfe, 7, TRACKS, true],
    [0xfe, 9, TRACKS, true],
    [0xfe, 60_000, TRACKS, true],
    [0xfe, M16 - 1, TRACKS, true],
    [0xfe, M16, TRACKS, false],
    [0xfe, M16 + 20, TRACKS, false],
    [0xfb, 5, PLAIN, false],
    [0x00, 7, TRACKS, false],
    [0xff, 9, TRACKS, false],
  ];
  for (const [first, bytes, capabilities, want] of ends)
    test(`end: ${first.toString(16)} of ${bytes}${capabilities === TRACKS ? ', deprecateEof' : ''}`, () =>
      expect(isEnd(first, bytes, capabilities)).toBe(want));

  test('a progress report is told from an error', () => {
    expect(guarded(payloadOf(server.progress()), isProgress)).toBe(true);
    expect(guarded(payloadOf(server.err(1064)), isProgress)).toBe(false);
    expect(guarded(Buffer.of(0xff, 0xff, 0xff), isProgress)).toBe(false);
  });
});

describe('COM_STMT_PREPARE_OK', () => {
  const read = (payload: Buffer, capabilities = TRACKS) =>
    guarded(payload, (buf, start, end) => readPrepareOk(buf, start, end, capabilities));
  const head = Buffer.concat([u8(0), u32(0xfffffffe), u16(2), u16(300), u8(0)]);
  const cases: [name: string, payload: Buffer, capabilities: number, want: object | string][] = [
    [
      'all fields',
      Buffer.concat([head, u16(4)]),
      TRACKS,
      { statementId: 0xfffffffe, columns: 2, parameters: 300, warnings: 4, hasMetadata: true },
    ],
    ['of 4.1', head, TRACKS, { columns: 2, warnings: 0 }],
    ['without definitions', Buffer.concat([head, u16(0), u8(0)]), -1, { hasMetadata: false }],
    ['with them', Buffer.concat([head, u16(0), u8(1)]), -1, { hasMetadata: true }],
    ['that byte where it is not agreed', Buffer.concat([head, u16(0), u8(0)]), TRACKS, { hasMetadata: true }],
    ['cut', head.subarray(0, 8), TRACKS, 'truncated'],
  ];
  for (const [name, payload, capabilities, want] of cases)
    test(name, () => {
      const seen = read(payload, capabilities);
      if (typeof want === 'string') expect(seen).toBe(want);
      else expect(seen).toMatchObject(want);
    });
});

describe('heads of result sets', () => {
  const read = (payload: Buffer, optional: boolean) =>
    guarded(payload, (buf, start, end) => readColumnCount(buf, start, end, optional));
  const cases: [name: string, payload: Buffer, optional: boolean, want: object | string][] = [
    ['one column', u8(1), false, { columns: 1, hasMetadata: true }],
    ['251 columns', lenenc(251), false, { columns: 251, hasMetadata: true }],
    ['4096 columns', lenenc(4096), false, { columns: 4096 }],
    ['definitions left out', Buffer.of(2, 0), true, { columns: 2, hasMetadata: false }],
    ['definitions follow', Buffer.of(2, 1), true, { columns: 2, hasMetadata: true }],
    ['agreed, and the byte is not there', Buffer.of(2), true, { columns: 2, hasMetadata: true }],
    ['an old server says more behind it', Buffer.of(2, 0), false, { columns: 2, hasMetadata: true }],
    ['more columns than any table', lenenc(70_000), false, 'oversized'],
    ['2^53 columns', Buffer.concat([u8(0xfe), u64(2n ** 53n)]), false, 'oversized'],
    ['cut', Buffer.of(0xfc, 1), false, 'truncated'],
  ];
  for (const [name, payload, optional, want] of cases)
    test(name, () => {
      const seen = read(payload, optional);
      if (typeof want === 'string') expect(seen).toBe(want);
      else expect(seen).toMatchObject(want);
    });
});
