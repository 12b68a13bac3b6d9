/** Where a server or a proxy listens on this machine. */
export interface Target {
  readonly host: string;
  readonly port: number;
}

/** Errors that no actor meant to provoke, and the end of it all. */
export interface Workload {
  readonly surprises: Error[];
  /** Lets the actions under way finish, then closes all connections. */
  stop(): Promise<void>;
}

/** A database server that the demo has started. */
export interface DemoServer {
  readonly port: number;
  /** Ends it at once and removes its files. */
  stop(): Promise<void>;
}

/** A policy of the short form (docs/policy.md), shown at work. */
export interface DemoPolicy {
  readonly name: string;
  readonly action: 'allow' | 'deny' | 'limit';
  readonly mode: 'enforce' | 'shadow';
  readonly users?: readonly string[];
  readonly applications?: readonly string[];
  readonly operations?: readonly string[];
  readonly targets?: readonly string[];
  readonly message?: string;
  /** A command that meets it, for a curious user's terminal. */
  readonly tryIt?: (sluice: Target) => string;
}

/** One of the demo's databases: a throw-away server, and those who use it through Sluice. */
export interface House {
  /** The protocol's name: the URL scheme, and what `--only` takes. */
  readonly name: string;
  /** `Postgres 18` */
  readonly title: string;
  /** Null where the server is what the title says, else what stands in for it, in words for a curious user. */
  standIn?(): string | null;
  /** Null if all is there, else what is missing and how to get it. */
  missing(): string | null;
  start(): Promise<DemoServer>;
  /** Tables and rows, straight to the server: whoever is open has had them for long. */
  prepare(server: Target): Promise<void>;
  startWorkload(sluice: Target): Workload;
  /** What its proxy refuses, or would. */
  readonly policies?: readonly DemoPolicy[];
  /** A command for a curious user's terminal. */
  tryIt(sluice: Target): string;
}
