import type { OperationLabels, OperationSeries } from '../digest/rows/rows-operations.ts';
import type { Exemplar } from '../stats/exemplar.ts';
import { MESSAGING_SYSTEMS, operationOf } from '../stats/messaging-systems.ts';
import { type DurationSeries, type MessagingSeries, OVERFLOW_LABEL } from '../stats/prometheus.ts';

/**
 * OpenTelemetry's `db.system.name` for our protocol names (conventions §1.2); the rest are the same word. A series has no
 * server version: MariaDB, which has a name of its own there, is `mysql` here.
 */
const SYSTEMS = new Map([['postgres', 'postgresql']]);
export const systemOf = (protocol: string): string => SYSTEMS.get(protocol) ?? protocol;

/** Merged operations as series of `db_client_operation_duration_seconds`, each with its exemplars. */
export function durationSeries(
  series: readonly OperationSeries[],
  exemplarsOf: (labels: OperationLabels) => readonly Exemplar[] = () => [],
): DurationSeries[] {
  const used = series.filter(
    ({ calls, time, wait, hits, misses, redirected }) =>
      calls + time.count + hits + misses + redirected > 0 || wait !== null,
  );
  return used.map((one) => {
    const { labels, calls, time: histogram, hits, misses, redirected, wait } = one;
    const numbers = {
      histogram,
      calls,
      hits,
      misses,
      redirected,
      wait,
      exemplars: labels.overflow ? [] : exemplarsOf(labels),
    };
    if (labels.overflow) return { labels: { [OVERFLOW_LABEL]: 'true' }, ...numbers };
    const { protocol, listener, database, operation, code } = labels;
    const named = {
      db_system_name: systemOf(protocol),
      db_namespace: database,
      db_operation_name: operation,
      sluice_listener: listener,
    };
    // absent on success: one histogram for both, told apart by this label alone
    const messaging = messagingOf(one);
    return {
      labels: code === '' ? named : { ...named, error_type: code },
      ...numbers,
      ...(messaging !== null && { messaging }),
    };
  });
}

/** The same series by the conventions for messaging; null where those for databases are the protocol's. */
function messagingOf({ labels, batched, returned }: OperationSeries): MessagingSeries | null {
  const { protocol, listener, operation, code } = labels;
  const system = MESSAGING_SYSTEMS.get(protocol);
  if (system === undefined) return null;
  const { name, type } = operationOf(system, operation);
  const named = {
    messaging_system: system.name,
    messaging_operation_name: name,
    ...(type !== '' && { messaging_operation_type: type }),
    // Two of the protocol's operations may share a name there.
    sluice_operation: operation,
    sluice_listener: listener,
  };
  return {
    labels: code === '' ? named : { ...named, error_type: code },
    sent: type === 'send' ? batched : null,
    consumed: type === 'receive' ? returned : null,
  };
}
