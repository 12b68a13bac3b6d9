import type { PeerAddress, RbacInput } from '../rbac-input.ts';
import { CelError, CelTime, CelType, CelUint, type CelValue, ObjectMap } from './cel-values.ts';

/**
 * Envoy's attributes (docs: "Attributes") that a TCP connection has here. What it has none of, as all of `response` and
 * most of `request`, is an error like any name that does not exist: the condition is not met.
 */
const ATTRIBUTES: Readonly<Record<string, (input: RbacInput) => CelValue>> = {
  source: ({ remote }) => peer(remote),
  destination: ({ local }) => peer(local),
  connection: ({ connectionId, serverName, terminationDetails }) =>
    new ObjectMap({
      id: new CelUint(BigInt(connectionId)),
      mtls: false,
      requested_server_name: serverName,
      ...(terminationDetails !== '' && { termination_details: terminationDetails }),
    }),
  upstream: ({ upstream: { address, localAddress, attempts } }) =>
    new ObjectMap({
      ...(address !== '' && { address, ...portOf(address) }),
      ...(localAddress !== '' && { local_address: localAddress }),
      request_attempt_count: new CelUint(BigInt(attempts)),
    }),
  request: ({ startedAt, bytesReceived }) =>
    new ObjectMap({
      time: new CelTime('timestamp', BigInt(Math.round(startedAt * 1000)) * 1000n),
      headers: {},
      headers_bytes: 0n,
      size: BigInt(bytesReceived),
      total_size: BigInt(bytesReceived),
    }),
  metadata: ({ metadata }) => new ObjectMap({ filter_metadata: metadata ?? {}, typed_filter_metadata: {} }, true),
  filter_state: () => new ObjectMap({}),
  xds: ({ cluster }) => new ObjectMap({ ...(cluster !== '' && { cluster_name: cluster }) }),
};

const TYPES = ['bool', 'int', 'uint', 'double', 'string', 'bytes', 'list', 'map', 'null_type', 'type'];
export const CEL_NAMES: readonly string[] = [...Object.keys(ATTRIBUTES), ...TYPES];

export function attribute(name: string): (input: RbacInput) => CelValue {
  if (Object.hasOwn(ATTRIBUTES, name)) return ATTRIBUTES[name]!;
  const value = TYPES.includes(name) ? new CelType(name) : new CelError(`no such name: ${name}`);
  return () => value;
}

const peer = ({ text, ip, port }: PeerAddress): CelValue =>
  new ObjectMap({ address: text, ...(ip !== null && { port: BigInt(port) }) });

const portOf = (address: string): { readonly port?: bigint } => {
  const digits = /:(\d+)$/.exec(address)?.[1];
  return digits === undefined ? {} : { port: BigInt(digits) };
};
