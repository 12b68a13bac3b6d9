import { expect, test } from 'vitest';
import { HeavyKeys, type HeavyKeysSnapshot } from '../digest/keys/heavy-keys.ts';
import { renderPrometheus } from '../stats/prometheus.ts';
import { hotKeySeries, NAMED_KEYS } from './key-series.ts';

function sketch(touches: Iterable<string>, entries = 512): HeavyKeysSnapshot {
  const keys = new HeavyKeys({ entries, seed: 1 });
  for (const key of touches) keys.touch(Buffer.from(key), 0, Buffer.byteLength(key), 10, 0.5);
  return keys.snapshot();
}
const page = (snapshot: HeavyKeysSnapshot, named: boolean): string =>
  renderPrometheus(
    { stats: [], durations: [], digests: [], processes: [], hotKeys: hotKeySeries([['cache', snapshot]], named) },
    { strict: true },
  );
const SKEWED = Array.from({ length: 100 }, (_, i) => (i < 60 ? 'hot' : i < 80 ? `warm${i % 4}` : `cold${i}`));

test('metrics say how skewed keys are without naming one', () => {
  const text = page(sketch(SKEWED), false);
  expect(text).toContain('sluice_key_calls_total{sluice_listener="cache"} 100\n');
  expect(text).toContain('sluice_key_bytes_total{sluice_listener="cache"} 1000\n');
  expect(text).toContain('sluice_key_seconds_total{sluice_listener="cache"} 0.05\n');
  expect(text).toContain('sluice_hot_key_share{sluice_listener="cache",by="calls",top="1"} 0.6\n');
  expect(text).toContain('sluice_hot_key_share{sluice_listener="cache",by="time",top="10"} 0.85\n');
  expect(text).toContain('sluice_hot_key_share{sluice_listener="cache",by="bytes",top="100"} 1\n');
  expect(text).not.toMatch(/hot"|warm|cold/);
});

test('with literals shown the heaviest are named, so many a ranking', () => {
  const text = page(sketch(SKEWED), true);
  expect(text).toContain('sluice_hot_key_calls{sluice_listener="cache",key="hot"} 60\n');
  expect(text).toContain('sluice_hot_key_seconds{sluice_listener="cache",key="hot"} 0.03\n');
  const many = page(sketch(Array.from({ length: 500 }, (_, i) => `k${i}`)), true);
  expect(many.match(/^sluice_hot_key_calls\{/gm)!.length).toBeLessThanOrEqual(3 * NAMED_KEYS);
});

test('names that look the same in a label are one series, and no page is broken by them', () => {
  const long = 'x'.repeat(127);
  const snapshot = sketch([`${long}\x00a`, `${long}\x00b`, '\x01'.repeat(127), `${'\x01'.repeat(127)}\x02`, 'a"b\nc']);
  expect(page(snapshot, true)).toContain('key="a\\"b\\\\x0ac"} 1\n');
});

test('a flood of keys seen once is not taken for heat', () => {
  const shares = hotKeySeries(
    [
      [
        'cache',
        sketch(
          Array.from({ length: 20_000 }, (_, i) => `once:${i}`),
          64,
        ),
      ],
    ],
    false,
  );
  for (const { share } of shares[0]!.shares) expect(share).toBeLessThan(0.02);
});
