import { Args, MAX_HELD_ARGS } from '../args.ts';

/** Arguments as the request reader holds them: the first `held`, each cut at `bytes`, with other bytes around them. */
export function spansOf(words: readonly (string | Uint8Array)[], held = MAX_HELD_ARGS, bytes = 512): Args {
  const args = new Args();
  const parts = words.map((word) => Buffer.from(word as string));
  args.buf = Buffer.concat(parts.flatMap((part) => [Buffer.from('$\r\n'), part, Buffer.from('\r\n')]));
  args.argc = words.length;
  args.held = Math.min(held, words.length, MAX_HELD_ARGS);
  let at = 0;
  for (let i = 0; i < args.held; i++) {
    const { length } = parts[i]!;
    args.start[i] = at + 3;
    args.length[i] = Math.min(length, bytes);
    args.size[i] = length;
    at += length + 5;
  }
  return args;
}
