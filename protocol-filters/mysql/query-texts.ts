import type { Digest } from '../../src/exchange/digest.ts';
import type { Fault } from '../../src/exchange/fault.ts';
import { utf8Of } from './charsets.ts';
import type { Conversation } from './conversation.ts';
import { type Effect, effectOf } from './effects.ts';
import { readQueryHead } from './query-attributes.ts';
import { TEXT_CAPTURE_BYTES } from './wire.ts';

/** Reads the text of the command at hand. One object a session, reused for all commands. */
export class QueryTexts {
  /** Statements of the text read last: their digests, and where they stand in the buffer that was read. */
  readonly digests: Digest[] = [];
  readonly #starts: number[] = [];
  readonly #ends: number[] = [];
  /** The text in UTF-8, where that is not what was sent. */
  #converted: Buffer | null = null;
  /** The text as it was sent, raw[rawFrom..rawTo): lent for the call. */
  raw: Buffer = NOTHING;
  rawFrom = 0;
  rawTo = 0;
  traceparent = '';
  truncated = false;
  readonly #talk: Conversation;

  constructor(talk: Conversation) {
    this.#talk = talk;
  }

  /**
   * COM_QUERY, payload buf[start..end) of so many bytes in all. Returns why its query attributes cannot be read, or null.
   * Attributes that do not end in what was kept: no statement is known, `truncated` is set.
   */
  readQuery(buf: Buffer, start: number, end: number, payloadBytes: number): Fault | null {
    // A text that is cut is captured up to here; it must not tell more when it is whole.
    const stop = this.#stop(start, end);
    if (!this.#talk.queryAttributes) {
      this.readText(buf, start + 1, stop);
      return null;
    }
    const head = readQueryHead(buf, start, stop);
    if (typeof head === 'string') {
      if (head !== 'truncated' || payloadBytes <= stop - start) return head;
      this.digests.length = 0;
      this.traceparent = '';
      this.truncated = true;
      return null;
    }
    const { textFrom, traceparent } = head;
    this.readText(buf, textFrom, stop);
    if (traceparent !== '') this.traceparent = traceparent;
    return null;
  }

  /** COM_STMT_PREPARE, payload buf[start..end). */
  readPrepare(buf: Buffer, start: number, end: number): null {
    this.readText(buf, start + 1, this.#stop(start, end));
    return null;
  }

  /** What is judged is read to its end. */
  #stop(start: number, end: number): number {
    return this.#talk.gate === null ? Math.min(end, start + TEXT_CAPTURE_BYTES) : end;
  }

  /** The buffer that ranges are of, and where statement i stands in it. */
  get source(): Buffer {
    return this.#converted ?? this.raw;
  }
  rangeOf(i: number): readonly [start: number, end: number] {
    return [this.#starts[i]!, this.#ends[i]!];
  }

  /** The text buf[start..end). */
  readText(buf: Buffer, start: number, end: number): void {
    const { digests } = this;
    this.raw = buf;
    this.rawFrom = start;
    this.rawTo = end;
    const { mode, charset } = this.#talk.reading;
    const converted = charset === null ? null : utf8Of(charset, buf, start, end);
    this.#converted = converted;
    const reading =
      converted === null
        ? this.#talk.bound.digests.read(mode, buf, start, end)
        : this.#talk.bound.digests.read(mode, converted, 0, converted.length);
    const { count } = reading;
    for (let i = 0; i < count; i++) {
      const statement = reading.statements[i]!;
      digests[i] = statement.digest;
      this.#starts[i] = statement.start;
      this.#ends[i] = statement.end;
    }
    // Only when it changes: `length = 0` and pushing would allocate the arrays anew for every query.
    if (digests.length > count) digests.length = this.#starts.length = this.#ends.length = count;
    this.traceparent = reading.traceparent;
    this.truncated = reading.truncated;
  }

  /** What statement i of the text does to the session, or null. `buf` is the buffer that was read. */
  effectAt(i: number, buf: Buffer): Effect | null {
    const { ansiQuotes } = this.#talk.reading;
    const text = this.#converted ?? buf;
    return effectOf(this.digests[i]!, text, this.#starts[i]!, this.#ends[i]!, ansiQuotes);
  }
}

const NOTHING = Buffer.alloc(0);
