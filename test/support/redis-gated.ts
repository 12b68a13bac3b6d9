import { Replies } from '../../protocol-filters/redis/replies.ts';
import { Watch } from '../../protocol-filters/redis/reply-sink.ts';
import type { Gated } from './gated.ts';
import type { Recorded } from './transcript.ts';

/** What each of these says is denied by an enforcing chain, or closes the connection. */
const NOT_LET_THROUGH = new Set([
  ...['wire-bad-array-length', 'wire-bad-bulk-length', 'wire-expected-dollar', 'wire-http', 'wire-unbalanced-quotes'],
  ...['wire-inline', 'wire-multi-session', 'wire-multi-subscribe', 'cli-pipe'],
]);

/** Redis: one line a reply. */
export const gatedRedis: Gated = (name, lines) =>
  NOT_LET_THROUGH.has(name) ? null : lines.flatMap((line) => (line.who === '>' ? [line] : repliesIn(line.bytes)));

function repliesIn(bytes: Buffer): Recorded[] {
  const ends: number[] = [];
  const replies: Replies = new Replies({
    onReplyBegins: () => Watch.whole,
    onElement: () => {},
    onReply: () => void ends.push(replies.to),
    onNestedPush: () => {},
  });
  replies.push(bytes, 0, bytes.length, 0, 0);
  if (ends.at(-1) !== bytes.length) ends.push(bytes.length); // no RESP, or cut by the server's end
  return ends.map((end, i) => ({ who: '<', bytes: bytes.subarray(i === 0 ? 0 : ends[i - 1], end) }));
}
