import type { Exchange } from '../../src/exchange/exchange.ts';
import { APIS } from './schema/api.ts';

/** Envoy's filter name. Its filter emits no metadata. */
export const FILTER_NAME = 'envoy.filters.network.kafka_broker';

const KEYS = new Map(APIS.map(({ name, key }) => [name, key]));
const UNKNOWN_NAME = /^Api (\d+)$/;

/** Metadata of one turn: a request with the topics, group and transactional id that it names. */
export function metadata(ops: readonly Exchange[]): Record<string, Record<string, unknown>> {
  const topics: Record<string, string[]> = {};
  const named = { group: '', transactional_id: '' };
  for (const { digest } of ops)
    for (const { schema, name, operations } of digest?.targets ?? []) {
      if (schema === 'group' || schema === 'transactional_id') named[schema] ||= name;
      else {
        // A topic may be called __proto__.
        if (!Object.hasOwn(topics, name))
          Object.defineProperty(topics, name, { value: [], enumerable: true, configurable: true, writable: true });
        for (const operation of operations) if (!topics[name]!.includes(operation)) topics[name]!.push(operation);
      }
    }
  const first = ops[0];
  const operation = first?.digest?.operation ?? '';
  const key = KEYS.get(operation) ?? Number(UNKNOWN_NAME.exec(operation)?.[1] ?? -1);
  const version = versionIn(first?.attributes ?? '');
  return {
    'sluice.filters.network.kafka': { api: operation, topics, ...present(named) },
    'sluice.query': {
      protocol: 'kafka',
      operations: ops.map((x) => x.digest?.operation ?? ''),
      digests: ops.map((x) => x.digest?.id ?? ''),
      summary: first?.digest?.summary ?? '',
      confidence: leastOf(ops),
      relations: Object.keys(topics),
      kind: first?.kind ?? '',
      user: first?.session.user ?? '',
      database: first?.session.database ?? '',
      application: first?.session.application ?? '',
      ...(key >= 0 && { api_key: key }),
      ...(version >= 0 && { api_version: version }),
      topics: Object.keys(topics),
      ...present(named),
      client_id: first?.session.application ?? '',
      principal: first?.session.user ?? '',
    },
  };
}

const present = (names: Record<string, string>): Record<string, string> =>
  Object.fromEntries(Object.entries(names).filter(([, name]) => name !== ''));

/** A turn is understood as well as what is least understood of it. */
function leastOf(ops: readonly Exchange[]): string {
  const all = ops.map((x) => x.digest?.confidence ?? 'none');
  if (all.length === 0 || all.includes('none')) return 'none';
  return all.includes('partial') ? 'partial' : 'parsed';
}

function versionIn(attributes: string): number {
  if (attributes === '') return -1;
  const version = (JSON.parse(attributes) as Record<string, unknown>)['sluice.kafka.api_version'];
  return typeof version === 'number' ? version : -1;
}
