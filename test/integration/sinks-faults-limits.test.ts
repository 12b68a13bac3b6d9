import { afterEach, expect, test } from 'vitest';
import type { needs } from '../support/needs.ts';
import { otlpFaults } from '../support/otlp-faults.ts';

// What neither memory nor disk holds: exact to the last exchange. And what needs no disk.

const MIB = 2 ** 20;
const SMALL = { queue_bytes: MIB, spool_bytes: MIB, timeout: '60s' };
const LARGE = { ...SMALL, spool_bytes: 64 * MIB };

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const begin = (context: Parameters<typeof needs>[0], more: object) => otlpFaults(context, more, closers);

test('down for longer than the spool has room: what was dropped is what did not arrive, and it was the least', async (context) => {
  const { stage, fars, everyRelay, different } = await begin(context, SMALL);
  const load = await stage.load(5000);
  await stage.until('something is delivered', ({ sinks }) => fars.every(({ sink }) => sinks[sink]!['delivered']! > 0));
  await everyRelay('down');
  const full = await stage.until('exchanges are dropped', ({ sinks }) =>
    fars.every(({ sink }) => sinks[sink]!['dropped']! > 0),
  );
  for (const { sink } of fars) {
    const { spool_bytes: spool, queue_bytes: queue } = full.sinks[sink]!;
    // Room for one more parcel of a second's exchanges was not there, neither on disk nor in memory.
    expect(spool).toBeGreaterThan(0.5 * MIB);
    expect(spool).toBeLessThanOrEqual(MIB);
    expect(queue).toBeGreaterThan(0.25 * MIB);
    expect(queue).toBeLessThanOrEqual(MIB);
  }
  await stage.until('many are', ({ sinks }) => fars.every(({ sink }) => sinks[sink]!['dropped']! > 10_000));
  await everyRelay(null);
  await stage.until('healthy', ({ sinks }) => fars.every(({ sink }) => sinks[sink]!['healthy'] === 1));
  const { sent, answered, errors } = await load.end();
  const { events, sinks } = await stage.drained(sent);
  expect({ answered, errors }).toEqual({ answered: sent, errors: 0 });
  expect(events).toMatchObject({ produced: sent, delivered: sent, dropped: 0, sampled_out: 0 });
  const dropped = fars.map(({ sink }) => sinks[sink]!['dropped']!);
  expect(await different()).toEqual(dropped.map((n) => sent - n));
  for (const [i, { sink }] of fars.entries()) {
    expect(sinks[sink]).toMatchObject({ produced: sent, delivered: sent - dropped[i]!, waiting: 0, spooled: 0 });
    for (const words of ['fails', 'works again'])
      expect(stage.lines(`sink ${sink} ${words}`)).toEqual([expect.stringContaining(words)]);
    // Two causes: the disk is full, or it was not quick enough for a memory as small as here.
    const told = stage.lines(`sink ${sink} drops exchanges`).length;
    expect([1, 2]).toContain(told);
  }
  expect(stage.faults).toEqual([]);
});

test('slower than exchanges come in, parcel by parcel: it gets larger ones and keeps up, and the disk is not needed', async (context) => {
  const { stage, fars, different } = await begin(context, { ...LARGE, queue_bytes: 16 * MIB, timeout: '60s' });
  for (const { counter } of fars) await counter.answer({ kind: 'ok', afterMs: 2000 });
  const rate = 700;
  const load = await stage.load(rate);
  await stage.until('it has gone on for a while', ({ events }) => events['delivered']! > 8 * rate);
  const { sent, answered, errors, seconds } = await load.end();
  expect({ answered, errors }).toEqual({ answered: sent, errors: 0 });
  const { sinks } = await stage.drained(sent);
  for (const { sink } of fars) {
    expect(sinks[sink]).toMatchObject({ produced: sent, delivered: sent, dropped: 0, failures: 0, spool_bytes: 0 });
    // One a second would be a backlog that grows for ever.
    expect(sinks[sink]!['parcels']).toBeLessThan(0.85 * seconds);
  }
  expect(await different()).toEqual(fars.map(() => sent));
  expect(stage.warnings()).toEqual([]);
  expect(stage.faults).toEqual([]);
});
