import { ipBytes } from './cidr.ts';
import type { Metadata, PeerAddress, RbacInput } from './rbac-input.ts';

/** A connection of nobody in particular, for tests. */
export function inputOf(wishes: Partial<RbacInput> = {}): RbacInput {
  const remote = wishes.remote ?? peerOf('10.1.2.3', 40_000);
  return {
    remote,
    direct: remote,
    local: peerOf('192.168.0.1', 5432),
    connectionId: 7,
    serverName: '',
    startedAt: Date.UTC(2026, 0, 2, 3, 4, 5, 678),
    bytesReceived: 100,
    bytesSent: 50,
    terminationDetails: '',
    upstream: { address: '10.0.0.9:5432', localAddress: '10.0.0.1:50000', attempts: 1 },
    cluster: 'db',
    metadata: {} satisfies Metadata,
    ...wishes,
  };
}

export const peerOf = (host: string, port: number): PeerAddress => ({
  ip: ipBytes(host),
  port,
  text: host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`,
});
