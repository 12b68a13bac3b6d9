import type { Histogram } from '../../stats/histogram.ts';
import { readSeenFacts, type SeenFacts } from '../seen-facts.ts';
import type { MergedRow } from './merged-rows.ts';
import { Field, RowNumbers } from './rows-numbers.ts';

export const FOLDS = [
  'digest',
  'protocol',
  'listener',
  'database',
  'user',
  'application',
  'operation',
  'target',
  'error',
] as const;
export type Fold = (typeof FOLDS)[number];
export const SORTS = [
  'time',
  'mean',
  'p95',
  'p99',
  'max',
  'calls',
  'errors',
  'rows',
  'bytes',
  'hits',
  'misses',
  'redirected',
  'waits',
  'wait',
  'last_seen',
] as const;
export type Sort = (typeof SORTS)[number];

export interface QueryRequest {
  readonly by?: Fold | undefined;
  readonly sort?: Sort | undefined;
  readonly limit?: number | undefined;
  readonly protocol?: string | undefined;
  readonly listener?: string | undefined;
  readonly database?: string | undefined;
  readonly user?: string | undefined;
}

export interface Times {
  readonly total_s: number;
  readonly mean_s: number;
  readonly p50_s: number;
  readonly p95_s: number;
  readonly p99_s: number;
  readonly max_s: number;
}

export interface QuerySums {
  readonly calls: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly denied: number;
  readonly cancelled: number;
  readonly lost: number;
  /** Statements that the server discarded unread: no calls. */
  readonly skipped: number;
  readonly untimed: number;
  readonly rows_returned: number;
  readonly rows_affected: number;
  /** What writes found, changed or not; 0 of protocols that do not tell. */
  readonly rows_matched: number;
  readonly request_bytes: number;
  readonly reply_bytes: number;
  /** Reads of a key that was there, and of one that was not: of protocols that have keys. */
  readonly hits: number;
  readonly misses: number;
  /** Hits of all reads, 0 … 1; null where there was no read of a key. */
  readonly hit_ratio: number | null;
  /** Calls that the server sent elsewhere (Redis MOVED, ASK): no errors. */
  readonly redirected: number;
  /** Calls that asked the server to wait, and how long they did: in neither `time` nor `first_byte`. Null: none was timed. */
  readonly waits: number;
  readonly wait: Times | null;
  readonly time: Times;
  readonly first_byte: Times;
  /** ISO 8601, or null if nothing was seen. */
  readonly first_seen: string | null;
  readonly last_seen: string | null;
}

/** A row, or rows folded into one: what they do not share is ''. */
export interface QueryRow extends QuerySums {
  readonly digest: string;
  readonly protocol: string;
  readonly listener: string;
  readonly database: string;
  readonly user: string;
  readonly application: string;
  readonly summary: string;
  readonly text: string;
  readonly operation: string;
  readonly targets: readonly string[];
  /** What policies judge of it, as far as its digest tells; null for rows folded into one. */
  readonly facts: SeenFacts | null;
  /** Only with by=error: the native code, '' = none. */
  readonly error?: string;
  /** The text with literals taken out. */
  readonly sample: string;
}

export interface QueryAnswer {
  readonly queries: readonly QueryRow[];
  readonly other: QuerySums;
  readonly totals: QuerySums;
  /** Only with a filter: what lost its row, and so cannot be said to pass the filter or not. In neither of the above. */
  readonly unattributed?: QuerySums;
}

/** The request in a query string, or what is wrong with it, in words for whoever typed it. */
export function parseQueryRequest(params: URLSearchParams): QueryRequest | string {
  const by = params.get('by') ?? undefined;
  if (by !== undefined && !isOneOf(FOLDS, by)) return `by: ${JSON.stringify(by)} is none of ${FOLDS.join(', ')}`;
  const sort = params.get('sort') ?? undefined;
  if (sort !== undefined && !isOneOf(SORTS, sort))
    return `sort: ${JSON.stringify(sort)} is none of ${SORTS.join(', ')}`;
  const limit = params.get('limit') ?? undefined;
  if (limit !== undefined && !/^\d{1,7}$/.test(limit)) return 'limit: must be a whole number';
  return {
    by,
    sort,
    limit: limit === undefined ? undefined : Number(limit),
    protocol: params.get('protocol') ?? undefined,
    listener: params.get('listener') ?? undefined,
    database: params.get('database') ?? undefined,
    user: params.get('user') ?? undefined,
  };
}

