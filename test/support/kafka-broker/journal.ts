import type { Fields, Value } from './codec.ts';
import { errorName } from './errors.ts';
import { type Field, schemaOf } from './schema.ts';

type Counts = Record<string, number>;

export interface Moved {
  batches: number;
  records: number;
  /** Of the record batches, as they stand on the wire. */
  bytes: number;
}

/** By topic, then by client id. */
type MovedByTopic = Record<string, Record<string, Moved>>;

export interface ConnectionEntry {
  readonly remotePort: number;
  /** The last that it gave; '' = none. */
  clientId: string;
  /** `name version` of ApiVersions. */
  software: string;
  principal: string;
  requests: number;
  open: boolean;
}

/** What a broker has seen, exactly; all of it can be written as JSON. */
export interface Journal {
  /** Frames taken, by API and version: `Produce v9`. */
  requests: Counts;
  /** By client id, then by API. */
  clients: Record<string, Counts>;
  produced: MovedByTopic;
  /** Sent, but not taken. */
  refused: MovedByTopic;
  /** Whole batches in replies: a client may keep less of them. */
  fetched: MovedByTopic;
  /** By API and name: every error field that is not 0. */
  errors: Record<string, Counts>;
  /** By API and `topic NAME`: replies in which the topic's first error was this; the request's own stand under ` NAME`. */
  refusals: Record<string, Counts>;
  connections: ConnectionEntry[];
}

export const emptyJournal = (): Journal => ({
  requests: {},
  clients: {},
  produced: {},
  refused: {},
  fetched: {},
  errors: {},
  refusals: {},
  connections: [],
});

export function count(counts: Counts, key: string, by = 1): void {
  counts[key] = (counts[key] ?? 0) + by;
}

/** In a table of tables. */
export function countIn(tables: Record<string, Counts>, table: string, key: string): void {
  tables[table] ??= {};
  count(tables[table], key);
}

export function move(where: MovedByTopic, topic: string, client: string, records: number, bytes: number): void {
  where[topic] ??= {};
  const moved = where[topic][client] ?? { batches: 0, records: 0, bytes: 0 };
  where[topic][client] = moved;
  moved.batches++;
  moved.records += records;
  moved.bytes += bytes;
}

function add(into: Record<string, unknown>, from: Record<string, unknown>): void {
  for (const [key, value] of Object.entries(from)) {
    if (typeof value === 'number') {
      into[key] = ((into[key] as number | undefined) ?? 0) + value;
      continue;
    }
    into[key] ??= {};
    add(into[key] as Record<string, unknown>, value as Record<string, unknown>);
  }
}

/** A plain copy of all together. */
export function merged(journals: readonly Journal[]): Journal {
  const sum = emptyJournal();
  for (const { connections, ...counts } of journals) {
    const { connections: mine, ...rest } = sum;
    mine.push(...connections.map((entry) => ({ ...entry })));
    add(rest, counts);
  }
  return sum;
}

const carriesErrors = (fields: readonly Field[]): boolean =>
  fields.some(({ name, type, fields: inner }) => isError(name) || (type === 'struct' && carriesErrors(inner)));
const isError = (name: string): boolean => name === 'errorCode' || name === 'partitionErrorCode';

/** Counts the errors that stand in a reply. */
export function countErrors(journal: Journal, api: string, reply: Fields, topicName: (id: string) => string): void {
  const first = new Map<string, number>();
  const walk = (fields: readonly Field[], value: Fields, above: string): void => {
    let topic = above;
    for (const { name, isTopic } of fields) {
      const text = value[name];
      if (isTopic && typeof text === 'string' && text !== '') topic = text;
      else if (name === 'topicId' && topic === above && typeof text === 'string') topic = topicName(text);
    }
    const code = value['errorCode'] ?? value['partitionErrorCode'];
    if (typeof code === 'number' && code !== 0) {
      countIn(journal.errors, api, errorName(code));
      if (!first.has(topic)) first.set(topic, code);
    }
    for (const field of fields) {
      const inner: Value | undefined = value[field.name];
      if (field.type !== 'struct' || inner === null || inner === undefined || !carriesErrors(field.fields)) continue;
      for (const item of field.array ? (inner as readonly Fields[]) : [inner as Fields])
        walk(field.fields, item, topic);
    }
  };
  walk(schemaOf('response', api).fields, reply, '');
  for (const [topic, code] of first) countIn(journal.refusals, api, `${topic} ${errorName(code)}`);
}
