import type { Digest } from '../../src/exchange/digest.ts';
import type { Args } from './args.ts';
import type { Conversation } from './conversation.ts';
import type { RedisDigests } from './digests.ts';
import { argumentIs } from './identity.ts';
import { WAITS, Waits } from './special.ts';

/** Is the server asked to wait? Within MULTI nothing waits. */
export function asksToWait({ transaction }: Conversation, slot: number, args: Args): boolean {
  const waits = WAITS[slot]!;
  if (waits === Waits.no || transaction.asked) return false;
  if (waits === Waits.always) return true;
  // XREAD, XREADGROUP: options stand before STREAMS; a group or a consumer may be called BLOCK.
  for (let i = 1; i < args.held; i++) {
    if (argumentIs(args, i, 'block')) return true;
    if (argumentIs(args, i, 'streams')) return false;
    if (argumentIs(args, i, 'group')) i += 2;
  }
  return false;
}

/** `GET / HTTP/1.1` reads like a command. */
export function isHttp(args: Args): boolean {
  if (args.argc !== 3 || args.held < 3 || args.length[2]! < HTTP.length) return false;
  for (let i = 0; i < HTTP.length; i++) if (args.buf[args.start[2]! + i] !== HTTP.charCodeAt(i)) return false;
  return true;
}
const HTTP = 'HTTP/';

/** Of a command that the table does not have, or whose name has not been held. */
export function unknownDigest(digests: RedisDigests, args: Args): Digest {
  if (args.held === 0) return digests.unknown(NOTHING, 0, 0);
  const start = args.start[0]!;
  return digests.unknown(args.buf, start, start + args.length[0]!);
}
const NOTHING = new Uint8Array(0);
