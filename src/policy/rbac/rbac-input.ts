/** One end of a connection. */
export interface PeerAddress {
  /** Null of a unix socket. */
  readonly ip: Uint8Array | null;
  readonly port: number;
  /** `10.0.0.1:80`, `[::1]:80`, or a path. */
  readonly text: string;
}

/** Dynamic metadata: plain data by namespace. */
export type Metadata = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** What rules look at: a connection, and of it one operation, or none. */
export interface RbacInput {
  readonly remote: PeerAddress;
  readonly direct: PeerAddress;
  readonly local: PeerAddress;
  readonly connectionId: number;
  readonly serverName: string;
  /** Wall time in ms. */
  readonly startedAt: number;
  readonly bytesReceived: number;
  readonly bytesSent: number;
  readonly terminationDetails: string;
  readonly upstream: { readonly address: string; readonly localAddress: string; readonly attempts: number };
  readonly cluster: string;
  /** Null: what the connection's protocol will tell is not known yet. Made when it is asked for. */
  readonly metadata: Metadata | null;
}
