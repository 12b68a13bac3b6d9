import type { Fault } from '../../src/exchange/fault.ts';
import { type PushKind, pushKindOf } from './push-kind.ts';
import { ReplyLine } from './reply-line.ts';
import { isStreamed, KEPT_BYTES, lengthIn, scalarEnd, valueIn } from './reply-numbers.ts';
import { type ReplySink, Watch } from './reply-sink.ts';
import { Told } from './told.ts';
import { CR, LF, MAX_BULK_BYTES, MAX_DEPTH, MAX_ELEMENTS, Type } from './wire.ts';

const State = { type: 0, line: 1, body: 2, bodyCr: 3, bodyLf: 4, over: 5 } as const;
/** In #left: nobody knows how many elements; a line `.` ends them. */
const STREAMED = -1;

/**
 * Bytes of the server to replies, RESP2 and RESP3: counts past everything but the first bytes of texts. Memory does not
 * depend on what comes: aggregates are a stack of counters, MAX_DEPTH of them.
 */
export class Replies {
  /** Why reading ended, or null. */
  fault: Fault | null = null;
  /** Ms of the reply's first byte. */
  startedAt = 0;
  tellsSize = false; // its sink wants to know how long a reply will be before it comes
  from = 0; // offset of the reply's first byte
  to = 0; // of what follows it, once it is whole

  readonly #sink: ReplySink;
  readonly #reply = new Told();
  readonly #element = new Told();
  readonly #other = new Told(); // of what nobody asked for
  #state: number = State.type;
  #watch: Watch = Watch.whole;
  #started = false; // a byte of the reply has come
  #begun = false; // one that is not of its attributes
  #depth = 0;
  /** By depth, from 1: elements to come, type of the aggregate, elements that have come. */
  readonly #left = new Float64Array(MAX_DEPTH + 1);
  readonly #types = new Uint8Array(MAX_DEPTH + 1);
  readonly #counts = new Float64Array(MAX_DEPTH + 1);
  /** Offset of the buffer's index 0; of the last element's end. */
  #base = 0;
  #mark = 0;
  /** Depth of a nested push (0 = none), the offset it began at, its kind; bytes of nested pushes since the last mark, and in all. */
  #pushDepth = 0;
  #pushFrom = 0;
  #pushKind: PushKind = 0;
  #asideSinceMark = 0;
  #aside = 0;
  /** What is being read: its type, its told, bytes of its body, those to come. */
  #type = 0;
  #told: Told = this.#other;
  #size = 0;
  #bodyLeft = 0;
  #streaming = false; // a streamed string is being read: its chunks follow
  readonly #line = new ReplyLine();
  /** First bytes of a body that somebody wants; made when the first one comes. */
  #kept: Uint8Array = NOTHING;
  #keptBytes = 0;
  #keeps = false;

  constructor(sink: ReplySink) {
    this.#sink = sink;
  }

