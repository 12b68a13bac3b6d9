import type { Fault } from '../../../src/exchange/fault.ts';
import type { RecordsFacts } from '../records/facts.ts';
import type { Program } from '../schema/program.ts';
import { programOf } from '../schema/programs.ts';
import type { ReaderOptions } from '../wire/frame-reader.ts';
import { ReplyReader } from '../wire/reply-reader.ts';
import { RequestReader } from '../wire/request-reader.ts';
import type { End, FieldSink, FrameState, ReplySink, RequestHeader, RequestSink } from '../wire/sinks.ts';
import { int32 } from './wire-random.ts';

/** A frame: its length before its parts. */
export function frame(...parts: Buffer[]): Buffer {
  const body = Buffer.concat(parts);
  return Buffer.concat([int32(body.length), body]);
}

export function requestFrame(
  key: number,
  version: number,
  correlation: number,
  client: string | null,
  body: Buffer,
): Buffer {
  const head = Buffer.alloc(8);
  head.writeInt16BE(key, 0);
  head.writeInt16BE(version, 2);
  head.writeInt32BE(correlation, 4);
  if (key === 7 && version === 0) return frame(head, body);
  const id = Buffer.alloc(2);
  id.writeInt16BE(client === null ? -1 : Buffer.byteLength(client));
  return frame(head, id, Buffer.from(client ?? ''), body);
}

export const replyFrame = (correlation: number, body: Buffer): Buffer => frame(int32(correlation), body);

/** Writes down all that it is told. */
export class Told implements FieldSink, RequestSink, ReplySink {
  readonly calls: string[] = [];
  readonly facts: RecordsFacts[] = [];
  /** How replies read, in their order; null: passed over. */
  programs: (Program | null)[] = [];
  wants = true;

  number(role: number, value: number): void {
    this.calls.push(`number ${role} ${value}`);
  }
  text(role: number, buf: Buffer, start: number, end: number): void {
    this.calls.push(`text ${role} ${start < 0 ? 'null' : buf.toString('hex', start, end)}`);
  }
  uuid(role: number, buf: Buffer, start: number): void {
    this.calls.push(`uuid ${role} ${buf.toString('hex', start, start + 16)}`);
  }
  list(role: number, count: number): void {
    this.calls.push(`list ${role} ${count}`);
  }
  item(role: number): void {
    this.calls.push(`item ${role}`);
  }
  itemEnd(role: number): void {
    this.calls.push(`itemEnd ${role}`);
  }
  records(facts: RecordsFacts): void {
    this.facts.push({ ...facts } as RecordsFacts);
    this.calls.push(`records ${facts.bytes} ${facts.batches}`);
  }
  onRequest(reader: RequestHeader, buf: Buffer, start: number, end: number): boolean {
    const client = start < 0 ? 'null' : buf.toString('utf8', start, end);
    this.calls.push(`request ${reader.apiKey} v${reader.apiVersion} #${reader.correlationId} ${client}`);
    return this.wants;
  }
  onRequestEnd(reader: RequestHeader, end: End): void {
    this.calls.push(`end ${end} ${reader.frameBytes}${reader.fault ? ` ${reader.fault}` : ''}`);
  }
  onReply(_reader: FrameState, correlation: number): Program | null {
    this.calls.push(`reply #${correlation}`);
    return this.programs.shift() ?? null;
  }
  onReplyEnd(reader: FrameState, end: End): void {
    this.calls.push(`end ${end} ${reader.frameBytes}${reader.fault ? ` ${reader.fault}` : ''}`);
  }
  onRaw(_reader: FrameState, bytes: number, buf: Buffer, start: number, end: number): void {
    this.calls.push(`raw ${bytes} ${buf.toString('hex', start, end)}`);
  }
  onFault(fault: Fault): void {
    this.calls.push(`fault ${fault}`);
  }
}

export type Cut = readonly number[] | 'whole' | 'bytes';

/** Pushes bytes in pieces; sizes go round. */
export function pushCut(push: (buf: Buffer, start: number, end: number) => number, bytes: Buffer, cut: Cut): void {
  const sizes = cut === 'whole' ? [bytes.length] : cut === 'bytes' ? [1] : cut;
  for (let at = 0, i = 0; at < bytes.length; i++) {
    const size = Math.min(sizes[i % sizes.length]!, bytes.length - at);
    // A buffer of its own, with other bytes around: nobody may look further, or later.
    const piece = Buffer.concat([Buffer.alloc(3, 0xaa), bytes.subarray(at, at + size), Buffer.alloc(3, 0xbb)]);
    push(piece, 3, 3 + size);
    piece.fill(0xcc);
    at += size;
  }
}

/** What a reader tells of requests. */
export function toldRequests(bytes: Buffer, cut: Cut = 'whole', options: ReaderOptions = {}): Told {
  const told = new Told();
  const reader = new RequestReader(told, options);
  pushCut((buf, start, end) => reader.push(buf, start, end, 0), bytes, cut);
  return told;
}

/** What a reader tells of replies; `asked`: API and version of each. */
export function toldReplies(bytes: Buffer, asked: readonly (readonly [number, number])[], cut: Cut = 'whole'): Told {
  const told = new Told();
  told.programs = asked.map(([key, version]) => programOf(key, version, 'response'));
  const reader = new ReplyReader(told);
  pushCut((buf, start, end) => reader.push(buf, start, end, 0), bytes, cut);
  return told;
}
