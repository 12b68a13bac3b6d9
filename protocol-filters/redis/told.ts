import { Type } from './wire.ts';

/** What is known of a reply, or of one of its elements. Reused: valid during the call it is given to. */
export class Told {
  /** Its first byte; of a streamed string `$`. */
  type = 0;
  /** `$-1`, `*-1` or `_`. */
  isNull = false;
  /** Of an aggregate: its elements, of a map its pairs. */
  count = 0;
  /** How many of its elements are null. */
  nulls = 0;
  /** Of an integer; its last digits may be lost above 2^53. */
  value = 0;
  /** Bytes of a string's body. */
  size = 0;
  /** First bytes of a simple string, of an error, of the body of an error or of a watched string: buf[start..end). */
  buf: Uint8Array = NOTHING;
  start = 0;
  end = 0;

  begin(type: number): void {
    this.type = type;
    this.isNull = false;
    this.count = this.nulls = this.value = this.size = this.start = this.end = 0;
    this.buf = NOTHING;
  }

  get isError(): boolean {
    return this.type === Type.error || this.type === Type.bulkError;
  }

  get isAggregate(): boolean {
    return this.type === Type.array || this.type === Type.map || this.type === Type.set || this.type === Type.push;
  }

  /** Does its text say exactly this? */
  says(text: string): boolean {
    if (this.end - this.start !== text.length) return false;
    for (let i = 0; i < text.length; i++) if (this.buf[this.start + i] !== text.charCodeAt(i)) return false;
    return true;
  }

  /** Its first bytes as text; bytes that are not UTF-8 become U+FFFD. */
  get text(): string {
    return Buffer.from(this.buf.buffer, this.buf.byteOffset + this.start, this.end - this.start).toString('utf8');
  }
}

const NOTHING = new Uint8Array(0);
