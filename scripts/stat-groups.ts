import { KAFKA_STAT_GROUPS } from '../protocol-filters/kafka/stat-groups.ts';
import { MONGO_STAT_GROUPS } from '../protocol-filters/mongodb/stat-groups.ts';
import {
  COMMAND_STATS as MYSQL_COMMAND_STATS,
  ENVOY_STATS as MYSQL_ENVOY_STATS,
  OWN_STATS as MYSQL_OWN_STATS,
} from '../protocol-filters/mysql/stats.ts';
import { ENVOY_STATS, OPAQUE_STATS, OWN_STATS } from '../protocol-filters/postgres/stats.ts';
import {
  REDIS_COMMAND_STATS,
  REDIS_OPAQUE_STATS,
  REDIS_OWN_STATS,
  REDIS_STATS,
} from '../protocol-filters/redis/stats.ts';
import { ZOOKEEPER_STAT_GROUPS } from '../protocol-filters/zookeeper/stats.ts';
import { adminStats } from '../src/admin/admin-stats.ts';
import { LAG_STAT_GROUPS } from '../src/digest/lag/lag-stats.ts';
import { digestStats, eventStats } from '../src/events/event-stats.ts';
import { connectionLimitStats } from '../src/filters/connection-limit.ts';
import { extAuthzStats } from '../src/filters/ext-authz.ts';
import { localRateLimitStats } from '../src/filters/local-ratelimit.ts';
import { policySetStats } from '../src/filters/policy-stats.ts';
import { rbacShadowStats, rbacStats } from '../src/filters/rbac-stats.ts';
import { tcpProxyStats } from '../src/filters/tcp-proxy-stats.ts';
import { asideStats, listenerOwnStats, listenerStats, opaqueStats } from '../src/net/listener-stats.ts';
import { policyVerdictStats } from '../src/net/verdict-counter.ts';
import { digestCacheStats } from '../src/server/digest-cache-stats.ts';
import {
  accessLogStats,
  connectionStats,
  filesystemStats,
  memoryStats,
  ownServerStats,
  serverStats,
} from '../src/server/server-stats.ts';
import {
  openTelemetryLogPrefixStats,
  openTelemetryLogStats,
} from '../src/sinks/otlp-access-log/open-telemetry-log-stats.ts';
import { sinkStats } from '../src/sinks/queue/sink-stats.ts';
import { statsSinkStats } from '../src/sinks/stats-sink-stats.ts';
import type { StatGroup } from '../src/stats/registry.ts';
import { clusterStats } from '../src/upstream/cluster-stats.ts';

/** Every group of stats there is, for docs/metrics.md. A test finds the ones that are missing here. */
export const STAT_GROUPS: readonly StatGroup[] = [
  listenerStats,
  listenerOwnStats,
  opaqueStats,
  asideStats,
  tcpProxyStats,
  policyVerdictStats,
  policySetStats,
  rbacStats,
  rbacShadowStats,
  connectionLimitStats,
  localRateLimitStats,
  extAuthzStats,
  clusterStats,
  serverStats,
  memoryStats,
  connectionStats,
  ownServerStats,
  eventStats,
  digestStats,
  digestCacheStats,
  accessLogStats,
  filesystemStats,
  openTelemetryLogStats,
  openTelemetryLogPrefixStats,
  sinkStats,
  statsSinkStats,
  adminStats,
  ENVOY_STATS,
  OWN_STATS,
  OPAQUE_STATS,
  MYSQL_ENVOY_STATS,
  MYSQL_OWN_STATS,
  MYSQL_COMMAND_STATS,
  REDIS_STATS,
  REDIS_COMMAND_STATS,
  REDIS_OWN_STATS,
  REDIS_OPAQUE_STATS,
  ...MONGO_STAT_GROUPS,
  ...ZOOKEEPER_STAT_GROUPS,
  ...KAFKA_STAT_GROUPS,
  ...LAG_STAT_GROUPS,
];
