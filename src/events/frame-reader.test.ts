import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FrameReader, frameHeader, MAX_PAYLOAD_BYTES } from './frame-reader.ts';

const frames: [kind: number, payload: Buffer][] = [
  [1, Buffer.from('hello')],
  [8, Buffer.alloc(0)],
  [5, Buffer.alloc(3000, 7)],
  [8, Buffer.alloc(0)],
];
const bytes = Buffer.concat(frames.flatMap(([kind, payload]) => [frameHeader(kind, payload.length), payload]));

function read(cuts: readonly number[]): [number, Buffer][] {
  const got: [number, Buffer][] = [];
  const reader = new FrameReader((kind, payload) => got.push([kind, payload]));
  let at = 0;
  for (const cut of [...new Set([...cuts, bytes.length])].sort((a, b) => a - b)) {
    expect(reader.push(bytes.subarray(at, cut))).toBe(true);
    at = cut;
  }
  return got;
}

test('whole', () => expect(read([])).toEqual(frames));
test('byte by byte', () => expect(read([...bytes.keys()])).toEqual(frames));
test('cut anywhere', () => {
  fc.assert(
    fc.property(fc.array(fc.nat(bytes.length), { maxLength: 10 }), (cuts) => {
      expect(read(cuts)).toEqual(frames);
    }),
    { numRuns: 200, seed: 1 },
  );
});

test('payloads are aligned to 8, as batches need', () => {
  for (const [, payload] of read([9, 11])) expect(payload.byteOffset % 8).toBe(0);
});

const bad: [name: string, header: Buffer][] = [
  ['a length above the ceiling', frameHeader(5, MAX_PAYLOAD_BYTES + 1)],
  ['no kind', frameHeader(0, 10)],
  ['another protocol', Buffer.from('GET / HTTP/1.1\r\n')],
];
for (const [name, header] of bad) {
  test(`${name} ends the reading`, () => {
    const reader = new FrameReader(() => expect.unreachable());
    expect(reader.push(header)).toBe(false);
  });
}

test('a declared length takes no memory before its bytes come', () => {
  const readers = Array.from({ length: 1000 }, () => new FrameReader(() => {}));
  const before = process.memoryUsage().arrayBuffers;
  for (const reader of readers) reader.push(frameHeader(5, MAX_PAYLOAD_BYTES));
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20);
});
