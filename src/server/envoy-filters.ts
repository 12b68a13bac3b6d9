import {
  CONNECTION_LIMIT_TYPE_URL,
  type ConnectionLimitConfig,
  connectionLimitSchema,
} from '../config/connection-limit-schema.ts';
import {
  DIRECT_RESPONSE_TYPE_URL,
  type DirectResponseConfig,
  directResponseSchema,
  ECHO_TYPE_URL,
  echoSchema,
} from '../config/direct-response-schema.ts';
import { EXT_AUTHZ_TYPE_URL, type ExtAuthzConfig, extAuthzSchema } from '../config/ext-authz-schema.ts';
import {
  LOCAL_RATELIMIT_TYPE_URL,
  type LocalRateLimitConfig,
  localRateLimitSchema,
} from '../config/local-ratelimit-schema.ts';
import { RBAC_TYPE_URL, rbacSchema } from '../config/rbac-schema.ts';
import type { FilterSchema } from '../config/snapshot.ts';
import { connectionLimit } from '../filters/connection-limit.ts';
import { directResponse } from '../filters/direct-response.ts';
import { echo } from '../filters/echo.ts';
import { extAuthz } from '../filters/ext-authz.ts';
import { localRateLimit } from '../filters/local-ratelimit.ts';
import { rbac } from '../filters/rbac.ts';
import type { RbacConfig } from '../policy/rbac/rbac-config.ts';
import type { LinkFactory } from './plane.ts';

/** Envoy's filters beside tcp_proxy: for the catalog. */
export const envoyFilterSchemas: readonly FilterSchema[] = [
  rbacSchema,
  connectionLimitSchema,
  localRateLimitSchema,
  extAuthzSchema,
  directResponseSchema,
  echoSchema,
];

export const envoyLinks: readonly (readonly [string, LinkFactory])[] = [
  [RBAC_TYPE_URL, (checked, env) => rbac(checked as unknown as RbacConfig, env)],
  [CONNECTION_LIMIT_TYPE_URL, (checked, env) => connectionLimit(checked as unknown as ConnectionLimitConfig, env)],
  [LOCAL_RATELIMIT_TYPE_URL, (checked, env) => localRateLimit(checked as unknown as LocalRateLimitConfig, env)],
  [
    EXT_AUTHZ_TYPE_URL,
    (checked, { stats, clusters }) =>
      extAuthz(checked as unknown as ExtAuthzConfig, { stats, cluster: (name) => clusters.get(name) }),
  ],
  [DIRECT_RESPONSE_TYPE_URL, (checked) => directResponse(checked as unknown as DirectResponseConfig)],
  [ECHO_TYPE_URL, () => echo()],
];
