import { expect, test } from 'vitest';
import type { MergedRow } from '../digest/rows/merged-rows.ts';
import { Field, RowNumbers } from '../digest/rows/rows-numbers.ts';
import { OperationSeries, OVERFLOW } from '../digest/rows/rows-operations.ts';
import { digestRows, durationSeries } from './rows-series.ts';

const labels = {
  protocol: 'postgres',
  listener: 'pg',
  database: 'shop',
  operation: 'SELECT',
  code: '',
  overflow: false,
};
const series = (of: typeof labels, calls: number): OperationSeries => {
  const one = new OperationSeries(of);
  for (let i = 0; i < calls; i++) one.time.record(0.01);
  return one;
};

test('operations become series of the duration metric; an error is told apart by error_type alone', () => {
  const got = durationSeries([series(OVERFLOW, 0), series(labels, 2), series({ ...labels, code: '42P01' }, 1)]);
  const named = {
    db_system_name: 'postgresql',
    db_namespace: 'shop',
    db_operation_name: 'SELECT',
    sluice_listener: 'pg',
  };
  expect(got.map((one) => [one.labels, one.histogram.count])).toEqual([
    [named, 2],
    [{ ...named, error_type: '42P01' }, 1],
  ]);
  expect(durationSeries([series(OVERFLOW, 3)])[0]?.labels).toEqual({ otel_metric_overflow: 'true' });
});

test('rows are folded by digest, and the totals include what was folded away', () => {
  const row = (id: string, user: string, calls: number): MergedRow => {
    const numbers = new RowNumbers();
    numbers.values[Field.calls] = calls;
    for (let i = 0; i < calls; i++) numbers.time.record(1);
    const digest = {
      id,
      protocol: 'postgres',
      text: id,
      sample: '',
      summary: `SELECT ${id}`,
      operation: 'SELECT',
      targets: [],
    };
    return { digest, scope: { listener: 'pg', database: 'd', user, application: '' }, key: id + user, numbers, at: 0 };
  };
  const rows = [row('a', 'x', 1), row('b', 'x', 2), row('a', 'y', 3)];
  const other = new RowNumbers();
  other.values[Field.calls] = 10;
  const got = digestRows({ rows, other });
  expect(
    [...got.rows].map(({ digest, system, summary, calls, time }) => [digest, system, summary, calls, time.count]),
  ).toEqual([
    ['a', 'postgresql', 'SELECT a', 4, 4],
    ['b', 'postgresql', 'SELECT b', 2, 2],
  ]);
  expect(got.totals.calls).toBe(16);
  expect(got.totals.time.count).toBe(6);
});
