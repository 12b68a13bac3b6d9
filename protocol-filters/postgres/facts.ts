import { sqlMetadata } from '../../src/digest/sql-metadata.ts';
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
    case 'server_encoding':
    case 'search_path':
      talk.reading.report(name, value);
      return;
  }
}

export const ENVOY_NAMESPACE = 'envoy.filters.network.postgres_proxy';

/** Envoy's tables are `table.database`, the database being the session's. */
export const metadata = (ops: readonly Exchange[]): Record<string, Record<string, unknown>> =>
  sqlMetadata(ops, {
    protocol: 'postgres',
    namespace: ENVOY_NAMESPACE,
    tableKey({ name }, { session }) {
      const database = session.database || session.user;
      return database === '' ? name : `${name}.${database}`;
    },
  });
