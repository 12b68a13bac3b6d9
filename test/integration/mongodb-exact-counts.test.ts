import type { CommandFailedEvent, CommandStartedEvent, MongoClient } from 'mongodb';
import { describe, expect, test } from 'vitest';
import { rowsOf } from '../support/mongo-ledger.ts';
import { atOnce, driverTo, mongoStage, refusalOf, statOf } from '../support/mongo-stage.ts';
import { EXHAUST_ALLOWED, MORE_TO_COME, MongoWire, opCompressed, opMsg } from '../support/mongo-wire.ts';
import { startTrickleProxy } from '../support/trickle-proxy.ts';

interface Order {
  _id: number;
  n: number;
  status?: string;
}

const orders = (count: number, from = 0): Order[] =>
  Array.from({ length: count }, (_, n) => ({ _id: from + n, n, status: n % 2 === 0 ? 'open' : 'paid' }));

interface Events {
  readonly started: Record<string, number>;
  readonly failed: Record<string, number>;
}

/** What the driver's own events say, beside what the server's journal does. */
function countEvents(client: MongoClient, { started, failed }: Events): void {
  const count = (into: Record<string, number>, name: string): void => {
    into[name] = (into[name] ?? 0) + 1;
  };
  client.on('commandStarted', ({ commandName }: CommandStartedEvent) => count(started, commandName));
  client.on('commandFailed', ({ commandName }: CommandFailedEvent) => count(failed, commandName));
}

/** All kinds of commands, in a collection of its own. */
async function work(client: MongoClient, name: string): Promise<void> {
  const db = client.db('shop');
  const collection = db.collection<Order>(name);
  await collection.insertMany(orders(15));
  await collection.insertOne({ _id: 1000, n: 1 });
  await refusalOf(
    collection.insertMany(
      [
        { _id: 2000, n: 0 },
        { _id: 1, n: 0 },
        { _id: 2001, n: 0 },
      ],
      { ordered: false },
    ),
  );
  expect(await collection.find({ n: { $gte: 0 } }, { batchSize: 5 }).toArray()).toHaveLength(18);
  const left = collection.find({}, { batchSize: 3 });
  await left.next();
  await left.close();
  await collection.updateMany({ status: 'open' }, { $set: { status: 'sent' } });
  await collection.updateMany({ status: 'nosuch' }, { $set: { status: 'sent' } });
  await collection.updateOne({ _id: 5000 }, { $set: { n: 1 } }, { upsert: true });
  await collection.findOneAndUpdate({ _id: 1 }, { $inc: { n: 5 } });
  await collection.findOneAndDelete({ _id: 2 });
  await collection.findOneAndDelete({ _id: 2 });
  await collection.bulkWrite([
    { insertOne: { document: { _id: 6000, n: 1 } } },
    { updateOne: { filter: { _id: 3 }, update: { $set: { n: 99 } } } },
    { deleteOne: { filter: { _id: 4 } } },
  ]);
  expect(await collection.aggregate([{ $group: { _id: '$status' } }]).toArray()).toHaveLength(3);
  await collection.distinct('status');
  await collection.countDocuments({ status: 'sent' });
  await refusalOf(db.command({ nosuchcommand: 1 }));
  await refusalOf(collection.find({ n: { $nosuch: 1 } }).toArray());
  await refusalOf(collection.insertOne({ _id: 1, n: 1 }));
  await collection.deleteMany({ n: { $gt: 10 } });
}

