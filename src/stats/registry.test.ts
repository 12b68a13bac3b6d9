import fc from 'fast-check';
import { expect, test } from 'vitest';
import { StatsRegistry, statGroup } from './registry.ts';

const GROUP = statGroup('postgres.<stat_prefix>.', {
  sessions: { kind: 'counter', help: 'Sessions.' },
  active: { kind: 'gauge', help: 'Active.' },
  hosts: { kind: 'gauge', help: 'Hosts.', merge: 'max' },
  took: { kind: 'histogram', help: 'Time.' },
});

test('opening a group names its stats and fills its parts in', () => {
  const registry = new StatsRegistry();
  const ids = registry.open(GROUP, { stat_prefix: 'shop' });
  expect(registry.list[ids.sessions]).toEqual({
    id: ids.sessions,
    name: 'postgres.shop.sessions',
    pattern: 'postgres.<stat_prefix>.sessions',
    labels: { stat_prefix: 'shop' },
    kind: 'counter',
    help: 'Sessions.',
    merge: 'sum',
  });
  expect(registry.list[ids.hosts]?.merge).toBe('max');
});

for (const [part, name] of [
  ['127.0.0.1:5432', 'postgres.127.0.0.1_5432.sessions'],
  ['[::1]:5432', 'postgres.[__1]_5432.sessions'],
  ['<stat_prefix>', 'postgres.<stat_prefix>.sessions'],
  ['$&', 'postgres.$&.sessions'],
] as const)
  test(`part ${part} gives ${name}`, () => {
    const registry = new StatsRegistry();
    registry.open(GROUP, { stat_prefix: part });
    expect(registry.value(name)).toBe(0);
  });

test('the same group with the same parts gives the same ids, and keeps what was counted', () => {
  const registry = new StatsRegistry();
  const first = registry.open(GROUP, { stat_prefix: 'a' });
  registry.add(first.sessions, 3);
  const other = registry.open(GROUP, { stat_prefix: 'b' });
  const again = registry.open(GROUP, { stat_prefix: 'a' });
  expect(again).toEqual(first);
  expect(other.sessions).not.toBe(first.sessions);
  expect(registry.value('postgres.a.sessions')).toBe(3);
  expect(registry.value('postgres.b.sessions')).toBe(0);
});

test('values survive growth, and every id stays its own', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 100, maxLength: 300 }), (amounts) => {
      const registry = new StatsRegistry();
      const ids = amounts.map((n, i) => {
        const opened = registry.open(GROUP, { stat_prefix: `p${i}` });
        registry.add(opened.sessions, n);
        registry.set(opened.active, -n);
        registry.histogram(opened.took).record(n);
        return opened;
      });
      amounts.forEach((n, i) => {
        expect(registry.get(ids[i]!.sessions)).toBe(n);
        expect(registry.value(`postgres.p${i}.active`)).toBe(-n);
        expect(registry.histogram(ids[i]!.took).max).toBe(n);
      });
      expect(new Set(registry.list.map((stat) => stat.name)).size).toBe(registry.list.length);
      expect(registry.list.every((stat, i) => stat.id === i)).toBe(true);
    }),
    { numRuns: 20 },
  );
});

test('inc and add count; a histogram is asked for by its id only', () => {
  const registry = new StatsRegistry();
  const ids = registry.open(GROUP, { stat_prefix: 'a' });
  registry.inc(ids.sessions);
  registry.add(ids.sessions, 2);
  expect(registry.get(ids.sessions)).toBe(3);
  expect(() => registry.histogram(ids.sessions)).toThrow('not a histogram');
  expect(registry.value('postgres.nobody.sessions')).toBeUndefined();
});

test('one name is one kind: a second declaration of another kind is our bug', () => {
  const registry = new StatsRegistry();
  registry.open(statGroup('a.', { x: { kind: 'counter', help: 'X.' } }));
  expect(() => registry.open(statGroup('a.', { x: { kind: 'gauge', help: 'X.' } }))).toThrow('a.x');
});
