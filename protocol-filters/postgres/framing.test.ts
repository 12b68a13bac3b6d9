import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type FrameSink, Framing, Onward } from './framing.ts';
import { client, frame } from './testing/builders.ts';
import { Frontend as F, FRONTEND_LENGTHS, keepTable } from './wire.ts';

const KEEP = keepTable([
  [F.query, 1000],
  [F.bind, 8],
]);

class Recorder implements FrameSink {
  readonly seen: string[] = [];
  readonly faults: string[] = [];
  holdAt = -1;
  framing = new Framing(this, FRONTEND_LENGTHS, KEEP);
  onFrame(type: number, bodyBytes: number, buf: Buffer, start: number, end: number, from: number): Onward {
    if (this.holdAt === from) return Onward.hold;
    // What is kept of a cut body is what the table wants of a whole one.
    const kept = buf.toString('latin1', start, Math.min(end, start + KEEP[type]!));
    this.seen.push(`${String.fromCharCode(type)} ${bodyBytes} at ${from}: ${kept}`);
    return Onward.next;
  }
  onTail(from: number, to: number): void {
    this.seen.push(`tail ${from}-${to}`);
  }
  onFault(fault: string): void {
    this.faults.push(fault);
  }
}

/** Feeds the stream in pieces, each between guard bytes. */
function feed(into: Recorder, stream: Buffer, sizes: readonly number[]): void {
  for (let at = 0, i = 0; at < stream.length; i++) {
    const size = Math.max(1, sizes[i % sizes.length]!);
    const piece = stream.subarray(at, at + size);
    const lent = Buffer.concat([Buffer.alloc(3, 0xee), piece, Buffer.alloc(9, 0xee)]);
    const read = into.framing.push(lent, 3, 3 + piece.length, at, 0);
    expect(read).toBe(at + piece.length);
    lent.fill(0xee);
    at += piece.length;
  }
}

const message = fc.oneof(
  fc.string({ maxLength: 60 }).map((text) => client.query(text.replaceAll('\0', ''))),
  fc.nat(200).map((bytes) => client.copyData('x'.repeat(bytes))),
  fc.nat(90).map((bytes) => client.bind('statement', 'portal', 'v'.repeat(bytes))),
  fc.constant(client.sync()),
  fc.constant(client.execute('p')),
);

describe('framing', () => {
  test('cut anywhere, the same frames', () => {
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1 }),
        (messages, sizes) => {
          const stream = Buffer.concat(messages);
          const whole = new Recorder();
          const cut = new Recorder();
          const single = new Recorder();
          feed(whole, stream, [Math.max(1, stream.length)]);
          feed(cut, stream, sizes);
          feed(single, stream, [1]);
          expect(whole.seen.length).toBe(messages.length);
          expect(cut.seen).toEqual(whole.seen);
          expect(single.seen).toEqual(whole.seen);
          expect([cut.framing.inside, cut.faults.length]).toEqual([false, 0]);
        },
      ),
    );
  });

  test('a frame that is held is offered again from its first byte', () => {
    const stream = Buffer.concat([client.sync(), client.query('select 1'), client.sync()]);
    for (const cut of [6, 7, 12, stream.length]) {
      const into = new Recorder();
      into.holdAt = 5;
      const first = into.framing.push(stream, 0, cut, 0, 0);
      const reads = cut === stream.length ? first : into.framing.push(stream, cut, stream.length, cut, 0);
      expect(reads).toBe(5);
      into.holdAt = -1;
      expect(into.framing.push(stream, 5, stream.length, 5, 0)).toBe(stream.length);
      expect(into.seen.map((line) => line[0])).toEqual(['S', 'Q', 'S']);
    }
  });

  test('an early frame is handed over by its prefix, and its tail told', () => {
    const into = new Recorder();
    into.framing.early = new Uint8Array(256);
    into.framing.early[F.bind] = 1;
    const bind = client.bind('s', 'p', 'v'.repeat(40));
    feed(into, bind, [20]);
    expect(into.seen).toEqual([
      `B ${bind.length - 5} at 0: p\0s\0\0\0\0\x01`,
      ...[20, 40]
        .map((from) => `tail ${from}-${Math.min(from + 20, bind.length)}`)
        .slice(0, Math.ceil(bind.length / 20) - 1),
    ]);
  });

  const header = (type: number, length: number): Buffer => {
    const bytes = Buffer.alloc(5);
    bytes[0] = type;
    bytes.writeUInt32BE(length, 1);
    return bytes;
  };
  const lengths = [0, 1, 3, 2 ** 31 - 1, 2 ** 31, 2 ** 32 - 1];
  for (const type of [F.query, F.bind, F.copyData, F.execute])
    for (const length of lengths)
      test(`${String.fromCharCode(type)} with length ${length}: a fault, at once and with nothing allocated`, () => {
        for (const sizes of [[5], [1]]) {
          const into = new Recorder();
          feed(into, header(type, length), sizes);
          expect(into.faults).toEqual([length < 4 ? 'undersized' : 'oversized']);
          expect(into.seen).toEqual([]);
        }
      });

  test('fixed-size messages have no other size', () => {
    for (const [bytes, fault] of [
      [header(F.sync, 5), 'oversized'],
      [header(F.execute, 8), 'undersized'],
      [header(0x7a, 4), 'unknown_type'],
    ] as const) {
      const into = new Recorder();
      feed(into, bytes, [2]);
      expect(into.faults).toEqual([fault]);
    }
  });

  test('a declared gigabyte costs what was received', () => {
    const into = new Recorder();
    const before = process.memoryUsage().arrayBuffers;
    into.framing.push(Buffer.concat([header(F.query, 0x3ffffff0), Buffer.alloc(100, 0x61)]), 0, 105, 0, 0);
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(1_000_000);
    expect(into.framing.inside).toBe(true);
  });

  test('memory stays flat over a million frames', () => {
    const into: FrameSink = { onFrame: () => Onward.next, onTail: () => {}, onFault: () => {} };
    const framing = new Framing(into, FRONTEND_LENGTHS, KEEP);
    const chunk = Buffer.concat(Array.from({ length: 1000 }, () => frame(F.copyData, Buffer.alloc(3))));
    for (let i = 0, at = 0; i < 100; i++, at += chunk.length) framing.push(chunk, 0, chunk.length, at, 0);
    const before = process.memoryUsage().heapUsed;
    for (let i = 0, at = 0; i < 1000; i++, at += chunk.length) framing.push(chunk, 0, chunk.length, at, 0);
    expect(process.memoryUsage().heapUsed - before).toBeLessThan(8_000_000);
  });
});
