/** A duration's statistics as /api/queries gives them: seconds. */
export interface TimeFigures {
  readonly total_s: number;
  readonly mean_s: number;
  readonly p50_s: number;
  readonly p95_s: number;
  readonly p99_s: number;
  readonly max_s: number;
}

/** What every row of /api/queries has, `other` and `totals` included. */
export interface QueryFigures {
  readonly calls: number;
  /** By native code. */
  readonly errors: Readonly<Record<string, number>>;
  readonly rows_returned: number;
  readonly rows_affected: number;
  /** Hits of all reads of keys, 0 … 1; null where there was none, absent from a Sluice that does not count them. */
  readonly hit_ratio?: number | null;
  readonly time: TimeFigures;
}

/** One row, folded by digest. */
export interface QueryRow extends QueryFigures {
  readonly digest: string;
  readonly protocol: string;
  readonly operation: string;
  readonly summary: string;
  readonly text: string;
}

/** Answer of GET /api/queries; only the fields that the terminal shows. */
export interface QueriesAnswer {
  readonly queries: readonly QueryRow[];
  readonly other: QueryFigures;
  readonly totals: QueryFigures;
}

const LIMIT_MS = 5_000;

/**
 * Asks a running Sluice for its queries, folded by digest, all rows: shares need the whole, and the caller shows what
 * fits. Throws an Error fit to print when nobody answers or the answer is not one.
 */
export async function fetchQueries(adminUrl: string, limit = 200): Promise<QueriesAnswer> {
  let response: Response;
  try {
    response = await fetch(`${adminUrl}/api/queries?by=digest&limit=${limit}`, {
      signal: AbortSignal.timeout(LIMIT_MS),
    });
  } catch (error) {
    throw new Error(`no Sluice answers at ${adminUrl} (${reasonOf(error)})`, { cause: error });
  }
  if (response.status !== 200) throw new Error(`${adminUrl} answered ${response.status} for /api/queries`);
  const answer: unknown = await response.json().catch(() => null);
  if (!isAnswer(answer)) throw new Error(`${adminUrl} is no Sluice: its /api/queries holds no queries`);
  return answer;
}

/** Only the outer shape: a server of another version should show what it has rather than nothing. */
function isAnswer(value: unknown): value is QueriesAnswer {
  if (typeof value !== 'object' || value === null) return false;
  const { queries, other, totals } = value as Record<string, unknown>;
  return Array.isArray(queries) && [other, totals].every((figures) => typeof figures === 'object' && figures !== null);
}

/** fetch wraps the socket's error, and that of several addresses once more. */
export function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { cause } = error;
  if (cause instanceof Error) return 'code' in cause ? String(cause.code) : reasonOf(cause);
  return error.message;
}
