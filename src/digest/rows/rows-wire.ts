import { BUCKETS, Histogram, MIN_INDEX } from '../../stats/histogram.ts';
import type { PacketReader, PacketWriter } from '../../stats/packet.ts';
import { FIELDS, Field, RowNumbers } from './rows-numbers.ts';

/** Numbers on their way from a worker to facts, inside a packet. What does not read sets `bad` on the reader. */

/** sum, max, first bucket above the lowest, number of buckets, buckets: the span that is not zero. Their sum is the count. */
export function writeHistogram(out: PacketWriter, h: Histogram): void {
  const counts = h.counts;
  let from = 0;
  let to = counts.length;
  while (from < to && counts[from] === 0) from++;
  while (to > from && counts[to - 1] === 0) to--;
  out.f64(h.sum);
  out.f64(h.max);
  out.varint(from === to ? 0 : h.first + from - MIN_INDEX);
  out.varint(to - from);
  for (let i = from; i < to; i++) out.varint(counts[i]!);
}

export function readHistogram(from: PacketReader, into: Histogram): void {
  const sum = quantity(from);
  const max = quantity(from);
  const first = from.varint();
  const length = from.count(1);
  if (first + length > BUCKETS) from.bad = true;
  if (from.bad) return;
  let counts: Uint32Array | Float64Array = new Uint32Array(length);
  for (let i = 0; i < length; i++) {
    const n = from.varint();
    if (n > 0xffff_ffff && counts instanceof Uint32Array) counts = new Float64Array(counts);
    counts[i] = n;
    into.count += n;
  }
  into.sum = sum;
  into.max = max;
  into.first = first + MIN_INDEX;
  into.counts = counts;
}

/** A byte that says whether there is one, and it. */
export function writeOptional(out: PacketWriter, h: Histogram | null): void {
  out.u8(h === null ? 0 : 1);
  if (h !== null) writeHistogram(out, h);
}

export function readOptional(from: PacketReader): Histogram | null {
  const there = from.u8();
  if (there > 1) from.bad = true;
  if (there !== 1) return null;
  const h = new Histogram();
  readHistogram(from, h);
  return h;
}

export function writeNumbers(out: PacketWriter, n: RowNumbers): void {
  for (let i = 0; i < FIELDS; i++) {
    if (i === Field.continuedSeconds) out.f64(n.values[i]!);
    else out.varint(n.values[i]!);
  }
  writeHistogram(out, n.time);
  writeHistogram(out, n.firstByte);
  writeOptional(out, n.wait);
  out.varint(n.codes === null ? 0 : n.codes.size);
  if (n.codes === null) return;
  for (const [code, count] of n.codes) {
    out.text(code);
    out.varint(count);
  }
}

export function readNumbers(from: PacketReader): RowNumbers {
  const n = new RowNumbers();
  for (let i = 0; i < FIELDS; i++) n.values[i] = i === Field.continuedSeconds ? quantity(from) : from.varint();
  readHistogram(from, n.time);
  readHistogram(from, n.firstByte);
  n.wait = readOptional(from);
  for (let left = from.count(2); left > 0 && !from.bad; left--) {
    const code = from.text();
    n.addCode(code, from.varint());
  }
  return n;
}

/** A float that is finite and not negative, as all of ours are. */
function quantity(from: PacketReader): number {
  const value = from.f64();
  if (value >= 0 && value < Infinity) return value;
  from.bad = true;
  return 0;
}
