import { expect, test } from 'vitest';
import { MergedOperations } from './merged-rows-operations.ts';
import { digestOf, exchangeOf, sessionOf } from './rows.fixture.ts';
import { OperationStore } from './rows-operations.ts';

const produce = digestOf(1, { operation: 'Produce' });
const session = sessionOf(1, { protocol: 'kafka' });

test('what was sent and what came back adds up over packets and workers', () => {
  const merged = new MergedOperations();
  const stores = [new OperationStore(), new OperationStore()];
  for (let round = 1; round <= 3; round++) {
    for (const [worker, store] of stores.entries()) {
      store.record(exchangeOf(session, produce, { batchSize: 10, rowsReturned: 2 }), -1);
      expect(merged.apply(worker, 1, store.changes()!)).toBe(true);
    }
  }
  const [series] = merged.series.filter(({ labels }) => labels.operation === 'Produce');
  expect(series).toMatchObject({ calls: 6, batched: 60, returned: 12 });
});

test('numbers that a hostile peer claims do not make a packet that cannot be read', () => {
  const merged = new MergedOperations();
  const store = new OperationStore();
  const claims = [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER, -5, Number.NaN];
  for (const claim of claims) store.record(exchangeOf(session, produce, { batchSize: claim, rowsReturned: claim }), -1);
  expect(merged.apply(0, 1, store.changes()!)).toBe(true);
  expect(merged.series.at(-1)).toMatchObject({ calls: 4, batched: Number.MAX_SAFE_INTEGER });
});
