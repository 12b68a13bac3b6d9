import { z } from 'zod';

const NOT_YET = 'not supported yet: only DISABLE';

const sslMode = z.enum(['DISABLE', 'REQUIRE', 'ALLOW']).default('DISABLE');

/** `envoy.extensions.filters.network.postgres_proxy.v3alpha.PostgresProxy`, all its fields and no other. */
export const postgresConfig = z.strictObject({
  stat_prefix: z.string().min(1),
  /** False: no statements_parsed, no statements_parse_error. Digests are made all the same. */
  enable_sql_parsing: z.boolean().default(true),
  terminate_ssl: z
    .boolean()
    .default(false)
    .refine((on) => !on, 'TLS termination is not supported yet: only false'),
  upstream_ssl: sslMode.refine((mode) => mode === 'DISABLE', NOT_YET),
  downstream_ssl: sslMode.refine((mode) => mode === 'DISABLE', NOT_YET),
});
export type PostgresConfig = z.infer<typeof postgresConfig>;

/** `metadata.filter_metadata.sluice.postgres` of the listener. */
export const postgresOptions = z
  .strictObject({
    /** Answer SSLRequest and GSSENCRequest with N, so that sessions stay readable. Enforcing chains always do. */
    refuse_ssl: z.boolean().default(false),
  })
  .default({ refuse_ssl: false });
export type PostgresOptions = z.infer<typeof postgresOptions>;
