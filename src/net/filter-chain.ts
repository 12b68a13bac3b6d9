import {
  type ConnectionEvent,
  type ConnectionHandle,
  type FilterBuilder,
  type FilterCallbacks,
  FilterStatus,
  type NetworkFilter,
} from './filter.ts';

/** What the chain needs of its connection: where written bytes go at the end of the write filters, and back-pressure. */
export interface ChainOwner extends ConnectionHandle {
  /** To the client's socket; `endStream` sends FIN after the bytes. */
  writeOut(buf: Buffer, start: number, end: number, given: boolean, endStream: boolean): void;
}

const NONE = Buffer.alloc(0);

/** What one position of the chain keeps: bytes that its filter stopped, and whether it has seen the connection. */
interface Slot {
  readonly filter: NetworkFilter;
  initialised: boolean;
  /** onNewConnection stopped: what arrives waits for continueReading(), unless the filter has an onData to ask. */
  halted: boolean;
  stopped: Buffer;
  stoppedEnd: boolean;
  paused: boolean;
}

/**
 * One connection's filters. Reads run in order, writes in reverse (Envoy's filter manager). Where a filter stops, the
 * bytes stay at its position, and earlier filters do not see them twice (docs/envoy-differences.md).
 */
export class FilterChain {
  readonly filters: NetworkFilter[] = [];
  readonly #slots: Slot[] = [];
  readonly #owner: ChainOwner;

  constructor(owner: ChainOwner, builders: readonly FilterBuilder[]) {
    this.#owner = owner;
    builders.forEach((build, index) => {
      const filter = build(this.#callbacks(index));
      this.filters.push(filter);
      this.#slots.push({ filter, initialised: false, halted: false, stopped: NONE, stoppedEnd: false, paused: false });
    });
  }

  /** Runs onNewConnection in order until a filter stops. */
  start(from = 0): void {
    for (let i = from; i < this.#slots.length && !this.#owner.closed; i++) {
      if (this.#initialise(this.#slots[i]!) === FilterStatus.StopIteration) return;
    }
  }

  /** Bytes that the client sent. */
  read(buf: Buffer, start: number, end: number, given: boolean, endStream: boolean): void {
    this.#readFrom(0, buf, start, end, given, endStream);
  }

  /** Bytes that the server sent. */
  write(buf: Buffer, start: number, end: number, given: boolean, endStream: boolean): void {
    this.#writeFrom(this.#slots.length - 1, buf, start, end, given, endStream);
  }

  /** Tells every filter, also when one of them throws; the first error is thrown at the end. */
  event(event: ConnectionEvent): void {
    const errors: unknown[] = [];
    for (const filter of this.filters) {
      try {
        filter.onEvent?.(event);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw errors[0];
  }

  #initialise(slot: Slot): FilterStatus {
    if (slot.initialised) return FilterStatus.Continue;
    slot.initialised = true;
    slot.halted = true; // until it has answered: it may call continueReading() from within
    const status = slot.filter.onNewConnection?.() ?? FilterStatus.Continue;
    if (status !== FilterStatus.StopIteration) slot.halted = false;
    return status;
  }

  #readFrom(from: number, buf: Buffer, start: number, end: number, given: boolean, endStream: boolean): void {
    for (let i = from; i < this.#slots.length && !this.#owner.closed; i++) {
      const slot = this.#slots[i]!;
      const { filter } = slot;
      if (!slot.initialised && this.#initialise(slot) === FilterStatus.StopIteration) {
        this.#keep(slot, buf, start, end, endStream);
        return;
      }
      if (this.#owner.closed) return;
      if (filter.onData === undefined) {
        if (!slot.halted) continue;
        this.#keep(slot, buf, start, end, endStream);
        return;
      }
      const kept = slot.stopped.length;
      if (kept > 0 || slot.stoppedEnd) {
        buf = Buffer.concat([slot.stopped, buf.subarray(start, end)]);
        start = 0;
        end = buf.length;
        given = true;
        endStream ||= slot.stoppedEnd;
        slot.stopped = NONE;
        slot.stoppedEnd = false;
      }
      const status = filter.onData(buf, start, end, given, endStream);
      if (status === FilterStatus.StopIteration) this.#keep(slot, buf, start, end, endStream);
      else if (kept > 0) this.#balance(slot);
      if (status !== FilterStatus.Continue) return;
    }
  }

  #writeFrom(from: number, buf: Buffer, start: number, end: number, given: boolean, endStream: boolean): void {
    for (let i = from; i >= 0; i--) {
      const { filter } = this.#slots[i]!;
      if (filter.onWrite !== undefined && filter.onWrite(buf, start, end, given, endStream) !== FilterStatus.Continue)
        return;
    }
    this.#owner.writeOut(buf, start, end, given, endStream);
  }

  #keep(slot: Slot, buf: Buffer, start: number, end: number, endStream: boolean): void {
    slot.stopped = Buffer.concat([slot.stopped, buf.subarray(start, end)]);
    slot.stoppedEnd ||= endStream;
    this.#balance(slot);
  }

  /** A position that keeps more than the buffer limit stops the client. */
  #balance(slot: Slot): void {
    if (this.#owner.closed) return;
    const over = slot.stopped.length > this.#owner.bufferLimitBytes;
    if (over === slot.paused) return;
    slot.paused = over;
    this.#owner.readDisable(over);
  }

  #continue(index: number): void {
    if (this.#owner.closed) return;
    const slot = this.#slots[index]!;
    const { stopped, stoppedEnd } = slot;
    slot.stopped = NONE;
    slot.stoppedEnd = false;
    slot.initialised = true;
    slot.halted = false;
    this.start(index + 1);
    if (stopped.length > 0 || stoppedEnd) this.#readFrom(index + 1, stopped, 0, stopped.length, true, stoppedEnd);
    this.#balance(slot);
  }

  #callbacks(index: number): FilterCallbacks {
    return {
      connection: this.#owner,
      continueReading: () => this.#continue(index),
      injectRead: (buf, start, end, given, endStream) => this.#readFrom(index + 1, buf, start, end, given, endStream),
      injectWrite: (buf, start, end, given, endStream) => this.#writeFrom(index - 1, buf, start, end, given, endStream),
    };
  }
}
