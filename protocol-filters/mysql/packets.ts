import { Capture } from '../../src/bytes/capture.ts';
import type { Fault } from '../../src/exchange/fault.ts';
import { HEADER_BYTES, MAX_PAYLOAD_BYTES } from './wire.ts';

/** The server's own ceiling of max_allowed_packet, and a little for what stands around it. Nothing of it is kept. */
export const MAX_JOINED_BYTES = 0x4000_0000 + MAX_PAYLOAD_BYTES;

export interface PacketSink {
  /** How many bytes of a payload to keep while it is cut over reads, by its first byte. At least 1. */
  wanted(first: number): number;
  /**
   * One payload, joined from its packets. It, or as much of it as was wanted, is buf[start..end): lent for the call.
   * False: nothing more is read on this side.
   */
  onPacket(buf: Buffer, start: number, end: number, payloadBytes: number): boolean;
  /** Packets counted past in a run, and their bytes on the wire. */
  onRun(packets: number, wireBytes: number): void;
  onFault(fault: Fault): void;
}

/**
 * Streaming framer of one direction: joins payloads of 16 MiB and more, checks sequence ids, counts past what nobody asked
 * for, captures the rest while it is cut. Works on lent buffers with any segmentation; state is a few numbers.
 */
export class Packets {
  readonly #sink: PacketSink;
  readonly #header = new Uint8Array(HEADER_BYTES);
  readonly #capture = new Capture();
  #headerBytes = 0;
  /** Payload bytes of the present packet still to come. */
  #left = 0;
  /** The present packet has the full length: its payload goes on in the next. */
  #goesOn = false;
  /** Between two packets of one payload. */
  #joining = false;
  #payloadBytes = 0;
  #wireBytes = 0;
  /** Bytes wanted of the present payload; -1 before its first byte. */
  #want = -1;

  /** Sequence id that the next packet must have; -1: any. Counts up by itself. */
  expected = -1;
  /** Sequence ids are not checked at all (they have gaps under compression). */
  unchecked = false;
  /** Did the packets of the present payload have the sequence ids they must have? Valid in onPacket. */
  inOrder = true;
  /** Sequence id of the packet read last. */
  sequence = 0;
  /**
   * So many packets are only counted past while they lie whole in the chunk, are neither empty nor of full length, are in
   * order and begin below 0xfe. The first that does not ends the run for the moment: it goes to onPacket.
   */
  run = 0;
  /** Payloads above this are a fault, as soon as their header is there. */
  ceiling = MAX_JOINED_BYTES;
  /** When the first byte of the present payload arrived. */
  startedAt = 0;
  /** Offset in its direction of position 0 of the buffer that push() is given: set before it, where anybody asks for offsets. */
  base = 0;
  /** Offset of the first header of the present payload, and of the byte behind its last one. Valid in onPacket. */
  beganAt = 0;
  endsAt = 0;
  /** What `expected` was before the present payload. */
  #expectedBefore = -1;
  /** Bytes on the wire of the present payload, headers included. Valid in onPacket. */
  wireBytes = 0;

  constructor(sink: PacketSink) {
    this.#sink = sink;
  }

  /** A payload has begun and not ended. */
  get inside(): boolean {
    return this.#headerBytes > 0 || this.#joining;
  }

  /** Bytes on the wire that have arrived of the payload that has begun. */
  get arrivedBytes(): number {
    return this.#headerBytes < HEADER_BYTES ? this.#wireBytes + this.#headerBytes : this.#wireBytes - this.#left;
  }

  /** What is kept of the payload that has begun. Valid until the next push(). */
  get kept(): Capture {
    return this.#capture;
  }

