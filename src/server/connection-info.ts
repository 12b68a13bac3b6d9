import type { Connection } from '../net/connection.ts';
import type { ConnectionInfo } from './data-plane.ts';

/** An open connection for /api/connections. `now`: monotonic ms. */
export function connectionInfo(connection: Connection, worker: number, now: number): ConnectionInfo {
  const { facts, info } = connection;
  return {
    id: connection.id,
    worker,
    listener: facts.listener,
    protocol: facts.protocol,
    client: facts.clientAddress,
    upstream: facts.upstreamAddress,
    user: facts.user,
    database: facts.database,
    application: facts.application,
    state: stateOf(connection),
    startedAt: facts.startedAt,
    idleMs: Math.max(0, Math.round(now - connection.lastActivityAt)),
    bytesReceived: info.bytesReceived,
    bytesSent: info.bytesSent,
    exchanges: connection.drainable?.exchanges ?? 0,
  };
}

function stateOf(connection: Connection): string {
  const { facts, drainable } = connection;
  if (facts.opaque !== '') return `opaque:${facts.opaque}`;
  if (facts.upstreamAddress === '') return 'connecting';
  if (connection.draining) return 'draining';
  if (facts.transactionState === 'in_transaction' || facts.transactionState === 'failed') return 'in_transaction';
  return drainable === null || !drainable.quiet ? 'active' : 'idle';
}