describe('counts are those of the server, and of the driver', () => {
  const stage = mongoStage({}, { concurrency: 2 });

  const cases: [name: string, compressors: readonly string[], connections: number][] = [
    ['one connection each: not compressed, snappy, zlib, zstd', ['', 'snappy', 'zlib', 'zstd'], 1],
    ['64 connections', [''], 64],
    ['64 connections, half of them snappy, the others zlib and zstd', ['snappy', 'zlib', 'snappy', 'zstd'], 16],
  ];
  for (const [name, compressors, connections] of cases)
    test(name, async () => {
      const { server, sluice, ledger } = stage;
      const from = server.journal.commands.length;
      const events: Events = { started: {}, failed: {} };
      await Promise.all(
        compressors.map(async (by, at) => {
          const query = by && `&compressors=${by}`;
          const pool = { maxPoolSize: connections, maxConnecting: 16, monitorCommands: true };
          const client = await driverTo(sluice.port, query, pool);
          countEvents(client, events);
          await atOnce(connections, (n) => work(client, `orders_${connections}_${by}${at}_${n}`));
          await client.close();
        }),
      );
      const times = connections * compressors.length;
      const { commands, errors } = await ledger.expectEqual();
      for (const [command, n] of Object.entries(events.started)) {
        const kind = command === 'nosuchcommand' ? 'unknown' : command;
        if (command !== 'endSessions') expect([command, commands[kind]?.calls]).toEqual([command, n]);
      }
      expect(events.failed).toEqual({ nosuchcommand: times, find: times });
      expect(errors).toEqual({ 11000: 2 * times, 59: times, 2: times });
      expect(commands['insert']).toMatchObject({ affected: times * 19, errors: 2 * times });
      expect(commands['find']!.returned + commands['getMore']!.returned).toBe(times * (18 + 3));
      expect(commands['update']).toMatchObject({ matched: times * 9, affected: times * 10 });
      // 3 finds each, in the compressor that was agreed on.
      const finds = server.journal.commands.slice(from).filter((each) => each.name === 'find');
      for (const [id, by] of [null, 'snappy', 'zlib', 'zstd'].entries()) {
        const asked = compressors.filter((each) => (each || null) === by).length;
        expect(finds.filter(({ compressor }) => (compressor ?? 0) === id)).toHaveLength(3 * connections * asked);
      }
    });

  test('all bytes belong to some command: theirs together are those of the connections', async () => {
    const { server, sluice } = stage;
    const rows = await rowsOf(sluice);
    expect(rows.reduce((sum, { request_bytes: bytes }) => sum + bytes, 0)).toBe(server.journal.bytesReceived);
    expect(rows.reduce((sum, { reply_bytes: bytes }) => sum + bytes, 0)).toBe(server.journal.bytesSent);
    await expect.poll(() => statOf(sluice, 'sluice.mongodb.mongodb.commands')).toBe(server.journal.commands.length);
    expect(await statOf(sluice, 'mongo.mongodb.decoding_error')).toBe(0);
  });

  test('bulkWrite of 8.0: operations of several collections, errors among them', async () => {
    const client = await driverTo(stage.sluice.port);
    const insert = (_id: number) => ({
      name: 'insertOne' as const,
      namespace: 'bulk.a',
      document: { _id: _id as never },
    });
    const update = { name: 'updateMany' as const, namespace: 'bulk.a', filter: {}, update: { $set: { a: 1 } } };
    await client.bulkWrite([...Array.from({ length: 150 }, (_, n) => insert(n)), update], { verboseResults: true });
    await refusalOf(client.bulkWrite([insert(1000), insert(1), insert(1001)], { ordered: false }));
    await client.bulkWrite([{ name: 'deleteMany', namespace: 'bulk.a', filter: {} }]);
    await client.close();
    const { commands } = await stage.ledger.expectEqual();
    expect(commands['bulkWrite']).toMatchObject({ calls: 3, errors: 1, matched: 150, affected: 150 + 150 + 2 + 152 });
  });
});

