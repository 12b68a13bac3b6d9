import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

/** A reply as the tests read it: aggregates are arrays (maps flat), errors are RedisError, nulls are null. */
export type Reply = string | number | bigint | boolean | null | RedisError | Reply[];

/** An error reply: its whole text, `WRONGTYPE Operation against …`. */
export class RedisError {
  readonly text: string;

  constructor(text: string) {
    this.text = text;
  }

  /** `WRONGTYPE` */
  get prefix(): string {
    return this.text.split(' ', 1)[0]!;
  }
}

/** A command as clients write it: an array of bulk strings. */
export function command(...args: readonly (string | Uint8Array | number)[]): Buffer {
  const parts: Uint8Array[] = [Buffer.from(`*${args.length}\r\n`)];
  for (const arg of args) {
    const bytes = typeof arg === 'object' ? arg : Buffer.from(String(arg));
    parts.push(Buffer.from(`$${bytes.length}\r\n`), bytes, Buffer.from('\r\n'));
  }
  return Buffer.concat(parts);
}

/** Thrown within the reader when the rest has not arrived. */
const SHORT = Symbol('short');

/** Reads RESP2 and RESP3 by the specification, plainly: the tests' own reading, that shares nothing with the filter's. */
export class ReplyReader {
  #held: Buffer = Buffer.alloc(0);
  #at = 0;
  /** Pushes that came between replies. */
  readonly pushes: Reply[] = [];

  push(bytes: Buffer): Reply[] {
    this.#held = this.#held.length === 0 ? bytes : Buffer.concat([this.#held, bytes]);
    const replies: Reply[] = [];
    let done = 0;
    this.#at = 0;
    try {
      while (this.#at < this.#held.length) {
        const isPush = this.#held[this.#at] === 0x3e;
        const reply = this.#value();
        (isPush ? this.pushes : replies).push(reply);
        done = this.#at;
      }
    } catch (error) {
      if (error !== SHORT) throw error;
    }
    this.#held = this.#held.subarray(done);
    return replies;
  }

  #line(): string {
    const end = this.#held.indexOf('\r\n', this.#at);
    if (end < 0) throw SHORT;
    const line = this.#held.toString('latin1', this.#at, end);
    this.#at = end + 2;
    return line;
  }

  #bulk(length: number): string | null {
    if (length < 0) return null;
    if (this.#at + length + 2 > this.#held.length) throw SHORT;
    const text = this.#held.toString('latin1', this.#at, this.#at + length);
    this.#at += length + 2;
    return text;
  }

  #many(count: number): Reply[] | null {
    return count < 0 ? null : Array.from({ length: count }, () => this.#value());
  }

  #value(): Reply {
    const line = this.#line();
    const rest = line.slice(1);
    switch (line[0]) {
      case '+':
        return rest;
      case '-':
        return new RedisError(rest);
      case ':':
        return Number(rest);
      case '$':
      case '=':
        return this.#bulk(Number(rest));
      case '!':
        return new RedisError(this.#bulk(Number(rest)) ?? '');
      case '*':
      case '~':
      case '>':
        return this.#many(Number(rest));
      case '%':
        return this.#many(2 * Number(rest));
      case '|':
        this.#many(2 * Number(rest)); // attributes stand before the value they describe
        return this.#value();
      case '_':
        return null;
      case '#':
        return rest === 't';
      case ',':
        return Number(rest);
      case '(':
        return BigInt(rest);
      default:
        throw new Error(`no RESP: ${JSON.stringify(line)}`);
    }
  }
}

/** A connection that sends exactly the bytes a test wants, and reads replies in their order. */
export class RedisWire {
  readonly socket: Socket;
  readonly #reader = new ReplyReader();
  readonly #replies: Reply[] = [];
  readonly #waiting: ((reply: Reply | undefined) => void)[] = [];
  /** Bytes that came. */
  received = 0;
  closed = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.on('error', () => {}); // a server killed under it is the test's doing
    socket.on('data', (bytes: Buffer) => {
      this.received += bytes.length;
      for (const reply of this.#reader.push(bytes)) {
        const waiting = this.#waiting.shift();
        if (waiting === undefined) this.#replies.push(reply);
        else waiting(reply);
      }
    });
    socket.on('close', () => {
      this.closed = true;
      for (const waiting of this.#waiting.splice(0)) waiting(undefined);
    });
  }

  static async to(port: number, host = '127.0.0.1'): Promise<RedisWire> {
    const socket = connect({ port, host, noDelay: true });
    await once(socket, 'connect');
    return new RedisWire(socket);
  }

  get pushes(): readonly Reply[] {
    return this.#reader.pushes;
  }

  write(bytes: Uint8Array | string): void {
    this.socket.write(bytes);
  }

  /** The next reply; undefined when the connection closed before it. */
  next(): Promise<Reply | undefined> {
    const reply = this.#replies.shift();
    if (reply !== undefined) return Promise.resolve(reply);
    if (this.closed) return Promise.resolve(undefined);
    return new Promise((resolve) => this.#waiting.push(resolve));
  }

  /** One command and its reply. */
  send(...args: readonly (string | Uint8Array | number)[]): Promise<Reply | undefined> {
    this.write(command(...args));
    return this.next();
  }

  async end(): Promise<void> {
    if (this.closed) return;
    const closed = once(this.socket, 'close');
    this.socket.end();
    this.socket.resume();
    await closed;
  }
}
