import type { Control, ServerState } from '../admin/source.ts';
import type { Snapshot } from '../config/snapshot.ts';
import type { JsonMap } from '../config/tree.ts';
import type { OpenDoor, WantedDoor } from '../net/door-book.ts';
import type { ProcessSample } from '../stats/process-sample.ts';
import type { ListenerInfo, ListenFailure } from './data-plane.ts';
import type { Handed } from './hand-out.ts';
import type { KeyChanges } from './keys.ts';
import type { Level, LogFormat } from './log.ts';
import type { NameLearned } from './names.ts';
import type { MemoryShare } from './server-stats.ts';

/** What the primary and its processes tell each other over Node's message channel: rare and small, never facts. */

/** Given to a process at birth, as JSON in the environment. */
export interface Birth {
  /** Workers: 0 … N−1, kept over restarts. */
  readonly worker: number;
  /** How many worker processes there are. */
  readonly workers: number;
  /** Which life of this role it is, from 1. */
  readonly incarnation: number;
  /** Unix socket of the facts process. */
  readonly socket: string;
  readonly level: Level;
  readonly format: LogFormat;
}

const BIRTH = 'SLUICE_BIRTH';

export const birthEnv = (birth: Birth): Record<string, string> => ({ [BIRTH]: JSON.stringify(birth) });

/** Reads and removes what birthEnv wrote. Throws when this process was not started by a primary. */
export function readBirth(): Birth {
  const text = process.env[BIRTH];
  if (text === undefined) throw new Error('started by hand: this module is a process of `sluice run`');
  delete process.env[BIRTH];
  return JSON.parse(text) as Birth;
}

export type ToWorker =
  | {
      readonly kind: 'snapshot';
      readonly id: number;
      readonly snapshot: Snapshot;
      readonly doorsId: number;
      readonly doors: readonly OpenDoor[];
    }
  /** From now on these are listened on. */
  | { readonly kind: 'doors'; readonly id: number; readonly doors: readonly OpenDoor[] }
  /** Every worker serves these: clients may be told of them. And these were asked for in vain. */
  | { readonly kind: 'doors_known'; readonly doors: readonly OpenDoor[]; readonly refused: readonly WantedDoor[] }
  | { readonly kind: 'keys'; readonly changes: KeyChanges }
  | { readonly kind: 'names'; readonly learned: readonly NameLearned[] }
  | { readonly kind: 'drain'; readonly timeoutMs: number }
  | { readonly kind: 'level'; readonly level: Level }
  /** Comes with the connection itself. */
  | Handed;

export type FromWorker =
  | {
      readonly kind: 'applied';
      readonly id: number;
      readonly doorsId: number;
      readonly failures: readonly ListenFailure[];
      readonly listeners: readonly ListenerInfo[];
    }
  | { readonly kind: 'keys'; readonly changes: KeyChanges }
  | { readonly kind: 'names'; readonly learned: readonly NameLearned[] }
  | { readonly kind: 'doors_wanted'; readonly wanted: readonly WantedDoor[] }
  | { readonly kind: 'doors_applied'; readonly id: number }
  /** The connection of a `Handed` message is this worker's now. */
  | { readonly kind: 'took'; readonly seq: number }
  /** Connections open now; told when they changed. */
  | { readonly kind: 'load'; readonly active: number };

/** What only the primary counts. Times are ms since the epoch. */
export interface ServerNumbers {
  readonly state: ServerState;
  readonly startedAt: number;
  readonly concurrency: number;
  readonly workersLive: number;
  readonly workerRestarts: number;
  readonly connectionsRefused: number;
  readonly factsRestarts: number;
  readonly configReloads: number;
  readonly configReloadsFailed: number;
  /** When the running configuration was applied. */
  readonly configAppliedAt: number;
  /** From the start of the primary until all workers listened. */
  readonly initializationMs: number;
  /** The primary's own; null when it is not a process of its own. */
  readonly memory: MemoryShare | null;
}

export type ToFacts =
  | { readonly kind: 'config'; readonly snapshot: Snapshot; readonly expanded: JsonMap }
  | { readonly kind: 'server'; readonly numbers: ServerNumbers; readonly process: ProcessSample | null }
  | { readonly kind: 'listeners'; readonly listeners: readonly ListenerInfo[] }
  | { readonly kind: 'worker_gone'; readonly worker: number; readonly incarnation: number }
  | { readonly kind: 'level'; readonly level: Level }
  | { readonly kind: 'stop' };

export type FromFacts =
  | { readonly kind: 'ready' }
  | { readonly kind: 'failed'; readonly problems: readonly string[] }
  | { readonly kind: 'control'; readonly control: Control };
