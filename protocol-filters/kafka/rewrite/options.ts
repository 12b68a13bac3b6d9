import { z } from 'zod';
import type { DoorRange } from '../../../src/exchange/protocol-filter.ts';

const MAX_HOST = 253;
const MAX_API_KEY = 32_767;
const EVERYWHERE = new Set(['0.0.0.0', '::', '0:0:0:0:0:0:0:0']);

const isPort = (text: string): boolean => Number(text) >= 1 && Number(text) <= 65_535;

const host = z
  .string()
  .max(MAX_HOST)
  .regex(/^([A-Za-z0-9._-]+|[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*)$/, 'is no host, such as proxy.example or ::1');
const reachableHost = host.refine(
  (text) => !EVERYWHERE.has(text),
  'is where a server listens, and no address that clients could connect to',
);
const hostMaybePort = z
  .string()
  .max(MAX_HOST + 8)
  .regex(
    /^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:\d{1,5})?$/,
    'is no host or host:port, such as proxy.example:9092 or [::1]:9092',
  )
  .refine((text) => isPort(/:(\d+)$/.exec(text.replace(/^\[.*\]/, ''))?.[1] ?? '1'), 'the port must be 1 to 65535');
const apiKeys = z.array(z.number().int().min(0).max(MAX_API_KEY)).default([]);

/** Fields of Envoy's `KafkaBroker` on addresses and API keys. */
export const addressConfig = {
  /** Envoy: replies are written anew from what was decoded. Here a reply leaves as it came but for its addresses, so this changes nothing. */
  force_response_rewrite: z.boolean().default(false),
  /** Brokers by node id: the first rule of an id says by which address clients reach it. */
  id_based_broker_address_rewrite_spec: z
    .strictObject({
      rules: z
        .array(
          z.strictObject({
            id: z.number().int().min(0).max(0xffff_ffff),
            host: reachableHost,
            port: z.number().int().min(1).max(65_535),
          }),
        )
        .default([]),
    })
    .optional(),
  /** Empty: all. A request of another key closes the connection. */
  api_keys_allowed: apiKeys,
  /** A request of such a key closes the connection, also where it is allowed above. */
  api_keys_denied: apiKeys,
};

/** Sluice's own options on addresses. */
export const addressOptions = {
  /** `auto`: each broker is reached by a port of this listener, which the replies that name the broker name instead. */
  rewrite: z.union([z.literal(false), z.literal('auto')]).default(false),
  /** The host that replies name for those ports; not given: the address by which the client has come. */
  advertise: reachableHost.optional(),
  /** By what names clients reach this proxy: replies that name nothing else lead nobody past it. */
  addresses: z.array(hostMaybePort).default([]),
  /** Ports for brokers: `count` from `first` on; not given: the hundred after the listener's own. */
  broker_ports: z
    .strictObject({
      first: z.number().int().min(1).max(65_535).optional(),
      count: z.number().int().min(1).max(10_000).default(100),
    })
    .optional(),
};

const config = z.object(addressConfig);
const options = z.object(addressOptions);
export type AddressConfig = z.infer<typeof config>;
export type AddressOptions = z.infer<typeof options>;

const DEFAULT_DOORS = 100;

/** Options that nothing would come of: somebody believes that addresses are rewritten. */
export function checkAddressOptions(given: AddressOptions, ctx: z.RefinementCtx): void {
  if (given.rewrite !== false) return;
  for (const name of ['advertise', 'broker_ports'] as const)
    if (given[name] !== undefined)
      ctx.addIssue({
        code: 'custom',
        path: [name],
        message: 'has no effect where rewrite is false: set rewrite: auto',
      });
}

/** Where doors to brokers are opened; null: nowhere. */
export const doorsOf = ({
  rewrite,
  broker_ports,
}: Pick<AddressOptions, 'rewrite' | 'broker_ports'>): DoorRange | null =>
  rewrite === false ? null : { firstPort: broker_ports?.first ?? 0, count: broker_ports?.count ?? DEFAULT_DOORS };
