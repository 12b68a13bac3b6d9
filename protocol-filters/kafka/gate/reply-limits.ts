import type { Denial, SessionHost } from '../../../src/exchange/protocol-filter.ts';
import { BatchWalk } from '../records/batch-walk.ts';
import type { Request } from '../request.ts';
import type { Message } from '../wire/message.ts';
import { decodeMessage } from '../wire/message-codec.ts';
import { codeOf } from './error-codes.ts';
import { failedReply } from './error-reply.ts';

const HEADER_BYTES = 8;

/**
 * A Fetch's reply, whole: what the client gets. Above a limit that is an error in the place of all records; null: it cannot be
 * read, so nobody knows how many there are.
 */
export function limitedReply(host: SessionHost, r: Request, frame: Buffer): Buffer | null {
  const x = r.exchanges[0]!;
  const { apiKey, apiVersion } = r;
  let why: Denial | null = null;
  x.replyBytes = frame.length;
  if (x.maxReplyBytes > 0 && frame.length > x.maxReplyBytes) why = host.exceeded(x, 'bytes');
  if (why === null && x.maxRows === 0) return frame;
  const reply = decodeMessage(apiKey, apiVersion, 'response', frame, HEADER_BYTES);
  if (reply === null) return null;
  if (why === null) {
    const records = recordsOf(reply);
    if (records <= x.maxRows) return frame;
    x.rowsReturned = records;
    why = host.exceeded(x, 'rows');
    if (why === null) return frame;
  }
  r.denial = why;
  r.denialCode = codeOf(why, apiKey, apiVersion);
  return failedReply(apiKey, apiVersion, r.correlationId, reply, r.denialCode);
}

/** Records in the reply of a Fetch or ShareFetch. */
function recordsOf(reply: Message): number {
  const walk = new BatchWalk(true, false);
  let count = 0;
  for (const topic of (reply['responses'] ?? []) as Message[])
    for (const partition of (topic['partitions'] ?? []) as Message[]) {
      const records = partition['records'];
      if (!Buffer.isBuffer(records)) continue;
      walk.begin(records.length);
      walk.push(records, 0, records.length);
      walk.end();
      count += walk.facts.records;
    }
  return count;
}
