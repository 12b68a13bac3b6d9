import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type MergedStat, MergedStats } from './merged.ts';
import { StatsRegistry, statGroup } from './registry.ts';
import { decodeStats, StatsSender } from './transfer.ts';

const GROUP = statGroup('tcp.<stat_prefix>.', {
  total: { kind: 'counter', help: 'All.' },
  active: { kind: 'gauge', help: 'Now.' },
  hosts: { kind: 'gauge', help: 'Known alike.', merge: 'max' },
  took: { kind: 'histogram', help: 'Time.' },
});

class Worker {
  readonly registry = new StatsRegistry();
  readonly sender = new StatsSender(this.registry);
  readonly ids = this.registry.open(GROUP, { stat_prefix: 'p' });

  count(total: number, active = 0, hosts = 0, took: readonly number[] = []): this {
    this.registry.add(this.ids.total, total);
    this.registry.set(this.ids.active, active);
    this.registry.set(this.ids.hosts, hosts);
    for (const seconds of took) this.registry.histogram(this.ids.took).record(seconds);
    return this;
  }
}

const find = (merged: MergedStats, name: string): MergedStat | undefined =>
  merged.list().find((stat) => stat.name === `tcp.p.${name}`);
const value = (merged: MergedStats, name: string): number | undefined => find(merged, name)?.value;

