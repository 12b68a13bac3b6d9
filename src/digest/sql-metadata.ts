import type { Target } from '../exchange/digest.ts';
import type { Exchange } from '../exchange/exchange.ts';

/** The operations that Envoy's SQL parser tells. */
const ENVOY_OPERATIONS = new Set(['insert', 'update', 'select', 'drop', 'delete', 'create', 'alter']);

export interface SqlMetadataOptions {
  readonly protocol: string;
  /** Envoy's namespace of this filter. */
  readonly namespace: string;
  /** Envoy's key of a table, as its filter writes it. */
  tableKey(target: Target, x: Exchange): string;
}

/** Envoy's metadata (table → operations) and ours (`sluice.query`), of the operations of one turn of an SQL protocol. */
export function sqlMetadata(
  ops: readonly Exchange[],
  { protocol, namespace, tableKey }: SqlMetadataOptions,
): Record<string, Record<string, unknown>> {
  const tables: Record<string, string[]> = {};
  const relations = new Set<string>();
  for (const x of ops) {
    for (const target of x.digest?.targets ?? []) {
      relations.add(target.schema === '' ? target.name : `${target.schema}.${target.name}`);
      const key = tableKey(target, x);
      for (const operation of target.operations) {
        if (!ENVOY_OPERATIONS.has(operation)) continue;
        const known = Object.hasOwn(tables, key) ? tables[key]! : [];
        if (!known.includes(operation)) known.push(operation);
        // A table may be called __proto__.
        Object.defineProperty(tables, key, { value: known, enumerable: true, configurable: true, writable: true });
      }
    }
  }
  const first = ops[0];
  const digest = first?.digest ?? null;
  return {
    [namespace]: tables,
    'sluice.query': {
      protocol,
      operations: ops.map((x) => x.digest?.operation ?? ''),
      digests: ops.map((x) => x.digest?.id ?? ''),
      summary: digest?.summary ?? '',
      confidence: digest?.confidence ?? 'none',
      relations: [...relations],
      kind: first?.kind ?? '',
      user: first?.session.user ?? '',
      database: first?.session.database ?? '',
      application: first?.session.application ?? '',
    },
  };
}