describe('what no driver does', () => {
  const stage = mongoStage();
  const $db = 'shop';

  test('many requests in flight on one connection and on 64, each in its compressor, large and small', async () => {
    const { sluice, ledger } = stage;
    for (const connections of [1, 64]) {
      await atOnce(connections, async (n) => {
        const wire = await MongoWire.to(sluice.port);
        const name = `piped_${connections}_${n}`;
        const bodies = [
          { insert: name, documents: orders(20), $db },
          { find: name, filter: { n: { $gt: 4 } }, $db },
          { update: name, updates: [{ q: { status: 'open' }, u: { $set: { status: 'x' } }, multi: true }], $db },
          { ping: 1, comment: 'x'.repeat(3000), $db },
          { insert: name, documents: orders(3), ordered: false, $db },
          { nosuchcommand: 1, $db },
          { count: name, query: { status: 'x' }, $db },
          { delete: name, deletes: [{ q: { n: { $lt: 5 } }, limit: 0 }], $db },
        ];
        const plain = Array.from({ length: 10 }, () => bodies).flat();
        const messages = plain.map((body, at) => {
          const message = opMsg(body, { requestId: at + 1, ...(at % 5 === 0 && { checksum: 'right' as const }) });
          const by = ([undefined, 'snappy', 'zlib', 'zstd', 'noop'] as const)[(at + n) % 5];
          return by === undefined ? message : opCompressed(message, by);
        });
        wire.write(Buffer.concat(messages));
        for (let at = 0; at < messages.length; at++) expect((await wire.next())!.responseTo).toBe(at + 1);
        await wire.end();
      });
      const { commands, errors } = await ledger.expectEqual();
      expect(commands['ping']!.calls).toBe(connections * 10);
      // The first insert of a round meets what the rounds before left, the second all of its documents but the deleted ones.
      expect(errors['59']).toBe(connections * 10);
      expect(errors['11000']).toBeGreaterThan(connections * 9);
    }
  });

  test('writes that nobody answers, exhaust, cursors that are killed, write concern errors', async () => {
    const { sluice, ledger } = stage;
    await atOnce(8, async (n) => {
      const wire = await MongoWire.to(sluice.port);
      const name = `odd_${n}`;
      const insert = (documents: readonly Order[]) =>
        opMsg(
          { insert: name, documents, writeConcern: { w: 0 }, $db },
          { requestId: wire.nextId, flags: MORE_TO_COME },
        );
      wire.write(Buffer.concat([insert(orders(30)), insert(orders(5)), insert(orders(10, 100))]));
      const { doc } = await wire.ask({ find: name, batchSize: 0, $db });
      const { id } = doc['cursor'] as { id: bigint };
      const more = { getMore: id, collection: name, batchSize: 7, $db };
      wire.write(opMsg(more, { requestId: 7000, flags: EXHAUST_ALLOWED }));
      let got = 0;
      for (let goesOn = true; goesOn; ) {
        const reply = (await wire.next())!;
        got += (reply.doc['cursor'] as { nextBatch: unknown[] }).nextBatch.length;
        goesOn = (reply.flags & MORE_TO_COME) !== 0;
      }
      expect(got).toBe(40);
      const second = (await wire.ask({ find: name, batchSize: 2, $db })).doc['cursor'] as { id: bigint };
      await wire.ask({ killCursors: name, cursors: [second.id], $db });
      await wire.ask({ getMore: second.id, collection: name, $db });
      await wire.end();
    });
    const { commands, errors } = await ledger.expectEqual();
    expect(commands).toMatchObject({
      insert: { calls: 24, affected: 0, replyBytes: 0, errors: 0 },
      getMore: { calls: 16, returned: 320, errors: 8 },
      killCursors: { calls: 8 },
    });
    expect(errors).toEqual({ 43: 8 });
  });

  test('errors of every kind, by code', async () => {
    const client = await driverTo(stage.sluice.port, '&retryWrites=false&retryReads=false', { maxPoolSize: 1 });
    const db = client.db('shop');
    const fail = (data: object) =>
      client.db('admin').command({ configureFailPoint: 'failCommand', mode: { times: 1 }, data });
    for (const errorCode of [91, 112, 121, 10107]) {
      await fail({ failCommands: ['insert'], errorCode });
      await refusalOf(db.collection('errors').insertOne({}));
    }
    for (const code of [64, 79]) {
      await fail({ failCommands: ['insert'], writeConcernError: { code, errmsg: 'no' } });
      await refusalOf(db.collection('errors').insertOne({}));
    }
    await refusalOf(
      db
        .collection('errors')
        .aggregate([{ $nosuch: 1 }])
        .toArray(),
    );
    await refusalOf(db.command({ getMore: 5n, collection: 'errors' }));
    await refusalOf(db.command({ find: 'errors', nosuch: 1 }));
    await refusalOf(db.createCollection('errors'));
    await client.close();
    const { errors } = await stage.ledger.expectEqual();
    expect(errors).toEqual({ 91: 1, 112: 1, 121: 1, 10107: 1, 64: 1, 79: 1, 40324: 1, 43: 1, 40415: 1, 48: 1 });
    await expect.poll(() => statOf(stage.sluice, 'sluice.mongodb.mongodb.error.WriteConflict.total')).toBe(1);
  });

  test('in pieces of one to five bytes, both ways', async () => {
    const { sluice, server, ledger } = stage;
    const before = await startTrickleProxy(sluice.port, [1, 2, 1, 1, 4, 3, 5]);
    for (const compressor of ['', 'zstd']) {
      const client = await driverTo(before.port, compressor && `&compressors=${compressor}`, { maxPoolSize: 2 });
      await work(client, `slow_${compressor}`);
      await client.close();
    }
    const { commands } = await ledger.expectEqual();
    expect(commands['insert']).toMatchObject({ calls: 10, affected: 38 });
    expect(server.journal.closed).toEqual([]);
    await before.close();
  });

  test('per digest: the shape of a command, as the client counted it', async () => {
    const { sluice, ledger } = stage;
    const client = await driverTo(sluice.port, '', { appName: 'counter' });
    const things = client.db('digests').collection<Order>('things');
    await atOnce(12, async (n) => {
      await things.insertOne({ _id: n, n });
      await things
        .find({ n: { $gt: n }, status: 'open' })
        .sort({ n: -1 })
        .limit(n + 1)
        .toArray();
      if (n % 3 === 0) await things.updateOne({ _id: n }, { $inc: { n } });
    });
    await client.close();
    await ledger.expectEqual();
    const rows = (await rowsOf(sluice)).filter(({ database }) => database === 'digests');
    expect(Object.fromEntries(rows.map(({ text, calls }) => [text, calls]))).toEqual({
      'insert things': 12,
      'find things filter={n: {$gt: ?number}, status: ?string} sort={n: -1} limit=?number': 12,
      'update things q={_id: ?number} u={$inc: {n: ?number}}': 4,
    });
    expect(rows.every(({ application }) => application === 'counter')).toBe(true);
  });
});