  /** A reply has begun and is not whole. */
  get inside(): boolean {
    return this.#started;
  }
  /** Reads buf[start..end), whose first byte stands at offset `at`. Returns the index it read up to: below `end` where it was stopped. */
  push(buf: Buffer, start: number, end: number, at: number, now: number): number {
    const line = this.#line;
    this.#base = at - start;
    let i = start;
    while (i < end) {
      switch (this.#state) {
        case State.type:
          if (this.#depth > 0 && this.#watch === Watch.whole) {
            i = this.#skipScalars(buf, i, end);
            if (i === end) return end;
          }
          if (!this.#beginValue(buf[i]!, i, now)) return this.fault === null ? i : end;
          i++;
          this.#state = State.line;
          this.#line.begin();
          break;
        case State.line:
          i = line.read(buf, i, end);
          if (i >= 0) this.#onLine(line.buf, line.start, line.end, i);
          else {
            if (line.fault !== null) this.#fail(line.fault);
            return end;
          }
          break;
        case State.body: {
          const take = Math.min(this.#bodyLeft, end - i);
          if (this.#keeps) this.#keep(buf, i, i + take);
          i += take;
          this.#bodyLeft -= take;
          if (this.#bodyLeft === 0) this.#state = State.bodyCr;
          break;
        }
        case State.bodyCr:
          if (buf[i++] === CR) this.#state = State.bodyLf;
          else this.#fail('ambiguous');
          break;
        case State.bodyLf:
          if (buf[i++] === LF) this.#endBody(i);
          else this.#fail('ambiguous');
          break;
        default:
          return this.fault === null ? i : end;
      }
    }
    return end;
  }

  /** Reading is over. */
  stop(): void {
    this.#state = State.over;
    this.#started = false;
  }

  /**
   * Of an aggregate that nobody watches, passes over integers and strings that lie in the read whole: most of every large
   * reply. Anything else, and the last element, is left to the general way. Returns the index it came to.
   */
  #skipScalars(buf: Buffer, from: number, end: number): number {
    const depth = this.#depth;
    const left = this.#left[depth]!;
    if (this.#pushDepth > 0 || this.#streaming || left === STREAMED) return from;
    let i = from;
    let skipped = 0;
    while (skipped + 1 < left) {
      const to = i < end ? scalarEnd(buf, i, end) : -1;
      if (to < 0) break;
      i = to;
      skipped++;
    }
    this.#left[depth] = left - skipped;
    this.#counts[depth]! += skipped;
    return i;
  }

  // ---- values

  /** The first byte of a value. False: reading ends here. */
  #beginValue(type: number, i: number, now: number): boolean {
    const offset = this.#base + i;
    if (!this.#started) {
      this.#started = true;
      this.from = this.#mark = offset;
      this.#aside = this.#asideSinceMark = 0;
      this.startedAt = now;
    }
    this.#type = type;
    if (this.#streaming) return type === Type.chunk || this.#fail('unknown_type');
    if (type === Type.end) return true; // ends what is there already
    const depth = this.#depth;
    if (depth === 0 && !this.#begun && type !== Type.attribute) {
      this.#watch = this.#sink.onReplyBegins(type);
      if (this.#watch === Watch.stop) {
        this.stop();
        return false;
      }
      this.#begun = true;
    }
    if (type === Type.push && depth > 0) {
      if (this.#pushDepth > 0) return this.#fail('unknown_type');
      this.#pushDepth = depth + 1;
      this.#pushFrom = offset;
      this.#pushKind = 0;
    }
    this.#told = this.#toldOf(type, depth);
    this.#told.begin(type);
    return true;
  }

  #toldOf(type: number, depth: number): Told {
    if (type === Type.attribute) return this.#other;
    if (depth === 0) return this.#reply;
    if (depth !== 1 || this.#watch !== Watch.elements || type === Type.push) return this.#other;
    return this.#types[1] === Type.attribute ? this.#other : this.#element;
  }

  /** Its text is wanted: a watched element, an error's body, the name of a nested push. */
  get #isWanted(): boolean {
    if (this.#told === this.#element || this.#type === Type.bulkError) return true;
    return this.#depth > 0 && this.#depth === this.#pushDepth && this.#counts[this.#depth] === 0;
  }

  /** The line behind a type byte is whole. `next`: index behind it. */
  #onLine(buf: Uint8Array, start: number, end: number, next: number): void {
    const told = this.#told;
    this.#state = State.type;
    switch (this.#type) {
      case Type.simple:
      case Type.error:
        told.buf = buf;
        told.start = start;
        told.end = Math.min(end, start + KEPT_BYTES);
        this.#onValue(next);
        return;
      case Type.integer:
      case Type.boolean:
      case Type.double:
      case Type.bigNumber: {
        const value = valueIn(this.#type, buf, start, end);
        if (Number.isNaN(value)) this.#fail('ambiguous');
        else {
          told.value = value;
          this.#onValue(next);
        }
        return;
      }
      case Type.nil:
        if (start !== end) this.#fail('ambiguous');
        else this.#onNull(next);
        return;
      case Type.bulk:
        if (isStreamed(buf, start, end)) this.#streaming = true;
        else this.#beginBody(lengthIn(buf, start, end), true, next);
        return;
      case Type.verbatim:
      case Type.bulkError:
        this.#beginBody(lengthIn(buf, start, end), false, next);
        return;
      case Type.chunk:
        if (this.#streaming) this.#beginChunk(lengthIn(buf, start, end), next);
        else this.#fail('unknown_type');
        return;
      case Type.array:
      case Type.set:
      case Type.map:
        if (isStreamed(buf, start, end)) this.#enter(STREAMED, next);
        else this.#beginAggregate(lengthIn(buf, start, end), next);
        return;
      case Type.push:
      case Type.attribute:
        this.#beginAggregate(lengthIn(buf, start, end), next);
        return;
      case Type.end:
        if (start === end && this.#depth > 0 && this.#left[this.#depth] === STREAMED) this.#endStreamed(next);
        else this.#fail('unknown_type');
        return;
      default:
        this.#fail('unknown_type');
    }
  }

  // ---- bodies

  #beginBody(size: number, mayBeNull: boolean, next: number): void {
    if (size === -1 && mayBeNull) {
      this.#onNull(next);
      return;
    }
    if (!this.#isLength(size, MAX_BULK_BYTES)) return;
    if (this.tellsSize && this.#depth === 0) this.#sink.onReplySize?.(size, -1);
    this.#size = this.#bodyLeft = size;
    this.#keeps = this.#isWanted;
    this.#keptBytes = 0;
    this.#state = size > 0 ? State.body : State.bodyCr;
  }

  #beginChunk(size: number, next: number): void {
    if (size !== 0) {
      if (!this.#isLength(size, MAX_BULK_BYTES)) return;
      this.#bodyLeft = size;
      this.#told.size += size;
      this.#keeps = false;
      this.#state = State.body;
      return;
    }
    this.#streaming = false;
    this.#onValue(next);
  }

  #keep(buf: Buffer, from: number, to: number): void {
    if (this.#kept === NOTHING) this.#kept = new Uint8Array(KEPT_BYTES);
    const upTo = Math.min(to, from + KEPT_BYTES - this.#keptBytes);
    for (let i = from; i < upTo; i++) this.#kept[this.#keptBytes++] = buf[i]!;
  }

  #endBody(next: number): void {
    this.#state = State.type;
    if (this.#streaming) return;
    const told = this.#told;
    told.size = this.#size;
    if (this.#keeps) {
      told.buf = this.#kept;
      told.end = this.#keptBytes;
      if (told !== this.#element && this.#pushDepth > 0) this.#pushKind = pushKindOf(this.#kept, 0, this.#keptBytes);
    }
    this.#onValue(next);
  }

  // ---- aggregates

  #beginAggregate(count: number, next: number): void {
    if (count === -1 && this.#type === Type.array) {
      this.#onNull(next);
      return;
    }
    if (this.#isLength(count, MAX_ELEMENTS)) this.#enter(count, next);
  }

  #enter(count: number, next: number): void {
    if (this.#depth === MAX_DEPTH) {
      this.#fail('oversized');
      return;
    }
    const depth = ++this.#depth;
    const type = this.#type;
    if (this.tellsSize && depth === 1 && type !== Type.attribute) this.#sink.onReplySize?.(-1, count);
    const isPairs = type === Type.map || type === Type.attribute;
    this.#types[depth] = type;
    this.#counts[depth] = 0;
    this.#left[depth] = count > 0 && isPairs ? count * 2 : count;
    if (count > 0) this.#told.count = count;
    if (depth === 1) this.#mark = this.#base + next;
    if (count === 0) this.#leave(next);
  }

  #endStreamed(next: number): void {
    const depth = this.#depth;
    const isMap = this.#types[depth] === Type.map;
    const count = this.#counts[depth]!;
    if (isMap && count % 2 !== 0) {
      this.#fail('ambiguous');
      return;
    }
    const elements = isMap ? count / 2 : count;
    if (depth === 1) this.#reply.count = elements;
    else if (depth === 2 && this.#watch === Watch.elements) this.#element.count = elements;
    this.#leave(next);
  }

  /** The innermost aggregate is whole. */
  #leave(next: number): void {
    const depth = this.#depth--;
    if (this.#types[depth] === Type.attribute) return; // the value it describes follows
    if (depth === this.#pushDepth) {
      const bytes = this.#base + next - this.#pushFrom;
      this.#pushDepth = 0;
      this.#aside += bytes;
      this.#asideSinceMark += bytes;
      this.#sink.onNestedPush(this.#pushKind, bytes);
      return;
    }
    this.#onValue(next);
  }

  #onNull(next: number): void {
    this.#told.isNull = true;
    if (this.#depth === 1) {
      if (this.#types[1] !== Type.attribute) this.#reply.nulls++;
    } else if (this.#depth === 2 && this.#watch === Watch.elements && this.#types[2] === this.#element.type)
      this.#element.nulls++;
    this.#onValue(next);
  }

  /** A value is whole, up to index `next`. */
  #onValue(next: number): void {
    const depth = this.#depth;
    if (depth === 0) {
      this.to = this.#base + next;
      const bytes = this.to - this.from - this.#aside;
      this.#started = this.#begun = false;
      this.#sink.onReply(this.#reply, bytes);
      return;
    }
    this.#counts[depth]!++;
    if (depth === 1 && this.#watch === Watch.elements && this.#types[1] !== Type.attribute) {
      this.#tellElement(next);
      if (this.#state === State.over) return;
    }
    if (this.#left[depth] === STREAMED || --this.#left[depth]! > 0) return;
    this.#leave(next);
  }

  #tellElement(next: number): void {
    const offset = this.#base + next;
    const bytes = offset - this.#mark - this.#asideSinceMark;
    this.#mark = offset;
    this.#asideSinceMark = 0;
    this.#sink.onElement(this.#element, this.#counts[1]! - 1, bytes);
  }

  #isLength(value: number, most: number): boolean {
    if (Number.isNaN(value)) return this.#fail('ambiguous');
    if (value < 0) return this.#fail('undersized');
    return value <= most || this.#fail('oversized');
  }

  #fail(fault: Fault): false {
    this.fault ??= fault;
    this.stop();
    return false;
  }
}

const NOTHING = new Uint8Array(0);
