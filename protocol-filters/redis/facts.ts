import type { Exchange } from '../../src/exchange/exchange.ts';

export const NAMESPACE = 'sluice.filters.network.redis';

/**
 * Metadata of one turn: the commands, the key patterns they touch with what is done to them, and who asked. Patterns, no
 * keys. Envoy's redis_proxy emits none.
 */
export function metadata(ops: readonly Exchange[]): Record<string, Record<string, unknown>> {
  const keys: Record<string, string[]> = {};
  for (const { digest } of ops)
    for (const target of digest?.targets ?? []) {
      if (!Object.hasOwn(keys, target.name))
        Object.defineProperty(keys, target.name, { value: [], enumerable: true, configurable: true, writable: true });
      const operations = keys[target.name]!;
      for (const operation of target.operations) if (!operations.includes(operation)) operations.push(operation);
    }
  const first = ops[0];
  return {
    [NAMESPACE]: { commands: ops.map((x) => x.kind), keys },
    'sluice.query': {
      protocol: 'redis',
      operations: ops.map((x) => x.digest?.operation ?? ''),
      digests: ops.map((x) => x.digest?.id ?? ''),
      summary: first?.digest?.summary ?? '',
      confidence: first?.digest?.confidence ?? 'none',
      relations: Object.keys(keys),
      kind: first?.kind ?? '',
      user: first?.session.user ?? '',
      database: first?.session.database ?? '',
      application: first?.session.application ?? '',
    },
  };
}
