/**
 * Who is talking: one object a connection, shared by all its exchanges. Fields change only when the *server* confirms
 * them (threats R8), through SessionHost.confirm, which also resets `scope`.
 */
export class SessionFacts {
  /** Unique in the process's life: worker index × 2^40 + counter, a safe integer. */
  readonly id: number;
  readonly protocol: string;
  readonly listener: string;
  readonly clientAddress: string;
  readonly localAddress: string;
  /** Wall time in ms since the epoch. */
  readonly startedAt: number;
  cluster = '';
  upstreamAddress = '';
  user = '';
  database = '';
  application = '';
  driver = '';
  serverVersion = '';
  /** '' for ordinary clients; `replication`, `monitor` … where the protocol knows other kinds of session. */
  kind = '';
  tls = false;
  /** W3C traceparent given at connection level (application_name), or ''. */
  traceparent = '';
  /**
   * Consumers' cache: a small number for (listener, database, user, application), or -1 when it must be looked up
   * again. Owned by the aggregates; reset by the host on every confirmed change.
   */
  scope = -1;
  /** Offsets: bytes received from each side so far. */
  readonly received: [downstream: number, upstream: number] = [0, 0];
  /** Exchanges that ended so far; counted by the recorder. */
  exchanges = 0;
  /** '' until the server has told. `failed`: only a rollback ends it. */
  transactionState: '' | 'idle' | 'in_transaction' | 'failed' = '';
  opaque = '';

  constructor(
    id: number,
    protocol: string,
    listener: string,
    clientAddress: string,
    localAddress: string,
    startedAt: number,
  ) {
    this.id = id;
    this.protocol = protocol;
    this.listener = listener;
    this.clientAddress = clientAddress;
    this.localAddress = localAddress;
    this.startedAt = startedAt;
  }
}

/** The facts that a server can confirm. */
export type ConfirmedFacts = Partial<
  Pick<SessionFacts, 'user' | 'database' | 'application' | 'driver' | 'serverVersion' | 'kind' | 'tls' | 'traceparent'>
>;
