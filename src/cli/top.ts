import { setTimeout as delay } from 'node:timers/promises';
import type { Command } from './args.ts';
import { onStopSignals } from './stop-signals.ts';
import { fetchQueries } from './top/queries-api.ts';
import { QueryRates } from './top/query-rates.ts';
import { queryTable } from './top/query-table.ts';
import { Screen } from './top/screen.ts';

const REFRESH_MS = 1_000;
/** Rates are over the last few seconds: steady to look at, and quick to follow. */
const RATE_WINDOW_MS = 5_000;

/**
 * `sluice top`: the heaviest queries of a running Sluice by total time, refreshed once a second, or printed once; as JSON
 * the answer of /api/queries, one line each time. Returns the exit code: 0, or 1 when no Sluice answers at `admin`.
 */
export async function top(options: Omit<Extract<Command, { name: 'top' }>, 'name'>): Promise<number> {
  try {
    await show(`http://${options.admin}`, options.once, options.json);
    return 0;
  } catch (error) {
    process.stderr.write(`sluice top: ${(error as Error).message}; --admin says where one is\n`);
    return 1;
  }
}

async function show(adminUrl: string, once: boolean, json: boolean): Promise<void> {
  const screen = new Screen(process.stdout);
  const stop = new AbortController();
  const off = onStopSignals(
    () => stop.abort(),
    () => process.exit(0),
  );
  const rates = new QueryRates(RATE_WINDOW_MS);
  const ask = async () => {
    const answer = await fetchQueries(adminUrl);
    rates.add(answer, performance.now());
    return answer;
  };
  try {
    // A rate needs two answers.
    if (once && !json) {
      await ask();
      await pause(REFRESH_MS, stop.signal);
    }
    while (!stop.signal.aborted) {
      const answer = await ask();
      if (json) process.stdout.write(`${JSON.stringify(answer)}\n`);
      else {
        const height = screen.isTerminal && !once ? screen.height : 32;
        const lines = queryTable(answer, rates, { width: screen.width, height, adminUrl });
        if (screen.isTerminal && !once) screen.draw(lines);
        else process.stdout.write(`${lines.join('\n')}\n\n`);
      }
      if (once) return;
      await pause(REFRESH_MS, stop.signal);
    }
  } finally {
    off();
  }
}

/** Waits, or ends early when stopped. */
const pause = (ms: number, signal: AbortSignal): Promise<void> =>
  delay(ms, undefined, { signal }).catch(() => undefined);
