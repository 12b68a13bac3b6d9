import type { Script } from './story.ts';
import type { Recorded } from './transcript.ts';

/**
 * A recorded session as an enforcing chain can follow it: a gate holds what comes behind a message whose answer decides how
 * it is to be read, so answers must come one by one. Null: it denies or closes, and the bypass corpus tests that.
 */
export type Gated = (name: string, lines: readonly Recorded[]) => readonly Recorded[] | null;

export const asRecorded: Gated = (_, lines) => lines;

export const gatedScript = (gated: Gated, name: string, script: Script): Script | null =>
  gated(
    name,
    script.map(([who, bytes]) => ({ who, bytes: Buffer.from(bytes) })),
  )?.map(({ who, bytes }) => [who, bytes] as const) ?? null;