  /** Reads buf[start..end). `now`: ms of the host's clock. Returns the end, or where the sink stopped: behind its payload. */
  push(buf: Buffer, start: number, end: number, now: number): number {
    let p = start;
    while (p < end) {
      if (this.#headerBytes === 0) {
        if (this.run > 0 && !this.#joining) {
          p = this.#runPast(buf, p, end);
          if (p === end) return end;
        }
        if (!this.#joining) {
          this.startedAt = now;
          this.beganAt = this.base + p;
          this.#expectedBefore = this.expected;
        }
        if (end - p >= HEADER_BYTES) {
          const length = buf[p]! | (buf[p + 1]! << 8) | (buf[p + 2]! << 16);
          const body = p + HEADER_BYTES;
          if (end - body >= length && length < MAX_PAYLOAD_BYTES && length <= this.ceiling && !this.#joining) {
            // The common case: the whole payload is in this chunk.
            this.inOrder = true;
            this.#count(buf[p + 3]!);
            this.wireBytes = length + HEADER_BYTES;
            p = body + length;
            this.endsAt = this.base + p;
            if (!this.#sink.onPacket(buf, body, p, length)) return p;
            continue;
          }
        }
      }
      while (this.#headerBytes < HEADER_BYTES && p < end) this.#header[this.#headerBytes++] = buf[p++]!;
      if (this.#headerBytes < HEADER_BYTES) return end;
      if (this.#left === 0 && !this.#begin()) return end;
      const goesOn = this.#body(buf, p, end);
      p = this.#at;
      if (!goesOn) return p;
    }
    return end;
  }

  /** The payload that onPacket was just told of is to be read again, from `beganAt` on. */
  rewind(): void {
    this.reset();
    this.expected = this.#expectedBefore;
  }

  /** Offset behind the last payload that is complete, `at` being how far was read. */
  boundary(at: number): number {
    return this.inside ? this.beganAt : at;
  }

  /** Forgets a payload in progress, and its bytes. */
  reset(): void {
    this.#headerBytes = this.#left = this.run = 0;
    this.#joining = this.#goesOn = false;
    this.#capture.release();
  }

  /** Counts past whole packets. Returns where the first stands that is not to be counted past. */
  #runPast(buf: Buffer, start: number, end: number): number {
    let p = start;
    let expected = this.expected;
    let packets = 0;
    const most = this.run;
    // The first payload byte must be there to be looked at.
    const last = end - HEADER_BYTES - 1;
    while (p <= last && packets < most) {
      const length = buf[p]! | (buf[p + 1]! << 8) | (buf[p + 2]! << 16);
      const next = p + HEADER_BYTES + length;
      if (next > end || length === 0 || length === MAX_PAYLOAD_BYTES || buf[p + HEADER_BYTES]! >= 0xfe) break;
      if (expected !== buf[p + 3]!) {
        if (expected >= 0 && !this.unchecked) break;
        expected = buf[p + 3]!;
      }
      expected = (expected + 1) & 0xff;
      packets++;
      p = next;
    }
    if (packets > 0) {
      this.expected = expected;
      this.sequence = (expected - 1) & 0xff;
      this.run -= packets;
      this.beganAt = this.base + start;
      this.endsAt = this.base + p;
      this.#sink.onRun(packets, p - start);
    }
    return p;
  }

  #count(sequence: number): void {
    if (this.expected >= 0 && sequence !== this.expected && !this.unchecked) this.inOrder = false;
    this.sequence = sequence;
    this.expected = (sequence + 1) & 0xff;
  }

  /** A header is complete. False after a fault. */
  #begin(): boolean {
    const header = this.#header;
    const length = header[0]! | (header[1]! << 8) | (header[2]! << 16);
    if (!this.#joining) {
      this.#payloadBytes = this.#wireBytes = 0;
      this.#want = -1;
      this.inOrder = true;
    }
    this.#count(header[3]!);
    this.#payloadBytes += length;
    this.#wireBytes += length + HEADER_BYTES;
    this.#goesOn = length === MAX_PAYLOAD_BYTES;
    this.#left = length;
    if (this.#payloadBytes <= this.ceiling) return true;
    this.reset();
    this.#sink.onFault('oversized');
    return false;
  }

  #at = 0;

  /** Goes on with a cut packet; leaves the position in #at. False when the sink stops. */
  #body(buf: Buffer, start: number, end: number): boolean {
    const take = Math.min(this.#left, end - start);
    if (take > 0) {
      if (this.#want < 0) this.#want = this.#sink.wanted(buf[start]!);
      const wanted = Math.min(take, this.#want - this.#capture.bytes);
      if (wanted > 0) this.#capture.append(buf, start, start + wanted);
    }
    this.#left -= take;
    this.#at = start + take;
    if (this.#left > 0) return true;
    this.#headerBytes = 0;
    this.#joining = this.#goesOn;
    if (this.#joining) return true;
    this.wireBytes = this.#wireBytes;
    this.endsAt = this.base + this.#at;
    const capture = this.#capture;
    const goesOn = this.#sink.onPacket(capture.buffer, 0, capture.bytes, this.#payloadBytes);
    capture.release();
    return goesOn;
  }
}
