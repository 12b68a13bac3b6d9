import { describe, expect, test } from 'vitest';
import { SimulatedPlane } from '../../test/support/simulated-plane.ts';
import type { FilterBuilder } from '../net/filter.ts';
import { SimulatedClock } from '../net/simulated.ts';
import type { LinkFactory } from '../server/plane.ts';
import { StatsRegistry } from '../stats/registry.ts';
import { connectionLimit } from './connection-limit.ts';
import { localRateLimit, TokenBucket } from './local-ratelimit.ts';

// What they do in Envoy's place is held against it in test/integration/filters-envoy.test.ts; here: several workers, time,
// and reloads.

const limit = (max_connections: number, more = {}) => ({
  ...{ stat_prefix: 'l', max_connections, delay: 0, runtime_enabled: true },
  ...more,
});
const bucket = (max_tokens: number, fill_interval: number, tokens_per_fill = 1) => ({
  max_tokens,
  tokens_per_fill,
  fill_interval,
});
const rate = (token_bucket: ReturnType<typeof bucket>, more = {}) => ({
  ...{ stat_prefix: 'l', token_bucket, runtime_enabled: true, share_key: '' },
  ...more,
});

async function planeWith(make: LinkFactory) {
  let builder: FilterBuilder | null = null;
  const simulated = await SimulatedPlane.start({
    link: (config, env) => {
      builder = make(config, env);
      return builder;
    },
  });
  const dial = () => {
    const client = simulated.dial();
    simulated.run(5);
    return client;
  };
  return { simulated, dial, update: (next: object | null) => builder!.update!(next as Record<string, unknown> | null) };
}

describe('connection_limit', () => {
  test('each worker has its share, rounded up', async () => {
    const { dial, simulated } = await planeWith((_, env) => connectionLimit(limit(5), { ...env, workers: 2 }));
    const clients = [1, 2, 3, 4, 5].map(dial);
    expect(clients.map(({ ended }) => ended)).toEqual([false, false, false, true, true]);
    expect(simulated.stat('connection_limit.l.limited_connections')).toBe(2);
    expect(simulated.stat('connection_limit.l.active_connections')).toBe(3);
  });

  test('a place is free again when its connection has ended', async () => {
    const { dial, simulated } = await planeWith((_, env) => connectionLimit(limit(1), env));
    const first = dial();
    expect(dial().ended).toBe(true);
    first.reset();
    simulated.run(5);
    expect(dial().ended).toBe(false);
    expect(simulated.stat('connection_limit.l.active_connections')).toBe(1);
  });

  test('a reload counts those that are there, and moves the gauge with its name', async () => {
    const { dial, simulated, update } = await planeWith((_, env) => connectionLimit(limit(1), env));
    dial();
    expect(update(limit(2, { stat_prefix: 'm' }))).toBe(true);
    expect([
      simulated.stat('connection_limit.l.active_connections'),
      simulated.stat('connection_limit.m.active_connections'),
    ]).toEqual([0, 1]);
    expect([dial().ended, dial().ended]).toEqual([false, true]);
    expect(update(null)).toBe(true);
    expect(dial().ended).toBe(false);
  });

  test('refused clients are held for the delay, and read by nobody', async () => {
    const { dial, simulated } = await planeWith((_, env) => connectionLimit(limit(1, { delay: 100 }), env));
    dial();
    const second = dial();
    second.send('hello');
    simulated.run(50);
    expect([second.ended, simulated.servers.length]).toEqual([false, 1]);
    simulated.run(100);
    expect(second.ended).toBe(true);
  });
});

describe('local_ratelimit', () => {
  test('tokens come back evenly, and never more than the bucket holds', () => {
    const clock = new SimulatedClock();
    const tokens = new TokenBucket(bucket(2, 1000, 2), { clock, stats: new StatsRegistry(), workers: 1 });
    const takes = (times: number) => Array.from({ length: times }, () => tokens.take());
    expect(takes(3)).toEqual([true, true, false]);
    clock.run(clock.now() + 499);
    expect(takes(1)).toEqual([false]);
    clock.run(clock.now() + 2);
    expect(takes(2)).toEqual([true, false]);
    clock.run(clock.now() + 60_000);
    expect(takes(3)).toEqual([true, true, false]);
  });

  test('each worker has its share, and at least one token', () => {
    const clock = new SimulatedClock();
    const of = (max: number, workers: number) => {
      const tokens = new TokenBucket(bucket(max, 1000), { clock, stats: new StatsRegistry(), workers });
      return Array.from({ length: 10 }, () => tokens.take()).filter(Boolean).length;
    };
    expect([of(9, 3), of(2, 4), of(0, 4)]).toEqual([3, 1, 0]);
  });

  test('a reload keeps the bucket where it is the same one', async () => {
    const { dial, update } = await planeWith((_, env) => localRateLimit(rate(bucket(1, 3_600_000)), env));
    expect([dial().ended, dial().ended]).toEqual([false, true]);
    update(rate(bucket(1, 3_600_000)));
    expect(dial().ended).toBe(true);
    update(rate(bucket(2, 3_600_000)));
    expect([dial().ended, dial().ended, dial().ended]).toEqual([false, false, true]);
    update(null);
    expect(dial().ended).toBe(false);
  });
});
