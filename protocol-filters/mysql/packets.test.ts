import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Fault } from '../../src/exchange/fault.ts';
import { type PacketSink, Packets } from './packets.ts';
import { MAX_PAYLOAD_BYTES } from './wire.ts';

/** One packet: length, sequence id, payload. */
const packet = (sequence: number, payload: Uint8Array): Buffer => {
  const head = Buffer.alloc(4);
  head.writeUIntLE(payload.length, 0, 3);
  head[3] = sequence;
  return Buffer.concat([head, payload]);
};
/** A payload of any size as its packets. */
const split = (sequence: number, payload: Buffer): Buffer => {
  const parts: Buffer[] = [];
  let at = 0;
  for (let id = sequence; ; id++) {
    const part = payload.subarray(at, at + MAX_PAYLOAD_BYTES);
    parts.push(packet(id & 0xff, part));
    at += part.length;
    if (part.length < MAX_PAYLOAD_BYTES) return Buffer.concat(parts);
  }
};

class Seen implements PacketSink {
  readonly seen: string[] = [];
  readonly faults: Fault[] = [];
  want = 8;
  stopAt = -1;
  rows = 0;
  rowBytes = 0;
  packets!: Packets;

  wanted(): number {
    return this.want;
  }
  onPacket(buf: Buffer, start: number, end: number, payloadBytes: number): boolean {
    const head = buf.toString('latin1', start, Math.min(end, start + this.want));
    this.seen.push(`${payloadBytes} ${this.packets.wireBytes} ${this.packets.inOrder} ${head}`);
    return this.seen.length !== this.stopAt;
  }
  onRun(packets: number, wireBytes: number): void {
    this.rows += packets;
    this.rowBytes += wireBytes;
  }
  onFault(fault: Fault): void {
    this.faults.push(fault);
  }
}

const GUARD = 0xee;
function play(bytes: Buffer, cuts: readonly number[], set: (packets: Packets, sink: Seen) => void = () => {}): Seen {
  const sink = new Seen();
  const packets = new Packets(sink);
  sink.packets = packets;
  packets.expected = 0;
  set(packets, sink);
  let at = 0;
  for (const cut of [...cuts, bytes.length]) {
    const lent = Buffer.concat([Buffer.of(GUARD), bytes.subarray(at, cut), Buffer.of(GUARD)]);
    packets.push(lent, 1, lent.length - 1, 5);
    lent.fill(GUARD);
    at = cut;
  }
  return sink;
}
const everyByte = (bytes: Buffer): number[] => Array.from({ length: bytes.length - 1 }, (_, i) => i + 1);

describe('packets', () => {
  const stream = Buffer.concat([
    packet(0, Buffer.from('hello')),
    packet(1, Buffer.alloc(0)),
    packet(2, Buffer.from('a longer payload')),
    packet(7, Buffer.from('jump')),
    packet(8, Buffer.from('x')),
  ]);
  const want = ['5 9 true hello', '0 4 true ', '16 20 true a longer', '4 8 false jump', '1 5 true x'];

  test('whole, byte by byte and cut anywhere tell the same', () => {
    expect(play(stream, []).seen).toEqual(want);
    expect(play(stream, everyByte(stream)).seen).toEqual(want);
    for (const cut of everyByte(stream)) expect(play(stream, [cut]).seen).toEqual(want);
    fc.assert(
      fc.property(fc.uniqueArray(fc.integer({ min: 1, max: stream.length - 1 })), (cuts) => {
        expect(
          play(
            stream,
            cuts.sort((a, b) => a - b),
          ).seen,
        ).toEqual(want);
      }),
    );
  });

  test('sequence ids wrap at 256', () => {
    const many = Buffer.concat(Array.from({ length: 600 }, (_, i) => packet(i & 0xff, Buffer.from('y'))));
    expect(new Set(play(many, []).seen)).toEqual(new Set(['1 5 true y']));
  });

  test('unchecked, any sequence id is in order', () => {
    const seen = play(stream, [], (packets) => {
      packets.unchecked = true;
    }).seen;
    expect(seen.every((line) => line.includes('true'))).toBe(true);
  });

  test('a sink that stops is not called again, and is told where it stopped', () => {
    for (const cuts of [[], [3]]) {
      const sink = play(stream.subarray(0, 13), cuts, (_, seen) => {
        seen.stopAt = 1;
      });
      expect(sink.seen).toEqual(['5 9 true hello']);
    }
    const sink = new Seen();
    sink.stopAt = 1;
    sink.packets = new Packets(sink);
    expect(sink.packets.push(stream, 0, stream.length, 1)).toBe(9);
  });

  test('MY-07: a payload of 16 MiB and more is joined; an exact multiple ends with an empty packet', {
    timeout: 30_000,
  }, () => {
    for (const size of [MAX_PAYLOAD_BYTES - 1, MAX_PAYLOAD_BYTES, MAX_PAYLOAD_BYTES + 1, 2 * MAX_PAYLOAD_BYTES]) {
      const bytes = Buffer.concat([
        split(0, Buffer.alloc(size, 0x61)),
        packet(Math.floor(size / MAX_PAYLOAD_BYTES) + 1, Buffer.from('z')),
      ]);
      const headers = 4 * (Math.floor(size / MAX_PAYLOAD_BYTES) + 1);
      for (const cuts of [[], [2], [MAX_PAYLOAD_BYTES + 4], [MAX_PAYLOAD_BYTES + 6]])
        expect(
          play(
            bytes,
            cuts.filter((cut) => cut < bytes.length),
          ).seen,
        ).toEqual([`${size} ${size + headers} true aaaaaaaa`, '1 5 true z']);
    }
  });

  test('MY-07: a payload above the server’s own ceiling is a fault; nothing of it is kept', { timeout: 60_000 }, () => {
    const sink = new Seen();
    const packets = new Packets(sink);
    sink.packets = packets;
    const full = packet(0, Buffer.alloc(MAX_PAYLOAD_BYTES));
    for (let i = 0; i < 70 && sink.faults.length === 0; i++) packets.push(full, 0, full.length, 1);
    expect(sink.faults).toEqual(['oversized']);
    expect(sink.seen).toEqual([]);
  });

  test('a run counts past whole packets, and hands over what is special', () => {
    const rows = Buffer.concat([
      packet(0, Buffer.from('row')),
      packet(1, Buffer.from('row')),
      packet(2, Buffer.of(0xfe, 0, 0, 2, 0)),
      packet(3, Buffer.from('row')),
      packet(9, Buffer.from('odd')),
    ]);
    const tell = (cuts: number[], most: number): string[] => {
      const sink = play(rows, cuts, (packets) => {
        packets.run = most;
      });
      return [
        `${sink.rows + sink.seen.filter((line) => /row/.test(line)).length}`,
        ...sink.seen.filter((line) => !/row/.test(line)),
      ];
    };
    const special = ['5 9 true \u00fe\0\0\u0002\0', '3 7 false odd'];
    for (const most of [1, 2, 3, 100]) {
      expect(tell([], most)).toEqual(['3', ...special]);
      expect(tell(everyByte(rows), most)).toEqual(['3', ...special]);
    }
    expect(
      play(rows, [], (packets) => {
        packets.run = 100;
      }),
    ).toMatchObject({ rows: 3, rowBytes: 21 });
  });
});
