import * as z from 'zod';
import { duration, message, name } from './field-types.ts';
import { runtimeFlag } from './network-filter-fields.ts';
import type { FilterSchema } from './snapshot.ts';

export const CONNECTION_LIMIT_TYPE_URL =
  'type.googleapis.com/envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit';

/** Envoy's ConnectionLimit. Parsed: `delay` in ms, 0 = close at once. */
const connectionLimitConfig = message({
  stat_prefix: name(),
  max_connections: z.int().min(1),
  delay: duration().prefault('0s'),
  runtime_enabled: runtimeFlag().default(true),
});

export type ConnectionLimitConfig = z.output<typeof connectionLimitConfig>;

export const connectionLimitSchema: FilterSchema = {
  filterName: 'envoy.filters.network.connection_limit',
  typeUrl: CONNECTION_LIMIT_TYPE_URL,
  terminal: false,
  protocol: null,
  config: connectionLimitConfig,
  options: null,
};
