import type { AddressConfig, Snapshot } from '../config/snapshot.ts';

/** Cancellation keys → the upstream host that issued them, shared by all workers of a primary. Keys are hex strings. */
export type { IssuedKeys as KeyDirectory } from '../net/protocol-link.ts';

/** One connection for /api/connections. Times are ms since the epoch, sizes bytes. */
export interface ConnectionInfo {
  readonly id: number;
  readonly worker: number;
  readonly listener: string;
  readonly protocol: string;
  readonly client: string;
  readonly upstream: string;
  readonly user: string;
  readonly database: string;
  readonly application: string;
  readonly state: string; // connecting, idle, active, in_transaction, draining, opaque:<fault>
  readonly startedAt: number;
  readonly idleMs: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly exchanges: number;
}

export interface ListenerInfo {
  readonly name: string;
  readonly address: string;
}

/** For /clusters. */
export interface HostInfo {
  readonly cluster: string;
  readonly address: string;
  readonly cxActive: number;
  readonly cxTotal: number;
  readonly cxConnectFail: number;
}

/** What one process needs for carrying traffic, and what it lets the roles do with it. Implemented in server/plane.ts. */
export interface DataPlane {
  /**
   * Makes the listeners and clusters those of the snapshot; connections of unchanged and of removed listeners live on.
   * Never throws for the outside's sake: what could not be listened on is returned (nothing else changed for it).
   */
  apply(snapshot: Snapshot): Promise<readonly ListenFailure[]>;
  /** Stops accepting; each connection closes at its next quiet point with its farewell, at the limit without. */
  drain(timeoutMs: number): Promise<void>;
  /** Cuts everything now. */
  close(): Promise<void>;
  connections(): ConnectionInfo[];
  listeners(): ListenerInfo[];
  hosts(): HostInfo[];
  readonly active: number;
}

export interface ListenFailure {
  readonly listener: string;
  readonly address: AddressConfig;
  /** Node's code: EADDRINUSE, EACCES … */
  readonly code: string;
}
