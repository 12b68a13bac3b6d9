import type { Exchange } from '../../src/exchange/exchange.ts';
import type { ConnectionAttributes } from './attributes.ts';
import type { Conversation } from './conversation.ts';
import { hasAnsiQuotes } from './effects.ts';
import { readSessionTrack, type TrackSink } from './session-track.ts';
import { ServerStatus } from './wire.ts';

/** What a client said of itself, true once the server has said OK. */
export interface Claim {
  readonly user: string;
  readonly database: string;
  readonly authPlugin: string;
  readonly attributes: ConnectionAttributes;
}

/** The server has accepted who the client said it is. */
export function confirmClaim(talk: Conversation, { user, database, attributes }: Claim, serverVersion: string): void {
  talk.host.confirm({
    user,
    database,
    serverVersion,
    application: attributes.programName,
    driver: [attributes.clientName, attributes.clientVersion].filter((part) => part !== '').join(' '),
    traceparent: attributes.traceparent,
  });
}

/** The server streams its log to this client, or has taken it down as a replica. */
export function confirmReplica(talk: Conversation): void {
  if (talk.host.facts.kind === 'replication') return;
  talk.host.confirm({ kind: 'replication' });
  talk.count('replication_sessions');
}

/** How the server reads text now, as the status of every OK and EOF says it. */
export function applyStatus(talk: Conversation, status: number): void {
  const { reading } = talk;
  reading.setNoBackslashEscapes((status & ServerStatus.noBackslashEscapes) !== 0);
  if (reading.flavour !== 'mariadb') return;
  // Only MariaDB tells, and only newer ones: a bit that was never seen says nothing by its absence.
  if ((status & ServerStatus.ansiQuotes) !== 0) {
    talk.tellsQuotes = true;
    reading.setAnsiQuotes(true);
  } else if (talk.tellsQuotes) reading.setAnsiQuotes(false);
}

/** Told to while session state changes are read; one at a time, nothing is kept. */
class Tracked implements TrackSink {
  talk: Conversation | null = null;

  onSchema(name: string): void {
    const { host } = this.talk!;
    if (host.facts.database !== name) host.confirm({ database: name });
  }

  onVariable(name: string, value: string): void {
    if (name === 'sql_mode') this.talk!.reading.setAnsiQuotes(hasAnsiQuotes(value));
  }
}
const tracked = new Tracked();

/** Session state changes, buf[from..to) of an OK packet. What cannot be read of them is not applied. */
export function applyTracked(talk: Conversation, buf: Buffer, from: number, to: number): void {
  tracked.talk = talk;
  readSessionTrack(buf, from, to, tracked);
  tracked.talk = null;
}

export const ENVOY_NAMESPACE = 'envoy.filters.network.mysql_proxy';
/** The operations that Envoy's SQL parser tells. */
const ENVOY_OPERATIONS = new Set(['insert', 'update', 'select', 'drop', 'delete', 'create', 'alter']);

/**
 * Envoy's metadata (table → operations; `table.database` where the text names the database or the session has one, which
 * Envoy's documents promise and its code does not do) and ours, of the operations of one turn.
 */
export function metadata(ops: readonly Exchange[]): Record<string, Record<string, unknown>> {
  const tables: Record<string, string[]> = {};
  const relations = new Set<string>();
  for (const { digest, session } of ops) {
    if (digest === null) continue;
    for (const target of digest.targets) {
      relations.add(target.schema === '' ? target.name : `${target.schema}.${target.name}`);
      const database = target.schema || session.database;
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
      protocol: 'mysql',
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
