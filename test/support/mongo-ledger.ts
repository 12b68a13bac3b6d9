import { expect } from 'vitest';
import type { Journal } from './mongo-server/server.ts';
import { poll } from './poll.ts';
import type { RunningSluice } from './run-sluice.ts';

/** One row of /api/queries, as far as these tests read it. */
export interface QueryRow {
  readonly protocol: string;
  readonly listener: string;
  readonly database: string;
  readonly user: string;
  readonly application: string;
  readonly text: string;
  readonly operation: string;
  readonly calls: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly lost: number;
  readonly cancelled: number;
  readonly rows_returned: number;
  readonly rows_affected: number;
  readonly rows_matched: number;
  readonly request_bytes: number;
  readonly reply_bytes: number;
  readonly waits: number;
  readonly wait: { readonly total_s: number; readonly max_s: number } | null;
  readonly time: { readonly total_s: number; readonly max_s: number };
}

export const rowsOf = async (sluice: RunningSluice, query = ''): Promise<readonly QueryRow[]> =>
  (await sluice.getJson<{ queries: QueryRow[] }>(`/api/queries?limit=10000${query}`)).queries;

/** What one side counted of a command. */
export interface Tally {
  calls: number;
  errors: number;
  returned: number;
  matched: number;
  /** Inserted, modified, deleted and upserted. */
  affected: number;
  requestBytes: number;
  replyBytes: number;
}

export interface Counted {
  readonly commands: Record<string, Tally>;
  /** Errors by code: of commands, else of their first write error, else of their write concern. */
  readonly errors: Record<string, number>;
}

const NOTHING: Tally = {
  calls: 0,
  errors: 0,
  returned: 0,
  matched: 0,
  affected: 0,
  requestBytes: 0,
  replyBytes: 0,
};

export interface Ledger {
  /**
   * Waits until Sluice counted the same as the server since the ledger was opened or last asked, fails with both when it does
   * not, and begins anew.
   */
  expectEqual(): Promise<Counted>;
}

/** Opened when Sluice has told all it has seen. From then on everything the server gets has to come through Sluice. */
export async function openLedger(journal: Journal, sluice: RunningSluice): Promise<Ledger> {
  let from = journal.commands.length;
  let before = await sluiceCounts(sluice);
  return {
    expectEqual: async () => {
      // Commands that are still under way at the server come into its journal when they are done.
      let [want, seen, upTo] = [serverCounts(journal, from), before, from];
      const equal = async () => {
        upTo = journal.commands.length;
        want = serverCounts(journal, from);
        seen = await sluiceCounts(sluice);
        return JSON.stringify(sorted(difference(seen, before))) === JSON.stringify(sorted(want));
      };
      await poll('Sluice has the same numbers', equal, { everyMs: 100 }).catch(() => {}); // said below
      const change = difference(seen, before);
      [from, before] = [upTo, seen];
      expect(sorted(change)).toEqual(sorted(want));
      return want;
    },
  };
}

/** The names that Sluice has for what was said otherwise. */
const ALIASES: Readonly<Record<string, string>> = {
  ismaster: 'isMaster',
  findandmodify: 'findAndModify',
  nosuchcommand: 'unknown',
};

const MORE_TO_COME = 2;

function serverCounts(journal: Journal, from: number): Counted {
  const counted: Counted = { commands: {}, errors: {} };
  for (const record of journal.commands.slice(from)) {
    const name = ALIASES[record.name] ?? record.name;
    const tally = counted.commands[name] ?? { ...NOTHING };
    counted.commands[name] = tally;
    // The second and later answers of one exhaust getMore were not asked for.
    tally.calls += record.requestBytes > 0 ? 1 : 0;
    tally.requestBytes += record.requestBytes;
    tally.replyBytes += record.replyBytes;
    if ((record.flags & MORE_TO_COME) !== 0) continue; // nobody is told how it went
    tally.returned += record.returned;
    tally.matched += record.matched;
    tally.affected += record.inserted + record.modified + record.deleted + record.upserted;
    const code = record.ok ? (record.writeErrors[0] ?? record.writeConcernError) : record.code;
    if (code === 0) continue;
    tally.errors++;
    counted.errors[code] = (counted.errors[code] ?? 0) + 1;
  }
  return counted;
}

async function sluiceCounts(sluice: RunningSluice): Promise<Counted> {
  const counted: Counted = { commands: {}, errors: {} };
  for (const row of await rowsOf(sluice)) {
    const tally = counted.commands[row.operation] ?? { ...NOTHING };
    counted.commands[row.operation] = tally;
    tally.calls += row.calls;
    tally.returned += row.rows_returned;
    tally.matched += row.rows_matched;
    tally.affected += row.rows_affected;
    tally.requestBytes += row.request_bytes;
    tally.replyBytes += row.reply_bytes;
    for (const [code, n] of Object.entries(row.errors)) {
      tally.errors += n;
      counted.errors[code] = (counted.errors[code] ?? 0) + n;
    }
  }
  return counted;
}

function difference(now: Counted, before: Counted): Counted {
  const commands: Record<string, Tally> = {};
  for (const [name, tally] of Object.entries(now.commands)) {
    const old = before.commands[name] ?? NOTHING;
    const change = Object.entries(tally).map(([field, n]) => [field, n - old[field as keyof Tally]] as const);
    if (change.some(([, n]) => n !== 0)) commands[name] = Object.fromEntries(change) as unknown as Tally;
  }
  const errors: Record<string, number> = {};
  for (const [code, n] of Object.entries(now.errors)) {
    if (n !== (before.errors[code] ?? 0)) errors[code] = n - (before.errors[code] ?? 0);
  }
  return { commands, errors };
}

const sorted = ({ commands, errors }: Counted): string[] => [
  ...Object.entries(commands)
    .map(
      ([name, tally]) =>
        `${name} ${Object.entries(tally)
          .map(([field, n]) => `${field}=${n}`)
          .join(' ')}`,
    )
    .sort(),
  ...Object.entries(errors)
    .map(([code, n]) => `error ${code}: ${n}`)
    .sort(),
];