const isOneOf = <T extends string>(all: readonly T[], word: string): word is T =>
  (all as readonly string[]).includes(word);

interface Group {
  row: MergedRow | null;
  numbers: RowNumbers;
  name: string;
  targets: readonly string[];
}

/**
 * Rows that pass the filters, folded, sorted (largest first) and cut to `limit`; what the limit cut is in `other`, so
 * the queries and `other` always add up to `totals`. Without a filter `other` also has what rows let go of.
 *
 * Every row goes whole into exactly one group, also with by=target: there a group is a *set* of targets, and a query
 * over two tables belongs to the group of those two. by=error is the exception: each code is a group with that many calls
 * and errors, the group '' has the other calls, and with it stays all that is not kept by code: rows, bytes, times, and
 * how many errors were denials, cancellations or losses.
 */
export function queryRows(rows: readonly MergedRow[], folded: RowNumbers, request: QueryRequest): QueryAnswer {
  const filtered = [request.protocol, request.listener, request.database, request.user].some((f) => f !== undefined);
  const groups = group(
    rows.filter((row) => passes(row, request)),
    request.by,
  );
  const rank = RANKS[request.sort ?? 'time'];
  const ranked = groups.map((g) => ({ g, by: rank(g.numbers) })).sort((a, b) => b.by - a.by);
  const limit = request.limit ?? 100;
  const other = new RowNumbers();
  const totals = new RowNumbers();
  if (!filtered) other.add(folded);
  for (const [i, { g }] of ranked.entries()) (i < limit ? totals : other).add(g.numbers);
  totals.add(other);
  const queries = ranked.slice(0, limit).map(({ g }) => present(g, request.by));
  const answer = { queries, other: sums(other), totals: sums(totals) };
  return filtered ? { ...answer, unattributed: sums(folded) } : answer;
}

const passes = (row: MergedRow, request: QueryRequest): boolean =>
  (request.protocol === undefined || row.digest.protocol === request.protocol) &&
  (request.listener === undefined || row.scope.listener === request.listener) &&
  (request.database === undefined || row.scope.database === request.database) &&
  (request.user === undefined || row.scope.user === request.user);

function group(rows: readonly MergedRow[], by: Fold | undefined): Group[] {
  if (by === undefined)
    return rows.map((row) => ({ row, numbers: row.numbers, name: '', targets: row.digest.targets }));
  const groups = new Map<string, Group>();
  const of = (key: string, row: MergedRow): Group => {
    let g = groups.get(key);
    if (g === undefined) {
      g = { row: by === 'digest' ? row : null, numbers: new RowNumbers(), name: key, targets: [] };
      if (by === 'digest' || by === 'target') g.targets = row.digest.targets;
      groups.set(key, g);
    }
    return g;
  };
  for (const row of rows) {
    if (by !== 'error') {
      of(keyOf(row, by), row).numbers.add(row.numbers);
      continue;
    }
    const rest = of('', row).numbers;
    rest.add(row.numbers);
    rest.values[Field.calls]! -= row.numbers.values[Field.errors]!;
    rest.values[Field.errors]! -= row.numbers.values[Field.errors]!;
    rest.codes = null;
    for (const [code, n] of row.numbers.codes ?? []) {
      const numbers = of(code, row).numbers;
      numbers.values[Field.calls]! += n;
      numbers.values[Field.errors]! += n;
      numbers.addCode(code, n);
    }
  }
  return [...groups.values()];
}

