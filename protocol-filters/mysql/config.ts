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

/** `metadata.filter_metadata.sluice.mysql` of the listener: there is nothing to choose yet. */
export const mysqlOptions = z.strictObject({}).default({});
export type MysqlOptions = z.infer<typeof mysqlOptions>;
