import { type Batch, batchAt } from './records.ts';

/** What a log remembers of an idempotent producer: its last batches, to know a repeated one. */
interface ProducerState {
  epoch: number;
  lastSequence: number;
  readonly recent: { readonly sequence: number; readonly records: number; readonly offset: number }[];
}

interface AbortedTransaction {
  readonly producerId: number;
  readonly firstOffset: number;
  /** Of the marker that ended it. */
  readonly lastOffset: number;
}

const RECENT_BATCHES = 5;
const SEQUENCES = 2 ** 31;

export interface Appended {
  /** '' = taken. */
  readonly error: string;
  /** Of its first record; -1 = none. */
  readonly offset: number;
}

/** One partition. */
export class PartitionLog {
  readonly topic: string;
  readonly index: number;
  leader: number;
  leaderEpoch = 0;
  start = 0;
  /** The offset that the next record gets: all that is written is replicated. */
  high = 0;
  bytes = 0;
  readonly batches: Batch[] = [];
  readonly aborted: AbortedTransaction[] = [];
  /** Called, once, when something is written or the partition is gone. */
  readonly waiting = new Set<() => void>();
  readonly #retentionBytes: number;
  readonly #producers = new Map<number, ProducerState>();
  /** First offset of each transaction that is open. */
  readonly #open = new Map<number, number>();

  constructor(topic: string, index: number, leader: number, retentionBytes: number) {
    this.topic = topic;
    this.index = index;
    this.leader = leader;
    this.#retentionBytes = retentionBytes;
  }

  /** The last stable offset: before it no transaction is open. */
  get stable(): number {
    return Math.min(this.high, ...this.#open.values());
  }

  /** Takes a batch that was found in order; its bytes are copied, unless they are most of the memory they stand in. */
  append(sent: Batch): Appended {
    if (sent.producerId >= 0) {
      const known = this.#sequence(sent);
      if (known !== null) return known;
    }
    const alone = sent.bytes.buffer.byteLength < 2 * sent.bytes.length;
    const offset = this.#write(alone ? sent.bytes : Buffer.from(sent.bytes));
    if (sent.producerId >= 0) this.#remember(sent, offset);
    if (sent.transactional && !this.#open.has(sent.producerId)) this.#open.set(sent.producerId, offset);
    this.wake();
    return { error: '', offset };
  }

  /** The batch that ends a transaction here. */
  mark(marker: Buffer, producerId: number, commit: boolean): void {
    const firstOffset = this.#open.get(producerId);
    const lastOffset = this.#write(marker);
    this.#open.delete(producerId);
    if (!commit && firstOffset !== undefined) this.aborted.push({ producerId, firstOffset, lastOffset });
    this.wake();
  }

  wake(): void {
    const waiting = [...this.waiting];
    this.waiting.clear();
    for (const wake of waiting) wake();
  }

  #write(bytes: Buffer): number {
    const offset = this.high;
    bytes.writeBigInt64BE(BigInt(offset), 0);
    bytes.writeInt32BE(this.leaderEpoch, 12);
    const batch = batchAt(bytes);
    if (typeof batch === 'string') throw new Error(batch);
    this.batches.push(batch);
    this.high += batch.lastOffsetDelta + 1;
    this.bytes += bytes.length;
    if (this.bytes > this.#retentionBytes) this.#retire();
    return offset;
  }

  /** A quarter at once: moving the rest up for every batch would cost more than all else. */
  #retire(): void {
    let left = this.bytes;
    let whole = 0;
    while (left > this.#retentionBytes * 0.75 && whole < this.batches.length - 1)
      left -= this.batches[whole++]!.bytes.length;
    this.dropUpTo(this.batches[whole]!.baseOffset);
  }

  dropUpTo(offset: number): void {
    let whole = 0;
    while (whole < this.batches.length) {
      const { baseOffset, lastOffsetDelta, bytes } = this.batches[whole]!;
      if (baseOffset + lastOffsetDelta >= offset) break;
      this.bytes -= bytes.length;
      whole++;
    }
    this.batches.splice(0, whole);
    this.start = offset;
  }

  /** null: in sequence. */
  #sequence({ producerId, producerEpoch, baseSequence }: Batch): Appended | null {
    const state = this.#producers.get(producerId);
    if (state === undefined) return null;
    if (producerEpoch < state.epoch) return { error: 'INVALID_PRODUCER_EPOCH', offset: -1 };
    if (producerEpoch > state.epoch)
      return baseSequence === 0 ? null : { error: 'OUT_OF_ORDER_SEQUENCE_NUMBER', offset: -1 };
    const again = state.recent.find(({ sequence }) => sequence === baseSequence);
    if (again !== undefined) return { error: '', offset: again.offset };
    return baseSequence === (state.lastSequence + 1) % SEQUENCES
      ? null
      : { error: 'OUT_OF_ORDER_SEQUENCE_NUMBER', offset: -1 };
  }

  #remember({ producerId, producerEpoch, baseSequence, records }: Batch, offset: number): void {
    let state = this.#producers.get(producerId);
    if (state === undefined || state.epoch !== producerEpoch) {
      state = { epoch: producerEpoch, lastSequence: -1, recent: [] };
      this.#producers.set(producerId, state);
    }
    state.lastSequence = (baseSequence + records - 1) % SEQUENCES;
    state.recent.push({ sequence: baseSequence, records, offset });
    if (state.recent.length > RECENT_BATCHES) state.recent.shift();
  }

  /** Index in batches of the one that holds the offset; batches.length: there is none yet. */
  indexOf(offset: number): number {
    let low = 0;
    let high = this.batches.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      const { baseOffset, lastOffsetDelta } = this.batches[middle]!;
      if (baseOffset + lastOffsetDelta < offset) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Batches from the offset on, below `limit`; the first is given even where it is larger than `maxBytes` if `atLeastOne`. */
  read(offset: number, limit: number, maxBytes: number, atLeastOne: boolean): Batch[] {
    const found: Batch[] = [];
    let bytes = 0;
    for (let i = this.indexOf(offset); i < this.batches.length; i++) {
      const batch = this.batches[i]!;
      if (batch.baseOffset >= limit) break;
      bytes += batch.bytes.length;
      if (bytes > maxBytes && !(atLeastOne && found.length === 0)) break;
      found.push(batch);
    }
    return found;
  }
}
