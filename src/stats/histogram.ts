/**
 * Base-2 exponential histogram of durations in seconds, scale 4: bucket i holds (2^(i/16), 2^((i+1)/16)], a width of
 * 4.4 %. The layout is OpenTelemetry's and Prometheus' (native schema 4), so no consumer re-bins. Indices are clamped to
 * 1 µs … 1 h. Counts live in a window that grows to what was seen: most series use a few dozen of the 510 buckets.
 */
export const HISTOGRAM_SCALE = 4;
const PER_OCTAVE = 2 ** HISTOGRAM_SCALE;
export const MIN_INDEX = Math.ceil(Math.log2(1e-6) * PER_OCTAVE) - 1;
export const MAX_INDEX = Math.ceil(Math.log2(3600) * PER_OCTAVE) - 1;
export const BUCKETS = MAX_INDEX - MIN_INDEX + 1;

/** Bucket of a duration in seconds; zero, negative and not-a-number fall into the lowest. */
export function bucketIndex(seconds: number): number {
  if (!(seconds > 1e-6)) return MIN_INDEX;
  const index = Math.ceil(Math.log2(seconds) * PER_OCTAVE) - 1;
  return Math.min(index, MAX_INDEX);
}

/** Upper bound of a bucket in seconds. */
export const bucketBound = (index: number): number => 2 ** ((index + 1) / PER_OCTAVE);

export class Histogram {
  count = 0;
  sum = 0;
  max = 0;
  /** Index of counts[0]; meaningless while counts is empty. */
  first = 0;
  /** 32 bits until one bucket needs more (five days of 10,000 a second): then the whole window becomes doubles. */
  counts: Uint32Array | Float64Array = EMPTY;

  /** A value that is negative or not finite counts as zero: one bad subtraction must not poison the sum for ever. */
  record(seconds: number): void {
    const value = seconds >= 0 && seconds < Infinity ? seconds : 0;
    const index = bucketIndex(value);
    this.count++;
    this.sum += value;
    if (value > this.max) this.max = value;
    let at = index - this.first;
    if (at < 0 || at >= this.counts.length) {
      this.#widen(index, index);
      at = index - this.first;
    }
    const n = this.counts[at]! + 1;
    this.counts[at] = n;
    if (n > MAX_UINT32 && this.counts instanceof Uint32Array) this.#promote()[at] = n;
  }

  /** Adds another histogram's counts; it stays as it is. */
  add(other: HistogramData): void {
    this.count += other.count;
    this.sum += other.sum;
    if (other.max > this.max) this.max = other.max;
    if (other.counts.length === 0) return;
    let counts = this.#widen(other.first, other.first + other.counts.length - 1);
    for (let i = 0; i < other.counts.length; i++) {
      const at = other.first + i - this.first;
      const n = counts[at]! + other.counts[i]!;
      if (n > MAX_UINT32 && counts instanceof Uint32Array) counts = this.#promote();
      counts[at] = n;
    }
  }

  /**
   * The value below which the given share (0 … 1) of the recorded ones lie, in seconds: the geometric middle of its
   * bucket, so off by half a bucket (2.2 %) at most between 1 µs and 1 h, and never above `max`.
   */
  quantile(share: number): number {
    if (this.count === 0) return 0;
    let left = Math.max(1, Math.ceil(share * this.count));
    for (let i = 0; i < this.counts.length; i++) {
      left -= this.counts[i]!;
      if (left <= 0) return Math.min(2 ** ((this.first + i + 0.5) / PER_OCTAVE), this.max);
    }
    return this.max;
  }

  /**
   * How many recorded values were at most `seconds`: exact where `seconds` is a bucket bound. Elsewhere one bucket is
   * shared out by where `seconds` stands in it, so the answer is exact for some value within 4.4 % of `seconds`.
   */
  countAtMost(seconds: number): number {
    if (seconds <= 0) return 0;
    const exact = Math.log2(seconds) * PER_OCTAVE;
    let total = 0;
    for (let i = 0; i < this.counts.length; i++) {
      const lower = this.first + i;
      if (lower + 1 <= exact) total += this.counts[i]!;
      else if (lower < exact) total += Math.round(this.counts[i]! * (exact - lower));
      else break;
    }
    return total;
  }

  clear(): void {
    this.count = this.sum = this.max = 0;
    this.counts.fill(0);
  }

  #promote(): Float64Array {
    const wide = Float64Array.from(this.counts);
    this.counts = wide;
    return wide;
  }

  #widen(from: number, to: number): Uint32Array | Float64Array {
    if (this.counts.length === 0) {
      this.first = Math.max(MIN_INDEX, from - 4);
      this.counts = new Uint32Array(Math.min(MAX_INDEX, to + 4) - this.first + 1);
      return this.counts;
    }
    const last = this.first + this.counts.length - 1;
    if (from >= this.first && to <= last) return this.counts;
    const slack = 8; // grows a few buckets past need, so that a drifting latency does not reallocate each time
    const first = from < this.first ? Math.max(MIN_INDEX, from - slack) : this.first;
    const end = to > last ? Math.min(MAX_INDEX, to + slack) : last;
    const counts =
      this.counts instanceof Uint32Array ? new Uint32Array(end - first + 1) : new Float64Array(end - first + 1);
    counts.set(this.counts, this.first - first);
    this.first = first;
    this.counts = counts;
    return counts;
  }
}

/** A histogram as it travels between processes. */
export interface HistogramData {
  readonly count: number;
  readonly sum: number;
  readonly max: number;
  readonly first: number;
  readonly counts: ArrayLike<number>;
}

const EMPTY = new Uint32Array(0);
const MAX_UINT32 = 0xffff_ffff;
