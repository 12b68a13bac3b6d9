import { z } from 'zod';

/** `envoy.extensions.filters.network.mongo_proxy.v3.MongoProxy`, all its fields that mean something, and no other. */
export const mongodbConfig = z
  .strictObject({
    stat_prefix: z.string().min(1),
    /**
     * Commands with stats of their own under `cmd.`; others are counted together, as `unknown_command`. Not given: all
     * that the command table has, where Envoy has `delete`, `insert` and `update`.
     */
    commands: z.array(z.string().min(1)).default([]),
    /** Metadata is made when somebody asks for it, so nothing hangs on this here. */
    emit_dynamic_metadata: z.boolean().default(false),
  })
  // The access logs of the listener say more than Envoy's lines; delays are not injected.
  .meta({ unsupported: ['access_log', 'delay'] });
export type MongodbConfig = z.infer<typeof mongodbConfig>;

const MAX_NAME = 253;
const address = z
  .string()
  .max(MAX_NAME + 6)
  .regex(/^(\[[0-9a-f:]+\]|[A-Za-z0-9._-]+):\d{1,5}$/, 'is not host:port, such as proxy.example:27017');

const optionFields = z.strictObject({
  /** Collections with stats of their own under `collection.`, first come; the rest is counted as `other`. */
  collections: z.number().int().min(1).max(4096).default(64),
  /** Open cursors that are remembered, a worker and listener; above it the one used longest ago is forgotten. */
  cursors: z.number().int().min(1).max(1_000_000).default(10_000),
  /** By what names clients reach this proxy: replies to hello that name nothing else lead nobody past it. */
  addresses: z.array(address).default([]),
  /** Replies to hello name this address in place of the replica set's members. */
  rewrite_hello: z.strictObject({ address }).optional(),
  /** Where policies are enforced: getMore and killCursors of cursors that this worker has not seen being opened are denied. */
  strict_cursors: z.boolean().default(false),
});
export type MongodbOptions = z.infer<typeof optionFields>;

/** `metadata.filter_metadata.sluice.mongodb` of the listener. */
export const mongodbOptions = optionFields.default({
  collections: 64,
  cursors: 10_000,
  addresses: [],
  strict_cursors: false,
});