function keyOf(row: MergedRow, by: Exclude<Fold, 'error'>): string {
  switch (by) {
    case 'digest':
      return row.digest.id + row.digest.protocol;
    case 'operation':
      return row.digest.operation;
    case 'protocol':
      return row.digest.protocol;
    case 'target':
      return JSON.stringify(row.digest.targets);
    default:
      return row.scope[by];
  }
}

const quantile = (share: number) => (n: RowNumbers) => n.time.quantile(share);
const RANKS: Record<Sort, (n: RowNumbers) => number> = {
  time: (n) => n.totalSeconds,
  mean: (n) => (n.time.count === 0 ? 0 : n.time.sum / n.time.count),
  p95: quantile(0.95),
  p99: quantile(0.99),
  max: (n) => n.time.max,
  calls: (n) => n.values[Field.calls]!,
  errors: (n) => n.values[Field.errors]!,
  rows: (n) => n.values[Field.rowsReturned]! + n.values[Field.rowsAffected]!,
  bytes: (n) => n.values[Field.requestBytes]! + n.values[Field.replyBytes]!,
  hits: (n) => n.values[Field.hits]!,
  misses: (n) => n.values[Field.misses]!,
  redirected: (n) => n.values[Field.redirected]!,
  waits: (n) => n.values[Field.waits]!,
  wait: (n) => n.wait?.sum ?? 0,
  last_seen: (n) => n.values[Field.lastSeen]!,
};

function present(g: Group, by: Fold | undefined): QueryRow {
  const digest = g.row?.digest;
  const scope = by === undefined ? g.row?.scope : undefined;
  const named = (dimension: Fold): string => (by === dimension ? g.name : '');
  return {
    digest: digest?.id ?? '',
    protocol: digest?.protocol ?? named('protocol'),
    listener: scope?.listener ?? named('listener'),
    database: scope?.database ?? named('database'),
    user: scope?.user ?? named('user'),
    application: scope?.application ?? named('application'),
    summary: digest?.summary ?? '',
    text: digest?.text ?? '',
    operation: digest?.operation ?? named('operation'),
    targets: g.targets,
    facts: digest === undefined ? null : readSeenFacts(digest.facts),
    ...(by === 'error' ? { error: g.name } : {}),
    ...sums(g.numbers),
    sample: digest?.sample || (digest?.text ?? ''),
  };
}

function sums(n: RowNumbers): QuerySums {
  const v = n.values;
  const reads = v[Field.hits]! + v[Field.misses]!;
  return {
    calls: v[Field.calls]!,
    errors: Object.fromEntries(n.codes ?? []),
    denied: v[Field.denied]!,
    cancelled: v[Field.cancelled]!,
    lost: v[Field.lost]!,
    skipped: v[Field.skipped]!,
    untimed: v[Field.untimed]!,
    rows_returned: v[Field.rowsReturned]!,
    rows_affected: v[Field.rowsAffected]!,
    rows_matched: v[Field.rowsMatched]!,
    request_bytes: v[Field.requestBytes]!,
    reply_bytes: v[Field.replyBytes]!,
    hits: v[Field.hits]!,
    misses: v[Field.misses]!,
    hit_ratio: reads === 0 ? null : v[Field.hits]! / reads,
    redirected: v[Field.redirected]!,
    waits: v[Field.waits]!,
    wait: n.wait === null ? null : times(n.wait, n.wait.sum),
    time: times(n.time, n.totalSeconds),
    first_byte: times(n.firstByte, n.firstByte.sum),
    first_seen: instant(v[Field.firstSeen]!),
    last_seen: instant(v[Field.lastSeen]!),
  };
}

const times = (h: Histogram, total: number): Times => ({
  total_s: total,
  mean_s: h.count === 0 ? 0 : h.sum / h.count,
  p50_s: h.quantile(0.5),
  p95_s: h.quantile(0.95),
  p99_s: h.quantile(0.99),
  max_s: h.max,
});

const instant = (ms: number): string | null => (ms > 0 && ms < 8.64e15 ? new Date(ms).toISOString() : null);
