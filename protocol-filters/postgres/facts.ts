import type { Exchange } from '../../src/exchange/exchange.ts';
import type { Conversation } from './conversation.ts';

const TRACEPARENT = /^[0-9a-f]{2}-[0-9a-f]{32}-[0-9a-f]{16}-[0-9a-f]{2}$/;

/** AuthenticationOk: the server has accepted who the client said it is. */
export function confirmStartup(talk: Conversation): void {
  const { parameters } = talk;
  if (parameters === null) return;
  const { user, database, application } = parameters;
  const traceparent = TRACEPARENT.test(application) ? application : '';
  talk.host.confirm({
    user,
    database,
    traceparent,
    application: traceparent === '' ? application : '',
    ...(parameters.replication && { kind: 'replication' }),
  });
  const { registry, own } = talk.bound.stats;
  if (parameters.replication) registry.inc(own.replication_sessions);
  if (parameters.settings) registry.inc(own.startup_settings);
  talk.parameters = null;
}

/** ParameterStatus: a setting as it is now. An application_name that is a traceparent names a trace, not an application. */
export function confirmParameter(talk: Conversation, name: string, value: string): void {
  const { facts } = talk.host;
  switch (name) {
    case 'application_name': {
      if (TRACEPARENT.test(value)) {
        if (facts.traceparent !== value) talk.host.confirm({ traceparent: value });
      } else if (facts.application !== value || facts.traceparent !== '')
        talk.host.confirm({ application: value, traceparent: '' });
      return;
    }
    case 'server_version':
      if (facts.serverVersion !== value) talk.host.confirm({ serverVersion: value });
      return;
    case 'standard_conforming_strings':
    case 'client_encoding':
      talk.reading.report(name, value);
      return;
  }
}

/** The operations that Envoy's filter puts into its metadata. */
const ENVOY_OPERATIONS = new Set(['insert', 'update', 'select', 'drop', 'delete', 'create', 'alter']);
export const ENVOY_NAMESPACE = 'envoy.filters.network.postgres_proxy';

/** Envoy's metadata (`table.database` → operations) and ours, of the operations of one turn. */
export function metadata(ops: readonly Exchange[]): Record<string, Record<string, unknown>> {
  const tables: Record<string, string[]> = {};
  const relations = new Set<string>();
  for (const { digest, session } of ops) {
    if (digest === null) continue;
    const database = session.database || session.user;
    for (const target of digest.targets) {
      relations.add(target.schema === '' ? target.name : `${target.schema}.${target.name}`);
      const key = database === '' ? target.name : `${target.name}.${database}`;
      for (const operation of target.operations) {
        if (!ENVOY_OPERATIONS.has(operation)) continue;
        const known = Object.hasOwn(tables, key) ? tables[key]! : [];
        if (!known.includes(operation)) known.push(operation);
        Object.defineProperty(tables, key, { value: known, enumerable: true, configurable: true, writable: true });
      }
    }
  }
  const first = ops[0];
  const digest = first?.digest ?? null;
  return {
    [ENVOY_NAMESPACE]: tables,
    'sluice.query': {
      protocol: 'postgres',
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
