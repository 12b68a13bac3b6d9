import { Layout, type Step, StepKind, type WalkPlan } from './walk-plan.ts';

/** A longer host is none: names have 253 characters at most. */
const MAX_HOST_BYTES = 255;
/** A field that is cut waits here until it is whole; nothing longer is needed than a host with its port. */
const SCRATCH_BYTES = 1024;
/** Nested structs of the schemas are six deep at most. */
const MAX_DEPTH = 16;
/** Addresses in one reply: FindCoordinator names one for each group that was asked for. */
const MAX_PLACES = 100_000;

/** A host and port in a reply. */
export interface Place {
  /** Absolute offsets: from the host's length to behind the port. */
  readonly from: number;
  readonly to: number;
  /** -1: nobody's. */
  readonly nodeId: number;
  /** As it stands there, one character a byte; '' = there is none. */
  readonly host: string;
  readonly port: number;
  /** Of the host's length, and bytes of the port. */
  readonly layout: number;
  readonly portBytes: number;
}

/** The size of a tagged field in which addresses stand: [first, last) of the places. */
export interface Enclosure {
  readonly from: number;
  readonly to: number;
  readonly size: number;
  readonly first: number;
  readonly last: number;
}

/**
 * Reads one reply by its plan as it comes, cut anywhere, and finds the addresses in it. Everything else is counted past, but to
 * the last byte: a reply that does not end where its frame ends is malformed. Nothing is kept but places and a field that is cut.
 */
export class AddressWalk {
  places: Place[] = [];
  enclosures: Enclosure[] = [];
  malformed = false;
  /** Absolute offset behind the reply. */
  #end = 0;
  /** Of index 0 of what is being read. */
  #base = 0;
  #skip = 0;
  #nodeId = -1;
  #depth = -1;
  readonly #steps: (readonly Step[])[] = [];
  readonly #at: number[] = [];
  readonly #times: number[] = [];
  /** Open tagged fields with addresses: where they end, -1 = this depth is none. */
  readonly #tagEnd: number[] = [];
  readonly #tagFrom: number[] = [];
  readonly #tagTo: number[] = [];
  readonly #tagFirst: number[] = [];
  readonly #scratch = Buffer.allocUnsafe(SCRATCH_BYTES);
  #scratched = 0;
  /** Set by #varint(): the index behind it. */
  #next = 0;

  /** A reply whose fields begin at offset `from` and end at `end`. */
  begin(plan: WalkPlan, from: number, end: number): void {
    this.places = [];
    this.enclosures = [];
    this.malformed = false;
    this.#end = end;
    this.#skip = this.#scratched = 0;
    this.#nodeId = -1;
    this.#depth = -1;
    this.#enter(plan.steps, 1);
    if (from > end) this.malformed = true;
  }

