import { expect, test } from 'vitest';
import { Side } from '../../src/exchange/side.ts';
import { renderPrometheus } from '../../src/stats/prometheus.ts';
import { StatsRegistry } from '../../src/stats/registry.ts';
import { statsText } from '../../src/stats/stats-page.ts';
import { filterEnv } from '../../test/support/filter-env.ts';
import { SessionHarness } from '../../test/support/session-harness.ts';
import { COMMANDS } from './commands.ts';
import { redis } from './index.ts';
import { RedisStats } from './stats.ts';
import { nil, say } from './testing/builders.ts';

/** One GET that takes 5 ms. */
function pages(latencyInMicros: boolean): { stats: string; prometheus: string } {
  const stats = new StatsRegistry();
  const config = redis.config.parse({ stat_prefix: 'p', latency_in_micros: latencyInMicros });
  const harness = new SessionHarness({ bound: redis.bind(config, redis.options.parse({}), filterEnv({ stats })) });
  harness.feed(Side.downstream, say('GET a'));
  harness.time += 4;
  harness.feed(Side.upstream, nil);
  harness.finish();
  const merged = stats.list.map((stat) => ({
    ...stat,
    value: stats.get(stat.id),
    histogram: stats.histograms[stat.id] ?? null,
  }));
  return {
    stats: statsText(merged),
    prometheus: renderPrometheus({ stats: merged, durations: [], digests: [], processes: [] }),
  };
}

test('latency is in milliseconds, as Envoy has it, or in microseconds', () => {
  const [ms, us] = [pages(false), pages(true)];
  expect(ms.stats).toMatch(/redis\.p\.command\.get\.latency: .*P100\(nan,5\)/);
  expect(us.stats).toMatch(/redis\.p\.command\.get\.latency: .*P100\(nan,5000\)/);
  expect(ms.prometheus).toContain('envoy_redis_command_get_latency_sum{envoy_redis_prefix="p"} 5\n');
  expect(us.prometheus).toContain('envoy_redis_command_get_latency_sum{envoy_redis_prefix="p"} 5000\n');
});

test('a command’s stats are there once it was seen, and never more than commands there are', () => {
  const stats = new StatsRegistry();
  const own = new RedisStats(stats, 'p', false);
  const before = stats.list.length;
  expect(stats.list.some(({ name }) => name.includes('.command.'))).toBe(false);
  for (let round = 0; round < 2; round++) for (let slot = 0; slot <= COMMANDS.length; slot++) own.command(slot);
  expect(stats.list.length - before).toBeLessThanOrEqual((COMMANDS.length + 1) * 4);
  expect(stats.value('redis.p.command.unknown.total')).toBe(0);
  expect(stats.value('redis.p.command.client_reply.total')).toBe(0);
});
