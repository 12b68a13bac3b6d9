import { i32At } from '../../../src/bytes/cursor.ts';
import type { Fault } from '../../../src/exchange/fault.ts';
import { BatchWalk } from '../records/batch-walk.ts';
import { i64At } from '../records/int64.ts';
import { Form, MOST_AUTH_BYTES, Op, type Program } from '../schema/program.ts';
import { Lengths } from './lengths.ts';
import type { FieldSink } from './sinks.ts';

/** Kafka refuses longer strings, however their length is written. */
const MOST_STRING_BYTES = 0x7fff;
const UNSUPPORTED_VERSION = 35;
/** Lists and tagged fields within each other; the deepest message has 7. A test counts them. */
export const MOST_DEPTH = 16;
const FRAME_WORDS = 3;

/**
 * Reads one body after a program (schema/program.ts), from any byte to any byte: nothing is kept but where it stands. A
 * field that is cut is asked for anew, with all its bytes together. No count or length is believed that does not fit into
 * the bytes that are left, and nothing is allocated by one. Allocates nothing at all.
 */
export class BodyReader {
  /** The body is read; bytes may be left. */
  done = false;
  fault: Fault | null = null;
  /** Bytes that must be there together before it can go on; 0: any. */
  need = 0;

  readonly #sink: FieldSink;
  readonly #isReply: boolean;
  readonly #decompress: boolean;
  /** Made when there are records to read: most connections of a cluster only produce, or only fetch. */
  #batches: BatchWalk | null = null;
  #program: Program = NOTHING;
  #pc = 0;
  /** Positions count from the body's first byte. Where the scope ends that is being read: the body, or a tagged field. */
  #pos = 0;
  #limit = 0;
  /** Bytes to pass over, or of records. */
  #left = 0;
  #inRecords = false;
  /** Of open lists: pc, elements left. Of tagged fields: pc, tags left, limit of the scope around. */
  readonly #stack = new Int32Array(MOST_DEPTH * FRAME_WORDS);
  #top = -FRAME_WORDS;
  readonly #lengths = new Lengths();

  constructor(sink: FieldSink, isReply: boolean, decompress: boolean) {
    this.#sink = sink;
    this.#isReply = isReply;
    this.#decompress = decompress;
  }

  /** A body of `bytes` bytes, no more than a frame may have. */
  begin(program: Program, bytes: number): void {
    this.done = false;
    this.fault = null;
    this.need = this.#pc = this.#pos = this.#left = 0;
    this.#program = program;
    this.#limit = bytes;
    this.#top = -FRAME_WORDS;
    this.#inRecords = false;
  }

