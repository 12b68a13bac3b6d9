import { z } from 'zod';

/** `envoy.extensions.filters.network.mysql_proxy.v3.MySQLProxy`, all its fields that mean something, and no other. */
export const mysqlConfig = z
  .strictObject({
    stat_prefix: z.string().min(1),
    downstream_ssl: z
      .enum(['DISABLE', 'REQUIRE', 'ALLOW'])
      .default('DISABLE')
      .refine((mode) => mode === 'DISABLE', 'not supported yet: only DISABLE'),
  })
  // Envoy declares access_log and does not implement it either.
  .meta({ unsupported: ['access_log'] });
export type MysqlConfig = z.infer<typeof mysqlConfig>;

/** `metadata.filter_metadata.sluice.mysql` of the listener. All of them are about enforced policies. */
export const mysqlOptions = z
  .strictObject({
    /** `deny`: the capability to send files (LOAD DATA LOCAL) is taken from both sides. */
    local_infile: z.enum(['deny', 'allow']).default('deny'),
    /** The server's own variable: 1 or 2 where it takes names that differ in case for the same. */
    lower_case_table_names: z.union([z.literal(0), z.literal(1), z.literal(2)]).default(0),
    /** A command above this closes its connection: it is judged whole. */
    max_held_bytes: z
      .int()
      .min(64 * 1024)
      .max(1024 * 1024 * 1024)
      .default(64 * 1024 * 1024),
  })
  .prefault({});
export type MysqlOptions = z.infer<typeof mysqlOptions>;
