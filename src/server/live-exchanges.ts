import type { ExchangeEvent } from '../admin/source.ts';
import type { EventBatch } from '../events/event-batch.ts';
import { Outcome } from '../exchange/exchange.ts';

const OUTCOMES: readonly string[] = Object.entries(Outcome)
  .sort(([, a], [, b]) => a - b)
  .map(([name]) => name);

/** The exchanges of a batch as `/api/exchanges` streams them, made one by one as they are taken. */
export function* exchangeEvents(batch: EventBatch): Generator<ExchangeEvent> {
  const { columns } = batch;
  for (let i = 0; i < batch.rows; i++) {
    const session = batch.session(columns.session[i]!);
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
      outcome: OUTCOMES[columns.error_class[i]!] ?? '',
      code: batch.string(columns.status[i]!),
      duration_ms: columns.duration_ns[i]! / 1e6,
      rows_returned: columns.rows_sent[i]!,
      rows_affected: columns.rows_affected[i]!,
      request_bytes: columns.request_bytes[i]!,
      reply_bytes: columns.response_bytes[i]!,
    };
  }
}