  /** Bytes of the reply from offset `at` on, none of them behind its end. */
  push(buf: Buffer, start: number, end: number, at: number): void {
    let i = start;
    if (this.#scratched > 0) {
      const before = this.#scratched;
      const taken = Math.min(SCRATCH_BYTES - before, end - start);
      buf.copy(this.#scratch, before, start, start + taken);
      const filled = before + taken;
      this.#base = at - before;
      const read = this.#run(this.#scratch, 0, filled);
      if (read < before && !this.malformed) {
        // The field goes on behind this chunk.
        this.#scratch.copyWithin(0, read, filled);
        this.#scratched = filled - read;
        if (taken < end - start) this.malformed = true;
        return;
      }
      this.#scratched = 0;
      i = start + (read - before);
    }
    this.#base = at - start;
    i = this.#run(buf, i, end);
    if (this.malformed || i === end) return;
    if (end - i > SCRATCH_BYTES) this.malformed = true;
    else this.#scratched = buf.copy(this.#scratch, 0, i, end);
  }

  /** After the last byte: was the reply what its plan says? */
  get isWhole(): boolean {
    return !this.malformed && this.#depth < 0 && this.#skip === 0 && this.#scratched === 0;
  }

  /** Reads as far as whole fields go; returns the index read up to. */
  #run(buf: Buffer, start: number, end: number): number {
    let i = start;
    while (!this.malformed) {
      if (this.#skip > 0) {
        const passed = Math.min(this.#skip, end - i);
        this.#skip -= passed;
        i += passed;
        if (this.#skip > 0) return i;
      }
      const depth = this.#depth;
      if (depth < 0) {
        if (i < end) this.malformed = true; // bytes behind the last field
        return end;
      }
      const steps = this.#steps[depth]!;
      const at = this.#at[depth]!;
      if (at === steps.length) {
        this.#again(depth, i);
        continue;
      }
      const next = this.#step(steps[at]!, depth, buf, i, end);
      if (next < 0) return i;
      i = next;
    }
    return end;
  }

  /** The last step of an element: another one, or back to what holds it. */
  #again(depth: number, i: number): void {
    if (--this.#times[depth]! > 0) {
      this.#at[depth] = 0;
      return;
    }
    this.#depth = depth - 1;
    const tagEnd = this.#tagEnd[depth]!;
    if (tagEnd < 0) return;
    if (this.#base + i !== tagEnd) this.malformed = true;
    const first = this.#tagFirst[depth]!;
    const last = this.places.length;
    const [from, to] = [this.#tagFrom[depth]!, this.#tagTo[depth]!];
    if (last > first) this.enclosures.push({ from, to, size: tagEnd - to, first, last });
  }

  /** Returns the index behind what was read; -1: it is cut, or malformed. */
  #step(step: Step, depth: number, buf: Buffer, i: number, end: number): number {
    switch (step.kind) {
      case StepKind.skip:
        this.#at[depth]!++;
        return this.#pass(step.size, i);
      case StepKind.bytes: {
        const bytes = this.#length(step.layout, buf, i, end);
        if (bytes === CUT) return -1;
        this.#at[depth]!++;
        return this.#pass(bytes, this.#next);
      }
      case StepKind.fixedList: {
        const count = this.#length(step.layout, buf, i, end);
        if (count === CUT) return -1;
        this.#at[depth]!++;
        return this.#pass(count * step.size, this.#next);
      }
      case StepKind.list: {
        const count = this.#length(step.layout, buf, i, end);
        if (count === CUT) return -1;
        this.#at[depth]!++;
        if (count > this.#left(this.#next))
          this.malformed = true; // an element has a byte at least
        else if (count > 0) this.#enter(step.steps, count);
        return this.#next;
      }
      case StepKind.maybe:
        if (i === end) return -1;
        this.#at[depth]!++;
        if (buf[i]! < 0x80) this.#enter(step.steps, 1);
        return i + 1;
      case StepKind.struct:
        this.#at[depth]!++;
        this.#enter(step.steps, 1);
        return i;
      case StepKind.nodeId:
        if (end - i < 4) return -1;
        this.#at[depth]!++;
        this.#nodeId = buf.readInt32BE(i);
        return i + 4;
      case StepKind.address:
        return this.#address(step, depth, buf, i, end);
      case StepKind.tags: {
        const count = this.#varint(buf, i, end);
        if (count === CUT) return -1;
        this.#at[depth]!++;
        if (count * 2 > this.#left(this.#next)) this.malformed = true;
        else if (count > 0) this.#enter(step.steps, count);
        return this.#next;
      }
      default:
        return this.#tag(step, depth, buf, i, end);
    }
  }

  #address(step: Step, depth: number, buf: Buffer, i: number, end: number): number {
    const bytes = this.#length(step.layout, buf, i, end);
    if (bytes === CUT) return -1;
    const hostAt = this.#next;
    const portAt = hostAt + bytes;
    if (bytes > MAX_HOST_BYTES || this.places.length === MAX_PLACES) {
      this.malformed = true;
      return -1;
    }
    const to = portAt + step.size;
    if (to > end) return -1;
    this.#at[depth]!++;
    this.places.push({
      from: this.#base + i,
      to: this.#base + to,
      nodeId: this.#nodeId,
      host: buf.toString('latin1', hostAt, portAt),
      port: step.size === 2 ? buf.readUInt16BE(portAt) : buf.readInt32BE(portAt),
      layout: step.layout,
      portBytes: step.size,
    });
    return to;
  }

  #tag(step: Step, depth: number, buf: Buffer, i: number, end: number): number {
    const tag = this.#varint(buf, i, end);
    if (tag === CUT) return -1;
    const sizeAt = this.#next;
    const size = this.#varint(buf, sizeAt, end);
    if (size === CUT) return -1;
    this.#at[depth]!++;
    const bodyAt = this.#next;
    const steps = step.tags?.get(tag);
    if (steps === undefined) return this.#pass(size, bodyAt);
    if (size > this.#left(bodyAt)) this.malformed = true;
    else {
      this.#enter(steps, 1);
      this.#tagFrom[this.#depth] = this.#base + sizeAt;
      this.#tagTo[this.#depth] = this.#base + bodyAt;
      this.#tagEnd[this.#depth] = this.#base + bodyAt + size;
      this.#tagFirst[this.#depth] = this.places.length;
    }
    return bodyAt;
  }

  /** Passes over bytes that need not be here yet, but have to be in the frame. */
  #pass(bytes: number, i: number): number {
    if (bytes > this.#left(i)) this.malformed = true;
    this.#skip = bytes;
    return i;
  }

  /** Bytes of the reply from index `i` on. */
  #left(i: number): number {
    return this.#end - this.#base - i;
  }

  #enter(steps: readonly Step[], times: number): void {
    if (this.#depth + 1 === MAX_DEPTH) {
      this.malformed = true;
      return;
    }
    const depth = ++this.#depth;
    this.#steps[depth] = steps;
    this.#at[depth] = 0;
    this.#times[depth] = times;
    this.#tagEnd[depth] = -1;
  }

  /** A length or count, 0 for null; CUT: it is not whole yet, or wrong. Sets #next. */
  #length(layout: number, buf: Buffer, i: number, end: number): number {
    if (layout === Layout.compact) {
      const length = this.#varint(buf, i, end);
      return length > 0 ? length - 1 : length;
    }
    if (end - i < layout) return CUT;
    this.#next = i + layout;
    const length = layout === Layout.int16 ? buf.readInt16BE(i) : buf.readInt32BE(i);
    if (length < -1) {
      this.malformed = true;
      return CUT;
    }
    return Math.max(length, 0);
  }

  /** An unsigned varint of 32 bits, five bytes at most; CUT as above. */
  #varint(buf: Buffer, i: number, end: number): number {
    let value = 0;
    for (let at = i, scale = 1; at < end; at++, scale *= 128) {
      const byte = buf[at]!;
      if (at - i === 4 && byte > 0x0f) {
        this.malformed = true;
        return CUT;
      }
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) {
        this.#next = at + 1;
        return value;
      }
    }
    return CUT;
  }
}

const CUT = -1;
