/** Arguments whose bytes may be held; of those behind them only the number is known. */
export const MAX_HELD_ARGS = 64;

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
  readonly start = new Int32Array(MAX_HELD_ARGS);
  /** Bytes held: all of the argument, or its first. */
  readonly length = new Int32Array(MAX_HELD_ARGS);
  /** Bytes of the whole argument. */
  readonly size = new Float64Array(MAX_HELD_ARGS);

  /** Is all of this argument held? */
  whole(index: number): boolean {
    return index < this.held && this.length[index] === this.size[index];
  }
}