  /** Reads buf[from..end), no more than the body has; returns how far it came. */
  run(buf: Buffer, from: number, end: number): number {
    let at = from;
    this.need = 0;
    if (this.#left > 0) {
      at = this.#pass(buf, at, end);
      if (this.#left > 0) return at;
    }
    const base = from - this.#pos;
    const program = this.#program;
    const stack = this.#stack;
    const sink = this.#sink;
    const lengths = this.#lengths;
    let pc = this.#pc;
    let limit = base + this.#limit;
    for (;;) {
      // Who leaves the switch has found this.
      let fault: Fault = 'truncated';
      switch (program[pc]!) {
        case Op.skip: {
          const bytes = program[pc + 1]!;
          if (bytes > limit - at) break;
          pc += 2;
          if (bytes <= end - at) {
            at += bytes;
            continue;
          }
          this.#left = bytes - (end - at);
          return this.#suspend(pc, end, base, limit, 0);
        }
        case Op.bool:
        case Op.int8: {
          if (at >= limit) break;
          if (at >= end) return this.#suspend(pc, at, base, limit, 1);
          sink.number(program[pc + 1]!, (buf[at]! << 24) >> 24);
          at++;
          pc += 2;
          continue;
        }
        case Op.int16:
        case Op.uint16: {
          if (2 > limit - at) break;
          if (2 > end - at) return this.#suspend(pc, at, base, limit, 2);
          const value = (buf[at]! << 8) | buf[at + 1]!;
          sink.number(program[pc + 1]!, program[pc] === Op.int16 ? (value << 16) >> 16 : value);
          at += 2;
          pc += 2;
          continue;
        }
        case Op.int32: {
          if (4 > limit - at) break;
          if (4 > end - at) return this.#suspend(pc, at, base, limit, 4);
          sink.number(program[pc + 1]!, i32At(buf, at));
          at += 4;
          pc += 2;
          continue;
        }
        case Op.int64: {
          if (8 > limit - at) break;
          if (8 > end - at) return this.#suspend(pc, at, base, limit, 8);
          sink.number(program[pc + 1]!, i64At(buf, at));
          at += 8;
          pc += 2;
          continue;
        }
        case Op.uuid: {
          if (16 > limit - at) break;
          if (16 > end - at) return this.#suspend(pc, at, base, limit, 16);
          sink.uuid(program[pc + 1]!, buf, at);
          at += 16;
          pc += 2;
          continue;
        }
        case Op.string:
        case Op.bytes: {
          const op = program[pc]!;
          const form = program[pc + 1]!;
          const head = lengths.read(buf, at, end, limit, form, op === Op.string ? 2 : 4);
          if (head <= 0) {
            if (head === 0) return this.#suspend(pc, at, base, limit, lengths.need);
            break;
          }
          const role = program[pc + 2]!;
          const length = lengths.value;
          if (length < 0) {
            if ((form & Form.nullable) === 0) {
              fault = 'undersized';
              break;
            }
            if (role !== 0) sink.text(role, buf, -1, -1);
            at += head;
            pc += 3;
            continue;
          }
          if (length > limit - at - head) break;
          if (op === Op.string && length > MOST_STRING_BYTES) {
            fault = 'oversized';
            break;
          }
          if (role !== 0) {
            const told = op === Op.string ? length : Math.min(length, MOST_AUTH_BYTES);
            if (head + told > end - at) return this.#suspend(pc, at, base, limit, head + told);
            sink.text(role, buf, at + head, at + head + told);
          }
          at += head;
          pc += 3;
          if (length <= end - at) {
            at += length;
            continue;
          }
          this.#left = length - (end - at);
          return this.#suspend(pc, end, base, limit, 0);
        }
        case Op.records: {
          const form = program[pc + 1]!;
          const head = lengths.read(buf, at, end, limit, form, 4);
          if (head <= 0) {
            if (head === 0) return this.#suspend(pc, at, base, limit, lengths.need);
            break;
          }
          const length = lengths.value;
          if (length < 0 && (form & Form.nullable) === 0) {
            fault = 'undersized';
            break;
          }
          if (length > limit - at - head) break;
          at += head;
          pc += 3;
          this.#batches ??= new BatchWalk(this.#isReply, this.#decompress);
          this.#batches.begin(length);
          if (length <= 0) {
            sink.records(this.#batches.facts);
            continue;
          }
          this.#left = length;
          this.#inRecords = true;
          at = this.#pass(buf, at, end);
          if (this.#left > 0) return this.#suspend(pc, at, base, limit, 0);
          continue;
        }
        case Op.list: {
          const head = lengths.read(buf, at, end, limit, program[pc + 1]!, 4);
          if (head <= 0) {
            if (head === 0) return this.#suspend(pc, at, base, limit, lengths.need);
            break;
          }
          const count = lengths.value;
          const role = program[pc + 2]!;
          if (count < 0 && (program[pc + 1]! & Form.nullable) === 0) {
            fault = 'undersized';
            break;
          }
          if (count * program[pc + 3]! > limit - at - head) break;
          at += head;
          if (role !== 0) sink.list(role, count);
          if (count <= 0) {
            pc = program[pc + 4]!;
            continue;
          }
          this.#top += FRAME_WORDS;
          stack[this.#top] = pc;
          stack[this.#top + 1] = count;
          if (role !== 0) sink.item(role);
          pc += 5;
          continue;
        }
        case Op.next: {
          const top = this.#top;
          const listAt = stack[top]!;
          const role = program[listAt + 2]!;
          if (role !== 0) sink.itemEnd(role);
          if (--stack[top + 1]! > 0) {
            if (role !== 0) sink.item(role);
            pc = listAt + 5;
          } else {
            this.#top = top - FRAME_WORDS;
            pc++;
          }
          continue;
        }
        case Op.skipList: {
          const form = program[pc + 1]!;
          const head = lengths.read(buf, at, end, limit, form, 4);
          if (head <= 0) {
            if (head === 0) return this.#suspend(pc, at, base, limit, lengths.need);
            break;
          }
          if (lengths.value < 0 && (form & Form.nullable) === 0) {
            fault = 'undersized';
            break;
          }
          const bytes = lengths.value > 0 ? lengths.value * program[pc + 2]! : 0;
          if (bytes > limit - at - head) break;
          at += head;
          pc += 3;
          if (bytes <= end - at) {
            at += bytes;
            continue;
          }
          this.#left = bytes - (end - at);
          return this.#suspend(pc, end, base, limit, 0);
        }
        case Op.struct: {
          if (at >= limit) break;
          if (at >= end) return this.#suspend(pc, at, base, limit, 1);
          pc = buf[at++]! >= 0x80 ? program[pc + 1]! : pc + 2;
          continue;
        }
        case Op.tags: {
          const bytes = lengths.varint(buf, at, end, limit);
          if (bytes <= 0) {
            if (bytes === 0) return this.#suspend(pc, at, base, limit, lengths.need);
            break;
          }
          // A tag takes two bytes at least: its number, and its size.
          if (lengths.value * 2 > limit - at - bytes) break;
          at += bytes;
          if (lengths.value === 0) {
            pc = program[pc + 1]!;
            continue;
          }
          this.#top += FRAME_WORDS;
          stack[this.#top] = pc;
          stack[this.#top + 1] = lengths.value;
          pc = tagOf(program, pc);
          continue;
        }
        case Op.tag: {
          const top = this.#top;
          const tagsAt = stack[top]!;
          if (stack[top + 1] === 0) {
            this.#top = top - FRAME_WORDS;
            pc = program[tagsAt + 1]!;
            continue;
          }
          const first = lengths.varint(buf, at, end, limit);
          if (first <= 0) {
            if (first === 0) return this.#suspend(pc, at, base, limit, lengths.need);
            break;
          }
          const tag = lengths.value;
          const second = lengths.varint(buf, at + first, end, limit);
          if (second <= 0) {
            if (second === 0) return this.#suspend(pc, at, base, limit, first + lengths.need);
            break;
          }
          const size = lengths.value;
          const head = first + second;
          if (size > limit - at - head) break;
          at += head;
          stack[top + 1]!--;
          const known = knownTag(program, tagsAt, tag);
          if (known !== 0) {
            stack[top + 2] = limit - base;
            limit = at + size;
            pc = known;
            continue;
          }
          if (size <= end - at) {
            at += size;
            continue;
          }
          this.#left = size - (end - at);
          return this.#suspend(pc, end, base, limit, 0);
        }
        case Op.tagEnd: {
          if (at !== limit) {
            fault = 'oversized';
            break;
          }
          limit = base + stack[this.#top + 2]!;
          pc = tagOf(program, stack[this.#top]!);
          continue;
        }
        case Op.versionError: {
          if (2 > limit - at) break;
          if (2 > end - at) return this.#suspend(pc, at, base, limit, 2);
          const code = (((buf[at]! << 8) | buf[at + 1]!) << 16) >> 16;
          sink.number(program[pc + 1]!, code);
          at += 2;
          pc = code === UNSUPPORTED_VERSION ? program[pc + 2]! : pc + 3;
          continue;
        }
        case Op.rest: {
          pc++;
          const bytes = limit - at;
          if (bytes <= end - at) {
            at += bytes;
            continue;
          }
          this.#left = bytes - (end - at);
          return this.#suspend(pc, end, base, limit, 0);
        }
        default: // Op.end
          this.done = true;
          return at;
      }
      this.fault = fault;
      return at;
    }
  }

  #suspend(pc: number, at: number, base: number, limit: number, need: number): number {
    this.#pc = pc;
    this.#pos = at - base;
    this.#limit = limit - base;
    this.need = need;
    return at;
  }

  /** Bytes that are passed over, or of records. */
  #pass(buf: Buffer, at: number, end: number): number {
    const take = Math.min(this.#left, end - at);
    const batches = this.#inRecords ? this.#batches : null;
    batches?.push(buf, at, at + take);
    this.#left -= take;
    if (batches && this.#left === 0) {
      this.#inRecords = false;
      batches.end();
      this.#sink.records(batches.facts);
    }
    if (this.#left > 0) this.#pos += take;
    return at + take;
  }
}

const NOTHING: Program = new Int32Array(1);

/** The Op.tag that belongs to an Op.tags. */
const tagOf = (program: Program, tagsAt: number): number => tagsAt + 3 + program[tagsAt + 2]! * 2;

/** Where a tagged field's program stands; 0: nobody knows it. */
function knownTag(program: Program, tagsAt: number, tag: number): number {
  const end = tagOf(program, tagsAt);
  for (let at = tagsAt + 3; at < end; at += 2) if (program[at] === tag) return program[at + 1]!;
  return 0;
}
