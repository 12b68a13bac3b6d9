import type { Snapshot } from '../config/snapshot.ts';
import type { ListenerInfo, ListenFailure } from './data-plane.ts';
import type { Claim } from './front-door.ts';
import type { Level, Logger } from './log.ts';
import type { FromFacts, ToFacts } from './messages.ts';

/** The data path as the primary sees it: worker processes, or all of it in this process. */
export interface Workers {
  /** Worker processes wanted; 0 = everything in one process. */
  readonly size: number;
  /** How many are running now. */
  readonly live: number;
  readonly restarts: number;
  /** What is listened on, with the ports the kernel chose, and the doors behind. */
  readonly listeners: readonly ListenerInfo[];
  /** Connections closed because no worker could take them. */
  readonly refused: number;
  /** Finds out, before anything changes, whether everything can be listened on; gives the ports that nobody chose. */
  claim(snapshot: Snapshot): Promise<Claim>;
  /**
   * Makes this claimed snapshot that of all workers, present and future. Resolves when each has answered or died, or a limit
   * passed: what could not be listened on, each once.
   */
  apply(snapshot: Snapshot): Promise<readonly ListenFailure[]>;
  setLevel(level: Level): void;
  /** No new connections; resolves when the last open one has ended, at the latest a little after the limit. */
  drain(timeoutMs: number): Promise<void>;
  /** Cuts everything now. */
  kill(): Promise<void>;
}

/** The facts role as the primary sees it. It is told things and never waited for, except at the very end. */
export interface Facts {
  readonly restarts: number;
  start(): void;
  tell(message: ToFacts): void;
  /** Lets it write out what it has, for at most so long. */
  stop(limitMs: number): Promise<void>;
}

export interface WorkersOptions {
  readonly size: number;
  /** Unix socket of the facts process. */
  readonly socket: string;
  readonly log: Logger;
  /** A worker died; its connections went with it. */
  onGone(worker: number, incarnation: number): void;
  /** `listeners` has other doors than before. */
  onDoors(): void;
}

export interface FactsOptions {
  readonly socket: string;
  readonly log: Logger;
  /** What a facts process is told at birth. */
  greeting(): readonly ToFacts[];
  onMessage(message: FromFacts): void;
}

/** How the primary gets its roles. */
export interface Roles {
  workers(options: WorkersOptions): Workers;
  facts(options: FactsOptions): Facts;
}
