import { setTimeout as delay } from 'node:timers/promises';

export interface PollOptions {
  /** Milliseconds after which poll gives up: far more than it takes, as the machine may be busy with others' work. */
  readonly withinMs?: number;
  readonly everyMs?: number;
}

/**
 * Asks again and again until `check` gives something other than undefined, null or false, and returns that. At the
 * deadline throws what `check` threw last, or says that `what` did not happen. For tests: nothing sleeps to wait.
 */
export async function poll<T>(
  what: string,
  check: () => T | Promise<T>,
  { withinMs = 30_000, everyMs = 20 }: PollOptions = {},
): Promise<Exclude<T, undefined | null | false>> {
  const endsAt = performance.now() + withinMs;
  for (;;) {
    let problem: unknown;
    try {
      const seen = await check();
      if (seen !== undefined && seen !== null && seen !== false) return seen as Exclude<T, undefined | null | false>;
    } catch (error) {
      problem = error;
    }
    if (performance.now() > endsAt) throw new Error(`${what}: not within ${withinMs} ms`, { cause: problem });
    await delay(everyMs);
  }
}
