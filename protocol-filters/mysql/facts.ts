import { sqlMetadata } from '../../src/digest/sql-metadata.ts';
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
  /** Number of the character set and collation; 0 where the client did not say. */
  readonly collation: number;
  readonly attributes: ConnectionAttributes;
}

/** The server has accepted who the client said it is. */
export function confirmClaim(talk: Conversation, claim: Claim, serverVersion: string): void {
  const { user, database, attributes, collation } = claim;
  talk.reading.setCharset(collation);
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
  if (talk.tellsQuotes) reading.quotesUnsure = false;
}

/** Told to while session state changes are read; one at a time, nothing is kept. */
class Tracked implements TrackSink {
  talk: Conversation | null = null;

  onSchema(name: string): void {
    const { host } = this.talk!;
    if (host.facts.database !== name) host.confirm({ database: name });
  }

  onVariable(name: string, value: string): void {
    if (name === 'sql_mode') {
      this.talk!.reading.setAnsiQuotes(hasAnsiQuotes(value));
      this.talk!.reading.quotesUnsure = false;
    } else if (name === 'character_set_client') this.talk!.reading.setCharset(value);
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

/**
 * `table`, and `table.database` where the text names the database or the session has one: Envoy's documents promise it and
 * its code does not do it.
 */
export const metadata = (ops: readonly Exchange[]): Record<string, Record<string, unknown>> =>
  sqlMetadata(ops, {
    protocol: 'mysql',
    namespace: ENVOY_NAMESPACE,
    tableKey({ schema, name }, { session }) {
      const database = schema || session.database;
      return database === '' ? name : `${name}.${database}`;
    },
  });