describe('MergedStats', () => {
  test('sums counters, gauges and histograms over workers; `max` gauges are not summed', () => {
    const merged = new MergedStats();
    expect(merged.apply(0, 0, new Worker().count(3, 2, 5, [1, 2]).sender.full())).toBe('applied');
    expect(merged.apply(1, 0, new Worker().count(4, 1, 7, [3]).sender.full())).toBe('applied');
    expect(value(merged, 'total')).toBe(7);
    expect(value(merged, 'active')).toBe(3);
    expect(value(merged, 'hosts')).toBe(7);
    expect(find(merged, 'took')?.histogram?.count).toBe(3);
    expect(find(merged, 'took')?.histogram?.sum).toBe(6);
    expect(find(merged, 'took')?.histogram?.max).toBe(3);
    expect(value(merged, 'total')).toBe(7); // asking does not count
  });

  test('a max gauge may be negative', () => {
    const merged = new MergedStats();
    merged.apply(0, 0, new Worker().count(0, 0, -5).sender.full());
    merged.apply(1, 0, new Worker().count(0, 0, -7).sender.full());
    expect(value(merged, 'hosts')).toBe(-5);
  });

  test('changes carry only what changed, and names only once', () => {
    const merged = new MergedStats();
    const worker = new Worker();
    const first = worker.count(1, 1, 1, [0.5]).sender.changes();
    const idle = worker.sender.changes();
    worker.registry.open(GROUP, { stat_prefix: 'q' });
    const named = worker.count(1, 0, 1, [0.25]).sender.changes();
    expect(idle.length).toBeLessThan(10);
    expect(named.toString('latin1')).toContain('tcp.q.total');
    expect(named.toString('latin1')).not.toContain('tcp.p.total');
    expect([first, idle, named].map((batch) => merged.apply(0, 0, batch))).toEqual(['applied', 'applied', 'applied']);
    expect(value(merged, 'total')).toBe(2);
    expect(value(merged, 'active')).toBe(0);
    expect(find(merged, 'took')?.histogram?.count).toBe(2);
    expect(merged.list()).toHaveLength(8);
  });

  test('a lost batch is noticed, and a full one mends it', () => {
    const merged = new MergedStats();
    const worker = new Worker();
    merged.apply(0, 0, worker.count(1).sender.full());
    worker.count(1).sender.changes(); // dropped on the way
    expect(merged.apply(0, 0, worker.count(1).sender.changes())).toBe('need_full');
    expect(value(merged, 'total')).toBe(1);
    expect(merged.apply(0, 0, worker.sender.full())).toBe('applied');
    expect(value(merged, 'total')).toBe(3);
    expect(merged.apply(0, 0, worker.count(1).sender.changes())).toBe('applied');
    expect(value(merged, 'total')).toBe(4);
  });

  test('a new receiver asks for a full batch', () => {
    const worker = new Worker();
    worker.sender.full();
    expect(new MergedStats().apply(0, 0, worker.count(1).sender.changes())).toBe('need_full');
  });

  test('a reset gauge travels, also to zero', () => {
    const merged = new MergedStats();
    const worker = new Worker();
    merged.apply(0, 0, worker.count(0, 9).sender.full());
    merged.apply(0, 0, worker.count(0, 0).sender.changes());
    expect(value(merged, 'active')).toBe(0);
  });

  test('a gauge set to nonsense reads as zero and spoils nothing else', () => {
    const merged = new MergedStats();
    expect(merged.apply(0, 0, new Worker().count(3, Number.NaN, Infinity).sender.full())).toBe('applied');
    expect([value(merged, 'total'), value(merged, 'active'), value(merged, 'hosts')]).toEqual([3, 0, 0]);
  });

  test('a dead worker leaves its counters and histograms, not its gauges', () => {
    const merged = new MergedStats();
    merged.apply(0, 0, new Worker().count(3, 2, 9, [1]).sender.full());
    merged.apply(1, 0, new Worker().count(4, 1, 1, [2]).sender.full());
    merged.workerGone(0, 0);
    expect(value(merged, 'total')).toBe(7);
    expect(value(merged, 'active')).toBe(1);
    expect(value(merged, 'hosts')).toBe(1);
    expect(find(merged, 'took')?.histogram?.count).toBe(2);
    merged.workerGone(1, 0);
    expect(find(merged, 'active')).toBeUndefined();
    expect(value(merged, 'total')).toBe(7);
  });

  test('reincarnation: the first full batch of a newer one retires the older, late batches of the older are stale', () => {
    const merged = new MergedStats();
    const old = new Worker().count(5, 5);
    merged.apply(0, 3, old.sender.full());
    const young = new Worker().count(2, 1);
    expect(merged.apply(0, 4, young.sender.full())).toBe('applied');
    expect(value(merged, 'total')).toBe(7);
    expect(value(merged, 'active')).toBe(1);
    expect(merged.apply(0, 3, old.count(1).sender.full())).toBe('stale');
    merged.workerGone(0, 3); // the notice of the death comes late
    expect(value(merged, 'total')).toBe(7);
    expect(value(merged, 'active')).toBe(1);
    expect(merged.apply(0, 4, young.count(1).sender.changes())).toBe('applied');
    merged.workerGone(0, 4);
    merged.workerGone(0, 4);
    expect(value(merged, 'total')).toBe(8);
    expect(merged.apply(0, 4, young.sender.full())).toBe('stale');
  });

  test('reconnection of the same process replaces, and counts nothing twice', () => {
    const merged = new MergedStats();
    const worker = new Worker().count(5, 5, 5, [1]);
    merged.apply(0, 0, worker.sender.full());
    merged.apply(0, 0, worker.count(1, 5, 5).sender.full());
    expect(value(merged, 'total')).toBe(6);
    expect(value(merged, 'active')).toBe(5);
    expect(find(merged, 'took')?.histogram?.count).toBe(1);
  });

  test('registries of this process are read live', () => {
    const merged = new MergedStats();
    const here = new Worker().count(1);
    merged.local(here.registry);
    merged.apply(0, 0, new Worker().count(2).sender.full());
    expect(value(merged, 'total')).toBe(3);
    here.count(1, 0, 0, [1]);
    here.registry.open(GROUP, { stat_prefix: 'z' });
    expect(value(merged, 'total')).toBe(4);
    expect(merged.list().map((stat) => stat.name)).toContain('tcp.z.total');
    expect(find(merged, 'took')?.histogram?.count).toBe(1);
  });

  test('one name with two kinds: the first stands, the other is left out', () => {
    const merged = new MergedStats();
    merged.apply(0, 0, new Worker().count(1).sender.full());
    const other = new StatsRegistry();
    const ids = other.open(statGroup('tcp.<stat_prefix>.', { total: { kind: 'gauge', help: 'x' } }), {
      stat_prefix: 'p',
    });
    other.set(ids.total, 100);
    expect(merged.apply(1, 0, new StatsSender(other).full())).toBe('applied');
    expect(value(merged, 'total')).toBe(1);
  });

  test('any history of counting, dying and losing batches ends in the true sum', () => {
    const step = fc.record({
      worker: fc.nat(2),
      does: fc.constantFrom('send', 'send', 'send', 'lose', 'die'),
      n: fc.nat(1000),
      took: fc.double({ min: 1e-6, max: 3600, noNaN: true }),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const merged = new MergedStats();
        const workers = [new Worker(), new Worker(), new Worker()];
        const incarnations = [0, 0, 0];
        let total = 0;
        let recorded = 0;
        const send = (at: number) => {
          const { sender } = workers[at]!;
          if (merged.apply(at, incarnations[at]!, sender.changes()) === 'need_full')
            expect(merged.apply(at, incarnations[at]!, sender.full())).toBe('applied');
        };
        for (const { worker, does, n, took } of steps) {
          workers[worker]!.count(n, n, 0, [took]);
          total += n;
          recorded++;
          if (does === 'lose') workers[worker]!.sender.changes();
          else send(worker);
          if (does !== 'die') continue;
          merged.workerGone(worker, incarnations[worker]!);
          workers[worker] = new Worker();
          incarnations[worker]!++;
        }
        for (const at of [0, 1, 2]) send(at);
        expect(value(merged, 'total')).toBe(total);
        expect(find(merged, 'took')?.histogram?.count).toBe(recorded);
        expect(value(merged, 'active')).toBe(
          workers.reduce((sum, worker) => sum + worker.registry.get(worker.ids.active), 0),
        );
      }),
    );
  });
});

