import type { ExchangeEvent } from '../admin/source.ts';
import type { EventBatch } from '../events/event-batch.ts';
import { Flag, OUTCOME_NAMES, VERDICT_NAMES } from '../exchange/exchange.ts';

/** The exchanges of a batch as `/api/exchanges` streams them, made one by one as they are taken. */
export function* exchangeEvents(batch: EventBatch): Generator<ExchangeEvent> {
  const { columns } = batch;
  for (let i = 0; i < batch.rows; i++) {
    const session = batch.session(columns.session[i]!);
    const flags = columns.flags[i]!;
    const { digest, summary, operation } = batch.digest(columns.digest[i]!);
    yield {
      at: new Date(columns.ts_us[i]! / 1000).toISOString(),
      listener: session.listener,
      protocol: session.protocol,
      database: session.database,
      user: session.user,
      application: session.application,
      client: session.client,
      digest,
      summary,
      operation,
      outcome: OUTCOME_NAMES[columns.error_class[i]!] ?? '',
      code: batch.string(columns.status[i]!),
      duration_ms: columns.duration_ns[i]! / 1e6,
      waits: (flags & Flag.waits) !== 0,
      hit: (flags & (Flag.hit | Flag.miss)) === 0 ? null : (flags & Flag.miss) === 0,
      rows_returned: columns.rows_sent[i]!,
      rows_affected: columns.rows_affected[i]!,
      rows_matched: columns.rows_matched[i]!,
      batch_size: columns.batch_size[i]!,
      request_bytes: columns.request_bytes[i]!,
      reply_bytes: columns.response_bytes[i]!,
      verdict: VERDICT_NAMES[columns.verdict[i]!] ?? '',
      policy: batch.string(columns.policy[i]!),
      shadow_verdict: VERDICT_NAMES[columns.shadow_verdict[i]!] ?? '',
      shadow_policy: batch.string(columns.shadow_policy[i]!),
      policy_snapshot: batch.string(columns.policy_snapshot[i]!),
      request_offset: columns.request_offset[i]!,
      attributes: Object.fromEntries(batch.attributes(columns.attributes[i]!)),
    };
  }
}
