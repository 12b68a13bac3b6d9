import type { DigestEntry, SessionEntry } from '../../events/event-batch.ts';
import type { Attributes } from './any-value.ts';
import { type Conventions, type Counted, SpanKind } from './conventions.ts';
import { databaseSystem, isSql } from './database-names.ts';

/** From two on: one operation is no batch. */
const BATCH: Counted = { key: 'db.operation.batch.size', column: 'batch_size', from: 2 };

/** OpenTelemetry's conventions for database client calls. */
export const DATABASE: Conventions = {
  session: (session) => [
    ['db.system.name', databaseSystem(session)],
    ['db.namespace', session.database],
  ],
  digest: digestAttributes,
  statusKey: 'db.response.status_code',
  counted: () => BATCH,
  spanName: ({ summary }) => summary,
  spanNameAt,
  spanKind: () => SpanKind.client,
};

/** For SQL neither operation nor collection may come from the text under the standard's names: they bear our own. */
function digestAttributes(entry: DigestEntry, session: SessionEntry): Attributes {
  return [
    ['db.query.summary', entry.summary],
    ['db.query.text', entry.text],
    [isSql(session.protocol) ? 'sluice.operation' : 'db.operation.name', entry.operation],
    touched(entry.collection, session),
  ];
}

/** The standard's `db.collection.name` is one collection, without its database: `db.namespace` has that. */
function touched(names: string, { protocol, database }: SessionEntry): Attributes[number] {
  if (isSql(protocol)) return ['sluice.tables', names];
  switch (protocol) {
    case 'mongodb': {
      if (names.includes(', ')) return ['sluice.collections', names];
      return ['db.collection.name', names.startsWith(`${database}.`) ? names.slice(database.length + 1) : names];
    }
    case 'zookeeper':
      return ['sluice.paths', names];
    default:
      return ['sluice.keys', names];
  }
}

/** Operation and target; else the target; else the system. The target: namespace, or the server. */
function spanNameAt({ operation }: DigestEntry, session: SessionEntry): string {
  // Redis: a number says nothing there.
  const namespace = session.protocol === 'redis' ? '' : session.database;
  const target = namespace || session.upstream;
  return [operation, target].filter((part) => part !== '').join(' ') || databaseSystem(session);
}
