import { loadSqlParser, SqlDigestCache } from '../../src/digest/cache.ts';
import { NO_KEYS } from '../../src/exchange/key-sink.ts';
import { NO_LAG } from '../../src/exchange/lag-sink.ts';
import type { FilterEnv } from '../../src/exchange/protocol-filter.ts';
import { NO_SHARED } from '../../src/exchange/shared-names.ts';
import { StatsRegistry } from '../../src/stats/registry.ts';

/** One cache for all tests of a file: the real one, with the real parser. Time stands still: the parse budget is never spent. */
export const digests = new SqlDigestCache({ parser: await loadSqlParser(), now: () => 0 });

/** What a worker lends to a protocol filter, with stats of its own. */
export const filterEnv = (parts: Partial<FilterEnv> = {}): FilterEnv => ({
  stats: new StatsRegistry(),
  digests,
  keys: NO_KEYS,
  lag: NO_LAG,
  shared: NO_SHARED,
  warn: () => {},
  ...parts,
});
