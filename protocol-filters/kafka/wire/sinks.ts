import type { Fault } from '../../../src/exchange/fault.ts';
import type { RecordsFacts } from '../records/facts.ts';
import type { Program } from '../schema/program.ts';

/**
 * Who is told what a body holds, in its order: a call for each field that has a role (schema/roles.ts), none for the
 * others. Buffers are lent for the call.
 */
export interface FieldSink {
  /** An int64 is exact up to 2^53, and rounded beyond. */
  number(role: number, value: number): void;
  /** buf[start..end); start -1: null. */
  text(role: number, buf: Buffer, start: number, end: number): void;
  /** 16 bytes at `start`. */
  uuid(role: number, buf: Buffer, start: number): void;
  /** A list begins; -1: it is null. */
  list(role: number, count: number): void;
  item(role: number): void;
  itemEnd(role: number): void;
  /** A field of record batches is over. `facts` is filled anew for the next one. */
  records(facts: RecordsFacts): void;
}

/** How a frame ended. */
export const End = {
  /** Its body was read to its last byte. */
  whole: 0,
  /** Nobody wanted its body. */
  passed: 1,
  /** An API or version that the tables cannot read. */
  unknown: 2,
  /** The body does not read as the tables say; what was told before stays told. */
  malformed: 3,
  /** The body was read, and bytes stood behind it. */
  trailing: 4,
} as const;
export type End = (typeof End)[keyof typeof End];

/** What a sink may ask of the reader that calls it, and tell it. */
export interface FrameState {
  /** Of the frame, with the 4 bytes of its length. */
  readonly frameBytes: number;
  /** `now` of the chunk with the frame's first byte. */
  readonly startedAt: number;
  /** What is wrong with a malformed frame. */
  readonly fault: Fault | null;
  /** Frames are SASL tokens without a header. To be set between frames, or when one ends. */
  raw: boolean;
  /** A raw frame that begins with a zero byte is none: requests are back. For mechanisms of which no token begins so. */
  rawEndsAtZero: boolean;
  /** Nothing is read for now. To be set when a frame ends: it stops there. */
  paused: boolean;
  /** Nothing is read any more. When a field is told: what else the chunk has of its body may still be told. */
  stop(): void;
}

export interface RequestHeader extends FrameState {
  readonly apiKey: number;
  readonly apiVersion: number;
  readonly correlationId: number;
}

interface Endings {
  /** A raw token: its size, and its first bytes. A secret. */
  onRaw(reader: FrameState, bytes: number, buf: Buffer, start: number, end: number): void;
  /** Nobody can trust what follows: the reader has stopped. */
  onFault(fault: Fault): void;
}

export interface RequestSink extends FieldSink, Endings {
  /** A header was read; clientStart -1: no client id. True: read the body; false: pass over it. */
  onRequest(reader: RequestHeader, buf: Buffer, clientStart: number, clientEnd: number): boolean;
  /** Once for every onRequest(). */
  onRequestEnd(reader: RequestHeader, end: End): void;
}

export interface ReplySink extends FieldSink, Endings {
  /** How the reply reads (programOf()); null: pass over it. */
  onReply(reader: FrameState, correlationId: number): Program | null;
  /** Once for every onReply(). */
  onReplyEnd(reader: FrameState, end: End): void;
}
