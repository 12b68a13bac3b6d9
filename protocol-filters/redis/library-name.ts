import type { Args } from './args.ts';
import { isWord } from './wire.ts';

/** A piece of a buffer, as an answer that is not allocated anew. */
export class SpanOf {
  start = 0;
  end = 0;
}

const BLANK = 0x20;
const LF = 0x0a;
const NAME = Buffer.from('name=');

/**
 * The library that FUNCTION LOAD brings, from the first line of its code: `#!lua name=mylib`. The code is argument `at` or,
 * behind REPLACE, the next. False when no name is there; nothing is promised for `to` then.
 */
export function libraryName(args: Args, at: number, to: SpanOf): boolean {
  const { buf, held } = args;
  const isReplace = at + 1 < args.argc && isWord(buf, args.start[at]!, args.start[at]! + args.length[at]!, 'replace');
  const code = isReplace ? at + 1 : at;
  if (code >= held) return false;
  const end = args.start[code]! + args.length[code]!;
  let i = args.start[code]!;
  if (end - i < 2 || buf[i] !== 0x23 || buf[i + 1] !== 0x21) return false;
  while (i < end && buf[i] !== LF) {
    while (i < end && buf[i] === BLANK) i++;
    const word = i;
    while (i < end && buf[i] !== BLANK && buf[i] !== LF) i++;
    if (startsWithName(buf, word, i)) {
      to.start = word + NAME.length;
      to.end = i;
      return true;
    }
  }
  return false;
}

function startsWithName(buf: Uint8Array, start: number, end: number): boolean {
  if (end - start < NAME.length) return false;
  for (let i = 0; i < NAME.length; i++) if (buf[start + i] !== NAME[i]) return false;
  return true;
}
