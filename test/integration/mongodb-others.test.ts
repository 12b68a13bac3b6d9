import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { type QueryRow, rowsOf } from '../support/mongo-ledger.ts';
import { type Obtained, type OtherServer, obtain, type RunningOther, startOther } from '../support/mongo-others.ts';
import { atOnce, driverTo, refusalOf, statOf } from '../support/mongo-stage.ts';
import { poll } from '../support/poll.ts';
import { type RunningSluice, runSluice } from '../support/run-sluice.ts';

/**
 * Servers of other authors: what we read is not only what our own stand-in writes. They keep no journal, so what the client
 * did and was told is the measure.
 */
const cases: [name: OtherServer, version: string][] = [
  ['mongo-java-server', '5.0.0'],
  ['ferretdb', '7.0.42'],
];
const FIELDS = ['calls', 'rows_returned', 'rows_affected', 'rows_matched'] as const;
type Field = (typeof FIELDS)[number];

describe.for(cases)('%s', ([name, version]) => {
  let got: Obtained;
  let server: RunningOther | undefined;
  let sluice: RunningSluice | undefined;
  beforeAll(async () => {
    got = await obtain(name);
    if ('missing' in got) return; // each test says so
    server = await startOther(name, got.command);
    sluice = await runSluice({ upstreams: [`mongodb://127.0.0.1:${server.port}`], concurrency: 1 });
  });
  beforeEach((ctx) => {
    if ('missing' in got) ctx.skip(got.missing);
  });
  afterAll(async () => {
    await sluice?.stop();
    await server?.stop();
  });

  const rows = (database: string): Promise<readonly QueryRow[]> => rowsOf(sluice!, `&database=${database}`);
  const sums = async (database: string) => {
    const all: Record<string, Record<Field, number>> = {};
    for (const row of await rows(database)) {
      const sum = all[row.operation] ?? { calls: 0, rows_returned: 0, rows_affected: 0, rows_matched: 0 };
      for (const field of FIELDS) sum[field] += row[field];
      all[row.operation] = sum;
    }
    return all;
  };

  test('reads, writes and cursors of 8 connections: counts are what the client did', async () => {
    const client = await driverTo(sluice!.port, '&retryWrites=false', { maxPoolSize: 8 });
    await atOnce(8, async (n) => {
      const orders = client.db('shop').collection(`orders_${n}`);
      const docs = Array.from({ length: 30 }, (_, at) => ({
        _id: at as never,
        n: at,
        status: at % 2 === 0 ? 'open' : 'paid',
      }));
      expect((await orders.insertMany(docs)).insertedCount).toBe(30);
      expect(
        await orders
          .find({ n: { $lt: 20 } }, { batchSize: 6 })
          .sort({ n: 1 })
          .toArray(),
      ).toHaveLength(20);
      expect((await orders.updateMany({ status: 'open' }, { $set: { sent: true } })).modifiedCount).toBe(15);
      expect((await orders.updateOne({ _id: 99 as never }, { $set: { n: 1 } }, { upsert: true })).upsertedCount).toBe(
        1,
      );
      expect((await orders.deleteMany({ status: 'paid' })).deletedCount).toBe(15);
      expect(await orders.countDocuments({})).toBe(16);
    });
    await client.close();
    const want = {
      insert: { calls: 8, rows_affected: 240, rows_returned: 0, rows_matched: 0 },
      find: { calls: 8, rows_returned: 48, rows_affected: 0, rows_matched: 0 },
      update: { calls: 16, rows_affected: 128, rows_matched: 120, rows_returned: 0 },
      delete: { calls: 8, rows_affected: 120, rows_returned: 0, rows_matched: 0 },
      aggregate: { calls: 8, rows_returned: 8, rows_affected: 0, rows_matched: 0 },
    };
    await poll('all is counted', async () => (await sums('shop'))['aggregate']?.calls === 8);
    const seen = await sums('shop');
    expect(seen).toMatchObject(want);
    expect(seen['getMore']!.rows_returned).toBe(8 * 14);
    expect(await statOf(sluice!, 'sluice.mongodb.mongodb.cursors_open')).toBe(0);
    expect(await statOf(sluice!, 'mongo.mongodb.decoding_error')).toBe(0);
  });

  // The other one hangs up when it is told moreToCome.
  if (name === 'ferretdb')
    test('writes without answers, which FerretDB answers all the same: what comes after them is counted', async () => {
      const client = await driverTo(sluice!.port, '&retryWrites=false', { maxPoolSize: 1 });
      const orders = client.db('silent').collection('orders', { writeConcern: { w: 0 } });
      for (let n = 0; n < 3; n++) {
        await orders.insertMany([{ n }, { n }]);
        await poll('it is written', async () => (await orders.find({ n }).toArray()).length === 2);
      }
      await client.close();
      await poll('all is counted', async () => (await sums('silent'))['insert']?.calls === 3);
      // The driver takes the answer to an insert for the one to its find, and asks again: more came than it saw.
      expect((await sums('silent'))['find']!.rows_returned).toBeGreaterThanOrEqual(6);
      await expect.poll(() => statOf(sluice!, 'sluice.mongodb.mongodb.unexpected_replies')).toBeGreaterThanOrEqual(3);
      expect(await statOf(sluice!, 'mongo.mongodb.decoding_error')).toBe(0);
    });

  test('errors by code, as this server has them; its version', async () => {
    const client = await driverTo(sluice!.port, '&retryWrites=false');
    const db = client.db('wrong');
    await db.collection('a').insertOne({ _id: 1 as never, name: 'text' });
    const codes = [
      await refusalOf(db.collection('a').insertOne({ _id: 1 as never })),
      await refusalOf(db.command({ nosuchcommand: 1 })),
      await refusalOf(db.collection('a').updateOne({ _id: 1 as never }, { $inc: { name: 1 } })),
      await refusalOf(
        db
          .collection('a')
          .find({ a: { $nosuch: 1 } })
          .toArray(),
      ),
    ].map(({ code }) => String(code));
    expect(codes.slice(0, 2)).toEqual(['11000', '59']);
    expect((await client.db('admin').command({ buildInfo: 1 }))['version']).toBe(version);
    await client.close();
    const counted = async () => (await rows('wrong')).flatMap(({ errors }) => Object.keys(errors));
    await poll('all are counted', async () => (await counted()).length >= 4);
    expect((await counted()).sort()).toEqual([...codes].sort());
  });
});
