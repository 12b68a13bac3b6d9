import type { AddressConfig, Snapshot } from '../config/snapshot.ts';
import type { OpenDoor } from '../net/door-book.ts';

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
  /** `b2.example:9092`: the one host that connections to this address are led to; '' = none yet. Absent: the cluster chooses. */
  readonly upstream?: string;
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
   * `doors`: those of this snapshot's listeners; not given: they stay.
   */
  apply(snapshot: Snapshot, doors?: readonly OpenDoor[]): Promise<readonly ListenFailure[]>;
  /** Makes these the doors of the running listeners; those that could not be listened on are returned, with Node's code. */
  setDoors(doors: readonly OpenDoor[]): Promise<readonly (OpenDoor & { readonly code: string })[]>;
  /** Stops accepting; each connection closes at its next quiet point with its farewell, at the limit without. */
  drain(timeoutMs: number): Promise<void>;
  /** Cuts everything now. */
  close(): Promise<void>;
  connections(): ConnectionInfo[];
  /** Without doors. */
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
