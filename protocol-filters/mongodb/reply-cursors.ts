import type { Exchange } from '../../src/exchange/exchange.ts';
import type { Conversation } from './conversation.ts';
import { storyOf } from './cursors.ts';
import { Code } from './error-names.ts';
import type { Request } from './in-flight.ts';
import type { Message } from './message.ts';
import type { Reply } from './reply.ts';
import { Special } from './special.ts';

/** A reply that names a cursor, or answers getMore: the cursor was opened, goes on, or has come to its end. */
export function afterCursorReply(
  talk: Conversation,
  request: Request,
  message: Message,
  reply: Reply,
  x: Exchange,
): void {
  if (request.special === Special.getMore) {
    afterGetMore(talk, request, reply, x.replyLastByteAt);
    return;
  }
  const { cursorLow: low, cursorHigh: high } = reply;
  if (low === 0 && high === 0) {
    if (request.replies > 0) endOf(talk, request, x.replyLastByteAt); // of a legacy exhaust query
    return;
  }
  x.story = storyOf(low, high);
  if (request.replies > 0) return; // opened by the reply before
  request.cursorLow = low;
  request.cursorHigh = high;
  const { bound, host } = talk;
  bound.cursors.open({
    low,
    high,
    upstream: host.facts.upstreamAddress,
    origin: request.digest,
    namespace: reply.namespace(message) || `${request.database}.${request.collection}`,
    user: host.facts.user,
    tails: request.tails,
    holdsResults: request.special === Special.bulkWrite,
    facts: request.facts,
    openedAt: x.replyLastByteAt,
  });
}

function afterGetMore(talk: Conversation, request: Request, reply: Reply, now: number): void {
  const { bound, host } = talk;
  const { registry, own } = bound.stats;
  if (reply.failed) {
    const isKilled = reply.code === Code.cursorKilled;
    if (!isKilled && reply.code !== Code.cursorNotFound) return;
    const wasOpen = bound.cursors.close(request.cursorLow, request.cursorHigh, host.facts.upstreamAddress, now);
    if (!isKilled) registry.inc(own.cursors_not_found);
    else if (wasOpen) registry.inc(own.cursors_killed); // else the answer to killCursors has said so already
  } else if (reply.hasCursor && reply.cursorLow === 0 && reply.cursorHigh === 0) endOf(talk, request, now);
}

/** The cursor was read to its end. */
function endOf({ bound, host }: Conversation, request: Request, now: number): void {
  const { registry, own } = bound.stats;
  registry.inc(own.cursors_exhausted);
  bound.cursors.close(request.cursorLow, request.cursorHigh, host.facts.upstreamAddress, now);
}

/**
 * killCursors: the server counts which it killed; none of those that were named is there any more. One whose getMore has told
 * meanwhile that it was killed is not counted again.
 */
export function afterKillCursors({ bound, host }: Conversation, request: Request, reply: Reply): void {
  const { registry, own } = bound.stats;
  registry.add(own.cursors_not_found, reply.notFound);
  const ids = request.extra?.cursors ?? null;
  let toldBefore = 0;
  if (!reply.failed && ids !== null) {
    const now = host.now();
    toldBefore = request.extra!.knownCursors;
    for (let i = 0; i < ids.length; i += 2)
      if (bound.cursors.close(ids[i]!, ids[i + 1]!, host.facts.upstreamAddress, now)) toldBefore--;
  }
  registry.add(own.cursors_killed, Math.max(0, reply.killed - toldBefore));
}
