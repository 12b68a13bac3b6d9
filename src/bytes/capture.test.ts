import { expect, test } from 'vitest';
import { Capture } from './capture.ts';

test('keeps pieces of any size in order', () => {
  const source = Buffer.from(Array.from({ length: 5000 }, (_, i) => i & 0xff));
  const capture = new Capture();
  let at = 0;
  for (const size of [1, 31, 33, 600, 5, 2000, 2330]) {
    capture.append(source, at, at + size);
    at += size;
  }
  expect(at).toBe(source.length);
  expect(capture.buffer.subarray(0, capture.bytes).equals(source)).toBe(true);
});

test('grows with what was received, not more than twice of it', () => {
  const capture = new Capture();
  capture.append(Buffer.alloc(10_000), 0, 10_000);
  expect(capture.buffer.length).toBeLessThanOrEqual(20_000);
});

test('a released buffer is used again, wiped', () => {
  const first = new Capture();
  first.append(Buffer.alloc(700, 9), 0, 700);
  const leased = first.buffer;
  first.release();
  expect([first.bytes, first.buffer.length]).toEqual([0, 0]);
  const second = new Capture();
  second.append(Buffer.alloc(700, 8), 0, 600);
  expect(second.buffer).toBe(leased);
  expect(second.buffer[650]).toBe(0);
});
