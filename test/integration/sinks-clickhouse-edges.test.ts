import { afterAll, beforeAll, expect, test } from 'vitest';
import { quantileOf, STEP } from '../../dashboards/grafana/src/sql.ts';
import { digestOf, exchangeOf, sessionOf } from '../../src/digest/rows/rows.fixture.ts';
import { BatchEncoder } from '../../src/events/columns.ts';
import { EventBatch } from '../../src/events/event-batch.ts';
import { MAX_TTL_DAYS } from '../../src/sinks/clickhouse/schema-template.ts';
import { parcelOf } from '../support/clickhouse-parcels.ts';
import { type ClickhouseStage, clickhouseStage, numberOf, within } from '../support/clickhouse-stage.ts';

let stage: ClickhouseStage;
beforeAll(async () => {
  stage = await clickhouseStage();
});
afterAll(() => stage?.close());

const DAY_MS = 86_400_000;

/** One exchange on each of the last `days` days. */
function daysOf(days: number): EventBatch {
  const encoder = new BatchEncoder();
  const [session, digest] = [sessionOf(1), digestOf(1)];
  const epoch = Date.now() - 10_000;
  for (let i = 0; i < days; i++) encoder.append(exchangeOf(session, digest, { seq: i + 1 }), epoch - i * DAY_MS);
  return EventBatch.from(encoder.finish({ worker: 1, incarnation: 1, origin: 1, sequence: 1, before: 0 }))!;
}

for (const way of ['embedded', 'remote'] as const)
  test(`${way}: a clock that jumped about spreads a parcel over 105 days, and it is taken all the same`, async () => {
    const database = `days_${way}`;
    const sink = stage[way](database, { ttlDays: 400 });
    const parcel = parcelOf([daysOf(105)]);
    // Some 800 parts, each of them synced: seconds, and more on a busy disk.
    for (let time = 0; time < 2; time++)
      expect(await sink.deliver(parcel, within(110_000))).toEqual({ kind: 'delivered' });
    expect(await numberOf(sink, `SELECT count() AS n FROM ${database}.exchanges`)).toBe(105);
    expect(await numberOf(sink, `SELECT sum(calls) AS n FROM ${database}.rollup_1h`)).toBe(105);
  });

test('rows that are kept for the longest time that can be asked for are kept', async () => {
  const sink = stage.embedded('longest', { ttlDays: MAX_TTL_DAYS });
  expect(await sink.deliver(parcelOf([daysOf(2)]), within())).toEqual({ kind: 'delivered' });
  await sink.store.command('OPTIMIZE TABLE longest.exchanges FINAL');
  expect(await numberOf(sink, 'SELECT count() AS n FROM longest.exchanges')).toBe(2);
});

test('a query none of whose calls has a time shows no p99 on a dashboard, and not one of a second', async () => {
  const sql = (buckets: string) => `SELECT ${quantileOf(0.99, 'b')} AS n FROM (SELECT ${buckets} AS b)`;
  const store = stage.store();
  const none = "CAST(map(), 'Map(Int16, Float64)')";
  expect(await store.query(sql(none))).toEqual([{ n: null }]);
  const [some] = await store.query<{ n: number }>(sql("CAST(map(-1, 3), 'Map(Int16, Float64)')"));
  expect(Number(some!.n)).toBeCloseTo(2 ** (-0.5 / 16), 9);
});

test.each([
  ['rollup_10s', 1, 10],
  ['rollup_10s', 10, 10],
  ['rollup_10s', 15, 20],
  ['rollup_1m', 15, 60],
  ['rollup_1m', 120, 120],
  ['rollup_1h', 5400, 7200],
])('points of %s where Grafana asks for one each %i s hold equally many rows: %i s', async (rollup, asked, step) => {
  const sql = STEP.replaceAll('$rollup', rollup).replaceAll('$__interval_s', String(asked));
  const [row] = await stage.store().query<{ n: number }>(`SELECT ${sql} AS n`);
  expect(Number(row!.n)).toBe(step);
});
