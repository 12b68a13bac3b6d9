import type { Runs, TargetRow } from './report.ts';
import type { Setup, SetupName } from './setups.ts';

/** What one run of a load gave. */
export interface LoadResult {
  readonly queries: number;
  readonly seconds: number;
  /** Of transactions, µs; NaN where the load has no latencies. */
  readonly p50Us: number;
  readonly p99Us: number;
}

/** A kind of traffic. `run` rejects when anything failed: a benchmark of errors says nothing. */
export interface Load {
  readonly name: string;
  readonly title: string;
  /** In --quick as well. */
  readonly quick: boolean;
  /** Runs before anything is measured, so that just-in-time compilers have seen it. */
  readonly warmsUp?: boolean;
  /** Bytes a query moves, for loads that are about bytes; 0 elsewhere. */
  readonly bytesPerQuery: number;
  run(target: { readonly port: number }, seconds: number): Promise<LoadResult>;
}

/** The database that is measured. */
export interface Upstream {
  readonly port: number;
  /** `Postgres 15.18` */
  readonly title: string;
  stop(): Promise<void>;
}

/** What subjects measure beside the loads. */
export interface Extra {
  /** A word for --only. */
  readonly name: string;
  /** Lines to print; what it found is kept for targets(). */
  run(bench: Bench): Promise<string>;
}

/** What is there when the loads have run. */
export interface Bench {
  readonly quick: boolean;
  readonly setups: readonly Setup[];
  readonly results: ReadonlyMap<string, Runs>;
  /** Runs one more load through all setups, prints its table and keeps its results. */
  measure(load: Load): Promise<void>;
}

/** One protocol's benchmark. */
export interface Subject {
  /** The protocol's name: the setup that has its filter, and what --protocol takes. */
  readonly name: SetupName;
  readonly packages: readonly string[];
  /** Setups that only this protocol has. */
  readonly peers: readonly SetupName[];
  start(): Promise<Upstream>;
  readonly loads: readonly Load[];
  readonly extras: readonly Extra[];
  targets(results: ReadonlyMap<string, Runs>): TargetRow[];
}

/** A load that has not run. */
export const runsOf = (results: ReadonlyMap<string, Runs>, load: string): Runs => results.get(load) ?? new Map();
