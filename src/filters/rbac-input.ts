import type { ConnectionHandle } from '../net/filter.ts';
import { ipBytes } from '../policy/rbac/cidr.ts';
import type { Metadata, PeerAddress, RbacInput } from '../policy/rbac/rbac-input.ts';

/** A connection as rules see it; one object a connection, whose metadata is that of the moment. */
export class ConnectionInput implements RbacInput {
  readonly remote: PeerAddress;
  readonly local: PeerAddress;
  /** There is no TLS yet. */
  readonly serverName = '';
  /** Set before each evaluation; asked at most once for one. */
  metadataNow: () => Metadata | null = () => null;
  #metadata: Metadata | null | undefined;
  readonly #connection: ConnectionHandle;

  constructor(connection: ConnectionHandle) {
    this.#connection = connection;
    this.remote = peerAddress(connection.facts.clientAddress);
    this.local = peerAddress(connection.facts.localAddress);
  }

  /** From here on the metadata is what this gives. */
  see(metadata: () => Metadata | null): this {
    this.metadataNow = metadata;
    this.#metadata = undefined;
    return this;
  }

  get metadata(): Metadata | null {
    if (this.#metadata === undefined) this.#metadata = this.metadataNow();
    return this.#metadata;
  }

  /** There is no PROXY protocol yet. */
  get direct(): PeerAddress {
    return this.remote;
  }

  get connectionId(): number {
    return this.#connection.id;
  }

  get startedAt(): number {
    return this.#connection.facts.startedAt;
  }

  get bytesReceived(): number {
    return this.#connection.info.bytesReceived;
  }

  get bytesSent(): number {
    return this.#connection.info.bytesSent;
  }

  get terminationDetails(): string {
    return this.#connection.info.terminationDetails;
  }

  get cluster(): string {
    return this.#connection.facts.cluster;
  }

  get upstream(): RbacInput['upstream'] {
    const {
      upstreamHost: address,
      upstreamLocalAddress: localAddress,
      connectAttempts: attempts,
    } = this.#connection.info;
    return { address, localAddress, attempts };
  }
}

/** `10.0.0.1:80`, `[::1]:80`, or the path of a unix socket. */
export function peerAddress(text: string): PeerAddress {
  const [, v6, v4, digits] = /^(?:\[([^\]]+)\]|([\d.]+)):(\d{1,5})$/.exec(text) ?? [];
  const ip = ipBytes(v6 ?? v4 ?? '');
  return { ip, port: ip === null ? 0 : Number(digits), text };
}
