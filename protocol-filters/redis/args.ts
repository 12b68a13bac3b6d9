/** Arguments whose bytes are held of what is only observed; of those behind them only the number is known. */
export const MAX_HELD_ARGS = 64;

/** Room that is kept from one command to the next. */
const KEPT_ARGS = 1024;

/**
 * The command now being read, by spans. One object a connection, reused: valid until the next command. `buf` is the chunk
 * that was read when the whole command lies in it, else a capture.
 */
export class Args {
  buf: Uint8Array = new Uint8Array(0);
  /** Arguments in all, as declared; the command's name is number 0. */
  argc = 0;
  /** Arguments 0 to held - 1 have spans. */
  held = 0;
  start = new Int32Array(MAX_HELD_ARGS);
  /** Bytes held: all of the argument, or its first. */
  length = new Int32Array(MAX_HELD_ARGS);
  /** Bytes of the whole argument. */
  size = new Float64Array(MAX_HELD_ARGS);

  /** Room for one more than there is: of commands that are judged all arguments are held. */
  grow(): void {
    this.#resize(this.start.length * 2);
  }

  /** The command is over: gives back what a large one took. */
  shrink(): void {
    if (this.start.length > KEPT_ARGS) this.#resize(MAX_HELD_ARGS);
  }

  #resize(args: number): void {
    const [start, length, size] = [new Int32Array(args), new Int32Array(args), new Float64Array(args)];
    const kept = Math.min(args, this.start.length);
    start.set(this.start.subarray(0, kept));
    length.set(this.length.subarray(0, kept));
    size.set(this.size.subarray(0, kept));
    this.start = start;
    this.length = length;
    this.size = size;
  }

  /** Is all of this argument held? */
  whole(index: number): boolean {
    return index < this.held && this.length[index] === this.size[index];
  }
}
