import type { Clock, Timer } from '../net/transport.ts';
import { type Output, openOutput } from './output.ts';

export interface LogFileOptions {
  readonly clock: Clock;
  /** Bytes that may wait; above, lines are dropped. */
  readonly maxBytes?: number;
  readonly open?: typeof openOutput;
}

const WRITE_BYTES = 256 * 1024;
const RETRY_MS = 1000;
const NEWLINE = 10;

/**
 * Lines on their way to a file or stdout. At any moment `lines taken = written + waiting + dropped`. A line is written
 * whole or not at all: what a full disk cut off is finished when there is room again. Nothing here throws or waits.
 */
export class LogFile {
  readonly path: string;
  written = 0;
  dropped = 0;
  /** Opens and writes that failed. */
  failures = 0;
  readonly #clock: Clock;
  readonly #maxBytes: number;
  readonly #open: typeof openOutput;
  #lines: string[] = [];
  #lineBytes = 0;
  /** What is being written: bytes from `#at` on are left, and that many lines end in it. */
  #chunk: Buffer | null = null;
  #at = 0;
  #chunkLines = 0;
  #output: Output | null = null;
  #busy = false;
  #retry: Timer | null = null;
  #scheduled = false;
  #reopen = false;
  #closed = false;
  #idle: (() => void)[] = [];

  constructor(path: string, options: LogFileOptions) {
    this.path = path;
    this.#clock = options.clock;
    this.#maxBytes = options.maxBytes ?? 2 ** 20;
    this.#open = options.open ?? openOutput;
  }

  get waiting(): number {
    return this.#lines.length + this.#chunkLines;
  }

  /** Takes a line, without its newline. */
  append(line: string): void {
    const bytes = Buffer.byteLength(line) + 1;
    const held = this.#lineBytes + (this.#chunk === null ? 0 : this.#chunk.length - this.#at);
    if (this.#closed || held + bytes > this.#maxBytes) {
      this.dropped++;
      return;
    }
    this.#lines.push(line);
    this.#lineBytes += bytes;
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#step();
    });
  }

  /** After rotation: what follows goes to the path anew. Stdout has no other place to go. */
  reopen(): void {
    if (this.path === '-') return;
    this.#reopen = true;
    this.#step();
  }

  /** Resolves when nothing waits any more, or at the limit. */
  flush(limitMs: number): Promise<void> {
    if (this.waiting === 0 && !this.#busy) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = this.#clock.after(limitMs, resolve);
      this.#idle.push(() => {
        timer.cancel();
        resolve();
      });
      this.#step();
    });
  }

  /** Writes what it can until the limit; what is left then is dropped. */
  async close(limitMs = 1000): Promise<void> {
    await this.flush(limitMs);
    this.#closed = true;
    this.#retry?.cancel();
    this.dropped += this.waiting;
    this.#lines = [];
    this.#chunk = null;
    this.#lineBytes = this.#chunkLines = 0;
    if (!this.#busy) this.#shut();
  }

  #step(): void {
    if (this.#busy || this.#closed || this.#retry !== null) {
      if (!this.#reopen || this.#busy || this.#closed) return;
      this.#retry?.cancel(); // a new path may well be writable
      this.#retry = null;
    }
    if (this.#reopen) {
      this.#reopen = false;
      this.#shut();
      this.#toWholeLines();
    }
    if (this.#chunk === null) this.#next();
    if (this.#chunk === null) {
      for (const idle of this.#idle.splice(0)) idle();
      return;
    }
    this.#busy = true;
    if (this.#output === null) this.#open(this.path, (error, output) => this.#opened(error, output));
    else this.#output.write(this.#chunk.subarray(this.#at), (error, n) => this.#wrote(error, n));
  }

  #opened(error: Error | null, output: Output | null): void {
    this.#busy = false;
    this.#output = output;
    if (this.#closed) this.#shut();
    else if (error) this.#failed();
    else this.#step();
  }

  #wrote(error: Error | null, bytes: number): void {
    this.#busy = false;
    if (this.#closed) {
      this.#shut();
      return;
    }
    this.#at += bytes;
    if (this.#chunk !== null && this.#at >= this.#chunk.length) {
      this.written += this.#chunkLines;
      this.#chunk = null;
      this.#chunkLines = 0;
    }
    if (error) this.#failed();
    else this.#step();
  }

  #failed(): void {
    this.failures++;
    this.#retry = this.#clock.after(RETRY_MS, () => {
      this.#retry = null;
      this.#step();
    });
    if (this.#reopen) this.#step();
  }

  #shut(): void {
    this.#output?.close();
    this.#output = null;
  }

  /** Takes lines for one write. */
  #next(): void {
    if (this.#lines.length === 0) return;
    let bytes = 0;
    let n = 0;
    while (n < this.#lines.length && bytes < WRITE_BYTES) bytes += this.#lines[n++]!.length + 1;
    const lines = n === this.#lines.length ? this.#lines : this.#lines.slice(0, n);
    this.#lines = n === this.#lines.length ? [] : this.#lines.slice(n);
    this.#chunk = Buffer.from(`${lines.join('\n')}\n`);
    this.#lineBytes -= this.#chunk.length;
    this.#chunkLines = n;
    this.#at = 0;
  }

  /** The other file has the beginning of a line: its rest must not begin this one. */
  #toWholeLines(): void {
    const chunk = this.#chunk;
    if (chunk === null || this.#at === 0) return;
    let at = this.#at;
    if (chunk[at - 1] !== NEWLINE) at = chunk.indexOf(NEWLINE, at) + 1;
    const left = chunk.subarray(at);
    let lines = 0;
    for (const byte of left) if (byte === NEWLINE) lines++;
    const cut = at === this.#at ? 0 : 1;
    this.written += this.#chunkLines - lines - cut;
    this.dropped += cut;
    this.#chunk = lines === 0 ? null : left;
    this.#chunkLines = lines;
    this.#at = 0;
  }
}
