import type { Fault } from '../../../src/exchange/fault.ts';
import { MIN_DOCUMENT } from '../bson/bson-type.ts';
import { i32At } from '../bson/bson-values.ts';
import { MAX_SEQUENCES } from '../wire/wire.ts';

/** The sections of one OP_MSG that lies whole in a buffer: exactly one body, and what sequences there are (threats MG-01). */
export class MsgSections {
  bodyStart = 0;
  bodyEnd = 0;
  count = 0;
  readonly nameStart = new Int32Array(MAX_SEQUENCES);
  readonly nameEnd = new Int32Array(MAX_SEQUENCES);
  /** Of its documents, which fill it exactly. */
  readonly start = new Int32Array(MAX_SEQUENCES);
  readonly end = new Int32Array(MAX_SEQUENCES);

  clear(): void {
    this.bodyStart = this.bodyEnd = this.count = 0;
  }

  read(buf: Buffer, from: number, end: number): Fault | null {
    this.clear();
    let at = from;
    while (at < end) {
      const kind = buf[at++]!;
      const size = end - at >= 4 ? i32At(buf, at) : 0;
      if (kind !== 0 && kind !== 1 && kind !== 3) return 'unknown_type';
      if (size < MIN_DOCUMENT) return 'undersized';
      if (size > end - at) return 'truncated';
      if (kind === 0) {
        if (this.bodyEnd > 0) return 'ambiguous';
        this.bodyStart = at;
        this.bodyEnd = at + size;
      } else if (kind === 1) {
        const fault = this.#sequence(buf, at, at + size);
        if (fault !== null) return fault;
      } else if (buf[at + size - 1] !== 0) return 'ambiguous';
      at += size;
    }
    return this.bodyEnd > 0 ? null : 'ambiguous';
  }

  #sequence(buf: Buffer, start: number, end: number): Fault | null {
    if (this.count === MAX_SEQUENCES) return 'oversized';
    const n = this.count++;
    const name = start + 4;
    let nul = name;
    while (nul < end && buf[nul] !== 0) nul++;
    if (nul >= end) return 'truncated';
    this.nameStart[n] = name;
    this.nameEnd[n] = nul;
    this.start[n] = nul + 1;
    this.end[n] = end;
    for (let at = nul + 1; at < end; ) {
      const size = end - at >= 4 ? i32At(buf, at) : 0;
      if (size < MIN_DOCUMENT) return 'undersized';
      if (size > end - at) return 'truncated';
      at += size;
    }
    for (let other = 0; other < n; other++) {
      const [from, to] = [this.nameStart[other]!, this.nameEnd[other]!];
      if (to - from === nul - name && buf.compare(buf, from, to, name, nul) === 0) return 'ambiguous';
    }
    return null;
  }
}
