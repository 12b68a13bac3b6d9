import { afterEach, expect, test } from 'vitest';
import type { needs } from '../support/needs.ts';
import { otlpFaults } from '../support/otlp-faults.ts';

// What is on disk when processes end is there for the next ones, to the last exchange.

const MIB = 2 ** 20;
const RATE = 4000;
/** Memory for bursts of a busy machine: a worker hands on up to 8192 exchanges at once. */
const LARGE = { queue_bytes: 16 * MIB, spool_bytes: 64 * MIB, timeout: '60s' };

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const begin = (context: Parameters<typeof needs>[0], more: object) => otlpFaults(context, more, closers);

test('kill -9 of the facts process: what was on disk arrives once, and no client notices', async (context) => {
  const { stage, fars, everyRelay, different } = await begin(context, LARGE);
  await everyRelay('down');
  const load = await stage.load(RATE);
  const before = await stage.until('much is on disk', ({ sinks }) =>
    fars.every(({ sink }) => sinks[sink]!['spooled']! > 8000),
  );
  const pid = stage.killFacts();
  const executed = await stage.executed();
  await stage.until('its successor has found it', ({ sinks }) =>
    fars.every(({ sink }) => (sinks[sink]?.['recovered'] ?? 0) >= before.sinks[sink]!['spooled']!),
  );
  expect(stage.factsPid()).not.toBe(pid);
  await everyRelay(null);
  await stage.until('healthy', ({ sinks }) => fars.every(({ sink }) => sinks[sink]!['healthy'] === 1));
  const { sent, answered, errors } = await load.end();
  expect({ answered, errors }).toEqual({ answered: sent, errors: 0 });
  const { events, sinks } = await stage.drained(sent);
  expect(events).toMatchObject({ produced: sent, delivered: sent - events['dropped']! });
  for (const [i, { sink }] of fars.entries()) {
    const { produced, recovered, delivered, dropped } = sinks[sink]!;
    expect(recovered).toBeGreaterThanOrEqual(before.sinks[sink]!['spooled']!);
    expect({ delivered, dropped }).toEqual({ delivered: produced, dropped: 0 });
    expect((await different())[i]).toBe(produced);
    // What was in the killed process' memory, or on its way there: none of what was on disk before, none of what came later.
    expect(sent - produced!).toBeLessThanOrEqual(executed - before.sinks[sink]!['spooled']!);
  }
  expect(stage.lines('[primary]', 'facts process died')).toHaveLength(1);
  expect(stage.faults).toEqual([]);
});

for (const fault of ['down', 'hang'] as const)
  test(`Sluice ends while its receivers ${fault}, and is started again: every exchange arrives, once`, async (context) => {
    const { stage, fars, everyRelay } = await begin(context, LARGE);
    await everyRelay(fault);
    const load = await stage.load(RATE);
    await stage.until('something is on disk', ({ sinks }) => fars.every(({ sink }) => sinks[sink]!['spooled']! > 0));
    const { sent } = await load.end();
    expect((await stage.stop()).code).toBe(0);
    await stage.restart();
    await stage.until('all is found', ({ sinks }) => fars.every(({ sink }) => sinks[sink]!['recovered'] === sent));
    await everyRelay(null);
    const { sinks } = await stage.drained(0);
    for (const { sink } of fars) expect(sinks[sink]).toMatchObject({ produced: sent, delivered: sent, dropped: 0 });
    const counts = await Promise.all(fars.map(({ counter }) => counter.counts()));
    for (const { records, different } of counts) {
      expect(different).toBe(sent);
      // One that hung had been sent something already, and was sent it again.
      if (fault === 'down') expect(records).toBe(sent);
    }
    expect(stage.faults).toEqual([]);
  });
