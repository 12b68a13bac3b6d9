import { setTimeout as delay } from 'node:timers/promises';

/** Something a house's users do again and again. */
export interface Actor {
  readonly name: string;
  /** Actions a second, over all lanes. */
  readonly perSecond: number;
  /** How many may be under way at once. */
  readonly lanes: number;
  act(): Promise<void>;
}

/** After a surprise an actor pauses, so that a vanished server is not asked in a tight loop. */
const AFTER_SURPRISE_MS = 500;

/** Lets all actors act until `stopped`; what fails unexpectedly goes to `surprises`. Resolves when the last has finished. */
export async function runActors(actors: readonly Actor[], stopped: AbortSignal, surprises: Error[]): Promise<void> {
  await Promise.all(
    actors.flatMap((actor) =>
      Array.from({ length: actor.lanes }, (_, lane) => repeat(actor, lane, stopped, surprises)),
    ),
  );
}

/** One lane of an actor: acts on schedule; what could not be done in time is left out, never piled up. */
async function repeat(actor: Actor, lane: number, stopped: AbortSignal, surprises: Error[]): Promise<void> {
  const everyMs = (1000 / actor.perSecond) * actor.lanes;
  const pause = (ms: number) => delay(Math.max(0, ms), undefined, { signal: stopped }).catch(() => undefined);
  // Lanes and actors begin spread out, so that the rate is even from the start.
  let next = performance.now() + Math.min(2_000, everyMs) * ((lane + 0.5) / actor.lanes);
  while (!stopped.aborted) {
    await pause(next - performance.now());
    if (stopped.aborted) return;
    try {
      await actor.act();
    } catch (error) {
      surprises.push(new Error(`${actor.name}: ${(error as Error).message}`, { cause: error }));
      await pause(AFTER_SURPRISE_MS);
    }
    next = Math.max(next + everyMs, performance.now());
  }
}
