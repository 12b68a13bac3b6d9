import type { DashboardFile } from './dashboard.ts';
import { itself } from './itself.ts';
import { kafka } from './kafka.ts';
import { mongodb } from './mongodb.ts';
import { mysql } from './mysql.ts';
import { overview } from './overview.ts';
import { policy } from './policy.ts';
import { postgresql } from './postgresql.ts';
import { queryDetail } from './query-detail.ts';
import { redis } from './redis.ts';
import { topQueriesDashboard } from './top-queries.ts';
import { zookeeper } from './zookeeper.ts';

/** Every dashboard there is. A new protocol's is one file, and one line here. */
export const DASHBOARDS: readonly DashboardFile[] = [
  overview,
  topQueriesDashboard,
  queryDetail,
  postgresql,
  mysql,
  redis,
  mongodb,
  zookeeper,
  kafka,
  policy,
  itself,
];
