import { afterEach, expect, test } from 'vitest';
import { MetricsPage } from '../admin/metrics-page.ts';
import { load } from '../config/load.ts';
import { WorkerLag } from '../digest/lag/worker-lag.ts';
import { RowStore } from '../digest/rows/rows.ts';
import { OperationStore } from '../digest/rows/rows-operations.ts';
import { FactsLink } from '../events/link.ts';
import { systemClock } from '../net/clock.ts';
import { statsText } from '../stats/stats-page.ts';
import { filterSchemas } from './catalog.ts';
import { FactsCore } from './facts-core.ts';
import { createLogger } from './log.ts';

const links: FactsLink[] = [];
afterEach(async () => {
  for (const link of links.splice(0)) await link.close(0);
});

async function coreOf(): Promise<FactsCore> {
  const loaded = await load({ urls: ['tcp://127.0.0.1:9'] }, filterSchemas());
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return new FactsCore({
    clock: systemClock,
    log: createLogger({ role: 'test', level: 'off' }),
    ownMemory: false,
    ...loaded,
    ownProcesses: async () => [],
    logLevel: () => 'info',
    control: async () => {},
  });
}

function worker(core: FactsCore, number: number): WorkerLag {
  const lag = new WorkerLag(systemClock);
  const { dial } = core.receiver;
  const [rows, operations] = [new RowStore(), new OperationStore()];
  const link = new FactsLink({
    worker: number,
    incarnation: 1,
    dial,
    clock: systemClock,
    rows,
    operations,
    lag,
    intervalMs: 5,
  });
  links.push(link);
  link.start();
  return lag;
}

test('lag of a group whose commits one worker sees and whose topic another', async () => {
  const core = await coreOf();
  const [one, two] = [worker(core, 0).of('kafka'), worker(core, 1).of('kafka')];
  one.end('orders', 0, 1000);
  two.committed('billing', 'orders', 0, 900);
  two.group('billing', 3, 2);
  two.end('orders', 0, 990); // a moment behind
  const lag = (): number | undefined =>
    core.stats().find(({ name }) => name === 'sluice.consumer_group.kafka.billing.orders.lag_sum')?.value;
  await expect.poll(lag).toBe(100);
  one.end('orders', 0, 1050);
  await expect.poll(lag).toBe(150);
  const text = String((await new MetricsPage(core).reply()).body);
  const labels = 'sluice_listener="kafka",group="billing"';
  expect(text).toContain(`# TYPE sluice_consumer_group_lag_sum gauge\n`);
  expect(text).toContain(`sluice_consumer_group_lag_sum{${labels},topic="orders"} 150\n`);
  expect(text).toContain(`sluice_consumer_group_lag{${labels},topic="orders",partition="0"} 150\n`);
  expect(text).toContain(`sluice_consumer_group_members{${labels}} 2\n`);
  expect(text).toContain(`# TYPE sluice_consumer_group_committed_messages_total counter\n`);
  expect(statsText(core.stats())).toContain('sluice.consumer_group.kafka.billing.orders.lag_max: 150\n');
});

test('what a dead worker had told stays until it is old', async () => {
  const core = await coreOf();
  const lag = worker(core, 0).of('kafka');
  lag.end('orders', 0, 10);
  lag.committed('g', 'orders', 0, 4);
  const sum = (): number | undefined => core.stats().find(({ name }) => name.endsWith('.lag_sum'))?.value;
  await expect.poll(sum).toBe(6);
  await links.pop()!.close(1000);
  core.receiver.gone(0, 1);
  expect(sum()).toBe(6);
});
