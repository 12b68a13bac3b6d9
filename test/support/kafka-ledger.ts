import type { Journal, Moved } from './kafka-broker/index.ts';
import type { RunningSluice } from './run-sluice.ts';

/** What one side counted: numbers by name, those that are 0 left out. */
export interface KafkaTally {
  /** `Produce` */
  readonly requests: Counts;
  /** Error fields that are not 0: `Produce NOT_LEADER_OR_FOLLOWER`. */
  readonly errors: Counts;
  /** Exchanges that failed, by their code: a topic of a request, or the request: `Produce NOT_LEADER_OR_FOLLOWER`. */
  readonly failed: Counts;
  /** `orders produced_records` */
  readonly topics: Counts;
  /** `shop produced_records`, `shop requests` */
  readonly clients: Counts;
}

export type Counts = Readonly<Record<string, number>>;

type Growing = Record<string, number>;
const add = (counts: Growing, name: string, value: number): void => {
  if (value !== 0) counts[name] = (counts[name] ?? 0) + value;
};

/** What the stand-in's journal says. */
export function brokerTally(journal: Journal): KafkaTally {
  const [requests, errors, failed, topics, clients]: Growing[] = [{}, {}, {}, {}, {}] as const satisfies object[];
  for (const [name, count] of Object.entries(journal.requests)) add(requests!, name.split(' ')[0]!, count);
  for (const [api, codes] of Object.entries(journal.errors))
    for (const [code, count] of Object.entries(codes)) add(errors!, `${api} ${code}`, count);
  for (const [api, codes] of Object.entries(journal.refusals))
    for (const [code, count] of Object.entries(codes)) add(failed!, `${api} ${code.split(' ').at(-1)}`, count);
  for (const [client, apis] of Object.entries(journal.clients))
    for (const count of Object.values(apis)) add(clients!, `${client || '_'} requests`, count);
  const moved = (what: 'produced' | 'refused' | 'fetched', of: readonly (keyof Moved)[]) => {
    for (const [topic, byClient] of Object.entries(journal[what]))
      for (const [client, sums] of Object.entries(byClient))
        for (const unit of of) {
          add(topics!, `${topic} ${what}_${unit}`, sums[unit]);
          if (unit !== 'batches') add(clients!, `${client || '_'} ${what}_${unit}`, sums[unit]);
        }
  };
  moved('produced', ['records', 'bytes', 'batches']);
  moved('refused', ['records']);
  moved('fetched', ['records', 'bytes', 'batches']);
  return { requests: requests!, errors: errors!, failed: failed!, topics: topics!, clients: clients! };
}

/** A row of /api/queries, as far as these tests read it. */
export interface KafkaRow {
  readonly operation: string;
  readonly text: string;
  readonly user: string;
  readonly application: string;
  readonly calls: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly lost: number;
  readonly rows_returned: number;
  readonly rows_affected: number;
  readonly request_bytes: number;
  readonly reply_bytes: number;
}

export const kafkaRows = async (sluice: RunningSluice): Promise<readonly KafkaRow[]> =>
  (await sluice.getJson<{ queries: KafkaRow[] }>('/api/queries?limit=10000')).queries;

/** Counters and gauges of /stats that are not 0. */
export async function kafkaStats(sluice: RunningSluice): Promise<ReadonlyMap<string, number>> {
  const lines = (await sluice.getText('/stats')).split('\n').map((line) => line.split(': '));
  return new Map(
    lines.filter(([, value]) => /^-?[1-9]\d*$/.test(value ?? '')).map(([name, value]) => [name!, Number(value)]),
  );
}

const TOPIC_STATS = /^(produced_(?:records|bytes|batches)|refused_records|fetched_(?:records|bytes|batches))$/;
const CLIENT_STATS = /^(requests|produced_(?:records|bytes)|refused_records|fetched_(?:records|bytes))$/;

/** What Sluice's statistics say, once their two ways to count requests agree. */
export async function sluiceTally(sluice: RunningSluice): Promise<KafkaTally> {
  const [requests, errors, failed, topics, clients]: Growing[] = [{}, {}, {}, {}, {}] as const satisfies object[];
  for (const [name, value] of await kafkaStats(sluice)) {
    const [own, ...path] = name.split('sluice.kafka.kafka.');
    if (own !== '' || path.length === 0) continue;
    const [group, subject = '', ...rest] = path.join('').split('.');
    const stat = rest.join('.');
    if (group === 'api' && stat === 'requests') add(requests!, subject, value);
    if (group === 'error') add(errors!, `${subject} ${rest[0]}`, value);
    if (group === 'topic' && TOPIC_STATS.test(stat)) add(topics!, `${subject} ${stat}`, value);
    if (group === 'client' && CLIENT_STATS.test(stat)) add(clients!, `${subject} ${stat}`, value);
  }
  for (const { operation, errors: codes } of await kafkaRows(sluice))
    for (const [code, count] of Object.entries(codes)) if (code !== 'lost') add(failed!, `${operation} ${code}`, count); // no broker knows what a client no longer waits for
  return { requests: requests!, errors: errors!, failed: failed!, topics: topics!, clients: clients! };
}

/** What has come to it since. */
export function grown(now: KafkaTally, before: KafkaTally): KafkaTally {
  const minus = (name: keyof KafkaTally): Counts => {
    const counts: Growing = {};
    for (const [key, value] of Object.entries(now[name])) add(counts, key, value - (before[name][key] ?? 0));
    return Object.fromEntries(Object.entries(counts).sort(([a], [b]) => (a < b ? -1 : 1)));
  };
  return {
    requests: minus('requests'),
    errors: minus('errors'),
    failed: minus('failed'),
    topics: minus('topics'),
    clients: minus('clients'),
  };
}
