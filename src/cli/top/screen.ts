import type { WriteStream } from 'node:tty';

/**
 * Redraws a block of lines in place at the end of a terminal's output. On anything that is no terminal draw() does
 * nothing: the caller prints once, at the end.
 */
export class Screen {
  readonly #out: WriteStream;
  #drawn = 0;

  constructor(out: WriteStream) {
    this.#out = out;
  }

  get isTerminal(): boolean {
    return this.#out.isTTY === true;
  }

  get width(): number {
    return this.#out.columns || 100;
  }

  /** Lines that fit without scrolling. */
  get height(): number {
    return Math.max(5, (this.#out.rows || 40) - 1);
  }

  draw(lines: readonly string[]): void {
    if (!this.isTerminal) return;
    const up = this.#drawn > 0 ? `\x1b[${this.#drawn}A` : '';
    // Each line is cleared behind its text, then whatever the last drawing had below.
    this.#out.write(`${up}\r${lines.map((line) => `${line}\x1b[K\n`).join('')}\x1b[J`);
    this.#drawn = lines.length;
  }

  /** What comes next goes below the block. */
  leave(): void {
    this.#drawn = 0;
  }
}
