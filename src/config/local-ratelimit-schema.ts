import * as z from 'zod';
import { duration, MAX_UINT32, message, name, wholeNumber } from './field-types.ts';
import { runtimeFlag } from './network-filter-fields.ts';
import type { FilterSchema } from './snapshot.ts';

export const LOCAL_RATELIMIT_TYPE_URL =
  'type.googleapis.com/envoy.extensions.filters.network.local_ratelimit.v3.LocalRateLimit';

/** Envoy's LocalRateLimit. Parsed: `fill_interval` in ms; share_key '' = a bucket of its own. */
const localRateLimitConfig = message({
  stat_prefix: name(),
  token_bucket: message({
    max_tokens: wholeNumber(0, MAX_UINT32),
    tokens_per_fill: wholeNumber(1, MAX_UINT32).default(1),
    fill_interval: duration({ minMs: 50 }),
  }),
  runtime_enabled: runtimeFlag().default(true),
  share_key: z.string().max(256).default(''),
});

export type LocalRateLimitConfig = z.output<typeof localRateLimitConfig>;

export const localRateLimitSchema: FilterSchema = {
  filterName: 'envoy.filters.network.local_ratelimit',
  typeUrl: LOCAL_RATELIMIT_TYPE_URL,
  terminal: false,
  protocol: null,
  config: localRateLimitConfig,
  options: null,
};
