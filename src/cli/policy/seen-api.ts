import { seenFactsOf } from '../../digest/seen-facts.ts';
import { reasonOf } from '../top/queries-api.ts';
import type { Seen } from './seen.ts';

const LIMIT_MS = 10_000;
/** As many as the API gives. */
const MAX_ROWS = 10_000;

/**
 * Asks a running Sluice for all its digest rows. `other`: calls that have no row of their own. Throws an Error fit to print
 * when nobody answers or the answer is not one.
 */
export async function fetchSeen(adminUrl: string): Promise<{ seen: Seen[]; other: number }> {
  let response: Response;
  try {
    response = await fetch(`${adminUrl}/api/queries?limit=${MAX_ROWS}&sort=calls`, {
      signal: AbortSignal.timeout(LIMIT_MS),
    });
  } catch (error) {
    throw new Error(`no Sluice answers at ${adminUrl} (${reasonOf(error)}); --admin says where one is`, {
      cause: error,
    });
  }
  const answer = (await response.json().catch(() => null)) as { queries?: unknown; other?: { calls?: unknown } } | null;
  if (response.status !== 200 || !Array.isArray(answer?.queries))
    throw new Error(`${adminUrl} is no Sluice: its /api/queries holds no queries`);
  const other = Number(answer.other?.calls ?? 0) || 0;
  return { seen: answer.queries.map((row) => seenOf(row as Record<string, unknown>)), other };
}

function seenOf(row: Record<string, unknown>): Seen {
  const text = (name: string): string => (typeof row[name] === 'string' ? row[name] : '');
  const number = (name: string): number => (typeof row[name] === 'number' ? row[name] : 0);
  const calls = number('calls');
  const denied = number('denied');
  return {
    listener: text('listener'),
    protocol: text('protocol'),
    user: text('user'),
    database: text('database'),
    application: text('application'),
    driver: '',
    client: '',
    operation: text('operation'),
    digest: text('digest'),
    text: text('text'),
    facts: seenFactsOf(row['facts']),
    flags: [],
    at: 0,
    wasDenied: calls === 0 || denied >= calls,
    calls: Math.max(0, calls - denied),
  };
}
