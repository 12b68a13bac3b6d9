import type { MergedRows } from '../digest/rows/merged-rows.ts';
import { Field, RowNumbers } from '../digest/rows/rows-numbers.ts';
import type { OperationSeries } from '../digest/rows/rows-operations.ts';
import type { DigestNumbers, DigestRow, DigestRows } from '../stats/digest-series.ts';
import { type DurationSeries, OVERFLOW_LABEL } from '../stats/prometheus.ts';

/** OpenTelemetry's `db.system.name` for our protocol names (conventions §1.2); the rest are the same word. */
const SYSTEMS = new Map([['postgres', 'postgresql']]);
const systemOf = (protocol: string): string => SYSTEMS.get(protocol) ?? protocol;

/** Merged operations as series of `db_client_operation_duration_seconds`. */
export function durationSeries(series: readonly OperationSeries[]): DurationSeries[] {
  const used = series.filter(({ time }) => time.count > 0);
  return used.map(({ labels, time: histogram }) => {
    if (labels.overflow) return { labels: { [OVERFLOW_LABEL]: 'true' }, histogram };
    const { protocol, listener, database, operation, code } = labels;
    const named = {
      db_system_name: systemOf(protocol),
      db_namespace: database,
      db_operation_name: operation,
      sluice_listener: listener,
    };
    // absent on success: one histogram for both, told apart by this label alone
    return { labels: code === '' ? named : { ...named, error_type: code }, histogram };
  });
}

/** Merged rows by digest alone, for `sluice_digest_*`. */
export function digestRows(merged: Pick<MergedRows, 'rows' | 'other'>): DigestRows {
  const byDigest = new Map<string, { id: string; protocol: string; summary: string; numbers: RowNumbers }>();
  const totals = new RowNumbers();
  for (const { digest, numbers } of merged.rows) {
    const key = digest.id + digest.protocol;
    let sums = byDigest.get(key);
    if (!sums) {
      sums = { id: digest.id, protocol: digest.protocol, summary: digest.summary, numbers: new RowNumbers() };
      byDigest.set(key, sums);
    }
    sums.numbers.add(numbers);
    totals.add(numbers);
  }
  totals.add(merged.other);
  const rows = Array.from(
    byDigest.values(),
    ({ id, protocol, summary, numbers }): DigestRow => ({
      digest: id,
      system: systemOf(protocol),
      summary,
      ...numbersOf(numbers),
    }),
  );
  return { rows, totals: numbersOf(totals) };
}

function numbersOf({ values, time }: RowNumbers): DigestNumbers {
  return {
    calls: values[Field.calls]!,
    errors: values[Field.errors]!,
    rowsReturned: values[Field.rowsReturned]!,
    rowsAffected: values[Field.rowsAffected]!,
    requestBytes: values[Field.requestBytes]!,
    replyBytes: values[Field.replyBytes]!,
    time,
  };
}
