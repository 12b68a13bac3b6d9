import type { Fault } from '../../src/exchange/fault.ts';
import { lookUpCommand } from './commands.ts';
import { CR, LF, Type } from './wire.ts';

const TLS_HANDSHAKE = 0x16;
/** An inline command, and the line of another protocol, are told apart by their line; a longer one is none of ours. */
const MAX_LINE = 512;

/** Can a client's first byte be one of a Redis client? A line may begin with anything that can be typed. */
export function firstByteFault(byte: number): Fault | null {
  if (byte === TLS_HANDSHAKE) return 'encrypted';
  const isText = (byte >= 0x20 && byte < 0x7f) || byte === CR || byte === LF || byte === 0x09;
  return isText ? null : 'foreign_protocol';
}

/** Does a connection that starts like this belong here: an array of bulk strings, or a line that begins with a known command? */
export function detectRedis(head: Buffer): 'yes' | 'no' | 'more' {
  if (head.length === 0) return 'more';
  return head[0] === Type.array ? detectArray(head) : detectLine(head);
}

/** `*` digits CR LF `$` */
function detectArray(head: Buffer): 'yes' | 'no' | 'more' {
  let at = 1;
  while (at < head.length && head[at]! >= 0x30 && head[at]! <= 0x39) at++;
  if (at > 8) return 'no';
  for (const byte of [CR, LF, Type.bulk]) {
    if (at === head.length) return 'more';
    if (at === 1 || head[at++] !== byte) return 'no';
  }
  return 'yes';
}

function detectLine(head: Buffer): 'yes' | 'no' | 'more' {
  const lineEnd = head.indexOf(LF);
  const end = lineEnd < 0 ? head.length : lineEnd;
  let at = 0;
  while (at < end && isLetter(head[at]!)) at++;
  if (at === head.length) return at < MAX_COMMAND ? 'more' : 'no';
  if (at === 0 || !isBlank(head[at]!) || lookUpCommand(head, 0, at) === null) return 'no';
  // `GET / HTTP/1.1` begins like a command too.
  if (lineEnd < 0) return head.length < MAX_LINE ? 'more' : 'no';
  return /\sHTTP\/\d/.test(head.toString('latin1', 0, end)) ? 'no' : 'yes';
}

/** No command is longer. */
const MAX_COMMAND = 32;
const isBlank = (byte: number): boolean => byte === 0x20 || byte === 0x09 || byte === CR || byte === LF;
const isLetter = (byte: number): boolean => {
  const folded = byte | 0x20;
  return (folded >= 0x61 && folded <= 0x7a) || byte === 0x5f || (byte >= 0x30 && byte <= 0x39);
};