describe('decodeStats', () => {
  const sample = new Worker().count(3, 2, 1, [0.001, 0.5, 4000]).sender.full();

  test('gives back what was encoded', () => {
    const update = decodeStats(sample);
    expect(update?.full).toBe(true);
    expect(update?.stats.map((stat) => stat.name)).toEqual([
      'tcp.p.total',
      'tcp.p.active',
      'tcp.p.hosts',
      'tcp.p.took',
    ]);
    expect(update?.stats[2]?.merge).toBe('max');
    expect(update?.values).toEqual([
      [0, 3],
      [1, 2],
      [2, 1],
    ]);
    expect(update?.histograms[0]?.[1]).toMatchObject({ count: 3, sum: 4000.501, max: 4000 });
  });

  test('labels named like prototype keys stay labels', () => {
    const registry = new StatsRegistry();
    registry.open(statGroup('a.<__proto__>.', { x: { kind: 'counter', help: '' } }), JSON.parse('{"__proto__":"y"}'));
    const stat = decodeStats(new StatsSender(registry).full())?.stats[0];
    expect(Object.entries(stat?.labels ?? {})).toEqual([['__proto__', 'y']]);
    expect(Object.getPrototypeOf(stat?.labels)).toBe(Object.prototype);
  });

  test('every cut is bad, and so is a byte too many', () => {
    for (let end = 0; end < sample.length; end++) expect(decodeStats(sample.subarray(0, end))).toBeNull();
    expect(decodeStats(Buffer.concat([sample, Buffer.of(0)]))).toBeNull();
  });

  test('noise and mutated batches never throw and never allocate by a declared length', () => {
    const merged = new MergedStats();
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const noise = Buffer.from(bytes);
        if (noise.length > 0) noise[0] = 1;
        decodeStats(noise);
        merged.apply(0, 0, noise);
      }),
      { numRuns: 2000 },
    );
    fc.assert(
      fc.property(fc.nat(sample.length - 1), fc.nat(255), (at, byte) => {
        const mutant = Buffer.from(sample);
        mutant[at] = byte;
        new MergedStats().apply(0, 0, mutant);
      }),
      { numRuns: 2000 },
    );
    // 2^53 − 1 stats announced, none there
    expect(decodeStats(Buffer.from([1, 1, 1, 0, 255, 255, 255, 255, 255, 255, 255, 15]))).toBeNull();
  });
});
