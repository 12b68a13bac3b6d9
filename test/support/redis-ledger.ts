import { expect } from 'vitest';
import { poll } from './poll.ts';
import type { RealRedis } from './real-redis.ts';
import type { RunningSluice } from './run-sluice.ts';

/** One row of /api/queries, as far as these tests read it. */
export interface QueryRow {
  readonly digest: string;
  readonly protocol: string;
  readonly operation: string;
  readonly text: string;
  readonly calls: number;
  readonly errors: Readonly<Record<string, number>>;
  readonly lost: number;
  readonly skipped: number;
  readonly redirected: number;
  readonly hits: number;
  readonly misses: number;
  readonly waits: number;
  readonly wait: { readonly max_s: number; readonly total_s: number } | null;
  readonly time: { readonly max_s: number; readonly total_s: number };
  readonly request_bytes: number;
  readonly reply_bytes: number;
}

/** What one side counted of a command: every call that had its turn, and those that were answered with an error. */
export interface Tally {
  calls: number;
  errors: number;
}
export type Tallies = Record<string, Tally>;

export interface Counted {
  readonly commands: Tallies;
  /** Error replies by prefix, redirects among them. */
  readonly errors: Record<string, number>;
}

export const rowsOf = async (sluice: RunningSluice, query = ''): Promise<readonly QueryRow[]> =>
  (await sluice.getJson<{ queries: QueryRow[] }>(`/api/queries?limit=10000${query}`)).queries;

export interface Ledger {
  /**
   * Waits until Sluice counted the same as the server since the ledger was opened or last asked, fails with both when it
   * does not, and begins anew. `unknown`: calls of commands that this server does not know, by what Sluice has them
   * under: the server counts their errors, and not them. `correct` changes what is expected; its caller says why.
   */
  expectEqual(unknown?: Readonly<Record<string, number>>, correct?: (server: Counted) => void): Promise<Counted>;
}

/**
 * Opened when Sluice has told all it has seen. From then on everything that is not asked by `server.ask` has to go through
 * Sluice.
 */
export async function openLedger(server: RealRedis, sluice: RunningSluice): Promise<Ledger> {
  let serverBefore = await serverCounts(server);
  let sluiceBefore = await sluiceCounts(sluice);
  return {
    expectEqual: async (unknown = {}, correct = () => {}) => {
      const serverNow = await serverCounts(server);
      const want = difference(serverNow, serverBefore);
      for (const [name, n] of Object.entries(unknown)) {
        const { calls, errors } = want.commands[name] ?? { calls: 0, errors: 0 };
        want.commands[name] = { calls: calls + n, errors: errors + n };
      }
      correct(want);
      let [seen, change] = [sluiceBefore, want];
      const equal = async () => {
        seen = await sluiceCounts(sluice);
        change = difference(seen, sluiceBefore);
        return JSON.stringify(sorted(change)) === JSON.stringify(sorted(want));
      };
      await poll('Sluice has the same numbers', equal, { everyMs: 50 }).catch(() => {}); // said below
      [serverBefore, sluiceBefore] = [serverNow, seen];
      expect(sorted(change)).toEqual(sorted(want));
      return want;
    },
  };
}

/** What the clients say when they connect that Redis 7.0 does not know: CLIENT SETINFO, CLIENT MAINT_NOTIFICATIONS. */
export const greetings = (ioredis: number, nodeRedis = 0): Readonly<Record<string, number>> => ({
  ...(ioredis + nodeRedis > 0 && { 'client|setinfo': 2 * (ioredis + nodeRedis) }),
  ...(nodeRedis > 0 && { client: nodeRedis }),
});

/** Commands that the server knows: it keeps no numbers of others but their errors. */
async function serverCounts(server: RealRedis): Promise<Counted> {
  const commands: Tallies = {};
  for (const [name, { calls, rejected, failed }] of await server.commandStats()) {
    commands[name] = { calls: calls + rejected, errors: failed + rejected };
  }
  return { commands, errors: Object.fromEntries(await server.errorStats()) };
}

async function sluiceCounts(sluice: RunningSluice): Promise<Counted> {
  const commands: Tallies = {};
  const errors: Record<string, number> = {};
  for (const row of await rowsOf(sluice)) {
    const name = row.operation.toLowerCase().replace(' ', '|');
    const tally = commands[name] ?? { calls: 0, errors: 0 };
    commands[name] = tally;
    tally.calls += row.calls;
    tally.errors += row.redirected; // refused, as the server has it
    for (const [code, n] of Object.entries(row.errors)) {
      tally.errors += n;
      errors[code] = (errors[code] ?? 0) + n;
    }
  }
  return { commands, errors };
}

function difference(now: Counted, before: Counted): Counted {
  const commands: Tallies = {};
  for (const [name, { calls, errors }] of Object.entries(now.commands)) {
    const old = before.commands[name] ?? { calls: 0, errors: 0 };
    if (calls !== old.calls || errors !== old.errors)
      commands[name] = { calls: calls - old.calls, errors: errors - old.errors };
  }
  const errors: Record<string, number> = {};
  for (const [code, n] of Object.entries(now.errors)) {
    if (n !== (before.errors[code] ?? 0)) errors[code] = n - (before.errors[code] ?? 0);
  }
  return { commands, errors };
}

const sorted = ({ commands, errors }: Counted) => ({
  commands: Object.entries(commands)
    .map(([name, { calls, errors: failed }]) => `${name} calls=${calls} errors=${failed}`)
    .sort(),
  errors: Object.entries(errors)
    .map(([code, n]) => `${code} ${n}`)
    .sort(),
});
