import { MongoBulkWriteError, MongoServerError } from 'mongodb';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { mongodb } from '../../protocol-filters/mongodb/index.ts';
import { type Wish as PolicyWish, policySet } from '../../src/policy/policy.fixture.ts';
import { type GatePlane, type GatePlaneOptions, startGatePlane } from '../bypass/support/gate-plane.ts';
import { type MongoServer, startMongoServer } from '../support/mongo-server/server.ts';
import { driverTo, refusalOf } from '../support/mongo-stage.ts';
import { MongoWire, opMsg } from '../support/mongo-wire.ts';
import { poll } from '../support/poll.ts';

const HANDS_OFF: PolicyWish = { action: 'deny', name: 'hands off', targets: ['secret'], message: 'not this one' };
const DENIED = { code: 13, codeName: 'Unauthorized', errmsg: 'not this one (denied by policy "hands off")' };

/** The official driver through the gate; what the stand-in's journal has is what was done. */
describe('the gate before MongoDB', () => {
  let server: MongoServer;
  let plane: GatePlane;
  const start = (more: Partial<GatePlaneOptions> = {}): Promise<GatePlane> =>
    startGatePlane({
      protocol: mongodb,
      policies: policySet([HANDS_OFF]),
      upstream: { host: '127.0.0.1', port: server.port },
      ...more,
    });

  beforeAll(async () => {
    const users = ['ann', 'bob'].map((user) => ({ user, pwd: 'pencil' }));
    server = await startMongoServer({ users, replicaSet: { name: 'rs' } });
    plane = await start();
  });
  afterAll(async () => {
    await plane?.stop();
    await server?.stop();
  });
  beforeEach(async () => {
    await plane.setPolicies(policySet([]));
    const client = await driver('bob');
    const shop = client.db('shop');
    await shop.dropDatabase();
    await shop.collection('orders').insertMany(Array.from({ length: 50 }, (_, n) => ({ _id: n as never, n })));
    await shop.collection('secret').insertOne({ _id: 1 as never });
    await client.close();
    await plane.setPolicies(policySet([HANDS_OFF]));
    server.journal.clear();
    plane.ended.length = 0;
  });

  const driver = (user = 'ann', query = '') =>
    driverTo(plane.port, query, {
      auth: { username: user, password: 'pencil' },
      maxPoolSize: 1,
      retryReads: false,
      retryWrites: false,
    });
  const did = (): string[] =>
    server.journal.commands
      .filter(({ name }) =>
        /^(find|insert|update|delete|aggregate|getMore|drop|findAndModify|commitTransaction|abortTransaction|killCursors|ping)$/.test(
          name,
        ),
      )
      .map(({ name, collection }) => `${name} ${collection}`.trim());

  test('the driver reports the native error, and its connection stays in use', async () => {
    const client = await driver();
    const shop = client.db('shop');
    const asks: (() => Promise<unknown>)[] = [
      () => shop.collection('secret').findOne(),
      () => shop.collection('secret').insertOne({ a: 1 }),
      () => shop.collection('secret').updateMany({}, { $set: { a: 1 } }),
      () => shop.collection('secret').deleteMany({}),
      () => shop.collection('secret').findOneAndDelete({}),
      () => shop.collection('secret').countDocuments(),
      () => shop.collection('secret').estimatedDocumentCount(),
      () => shop.collection('secret').distinct('a'),
      () => shop.collection('secret').drop(),
      () => shop.collection('secret').createIndex({ a: 1 }),
      () =>
        shop
          .collection('orders')
          .aggregate([{ $lookup: { from: 'secret', localField: 'a', foreignField: 'a', as: 'x' } }])
          .toArray(),
      () =>
        shop
          .collection('orders')
          .aggregate([{ $out: 'secret' }])
          .toArray(),
      () => shop.collection('orders').rename('secret'),
      () => shop.createCollection('v', { viewOn: 'secret', pipeline: [] }),
    ];
    for (const ask of asks) {
      const error = await refusalOf(ask());
      expect(error).toBeInstanceOf(MongoServerError);
      expect(error).toMatchObject(DENIED);
    }
    expect(await shop.collection('orders').countDocuments()).toBe(50);
    const connections = new Set(server.journal.commands.map(({ connection }) => connection));
    await client.close();
    expect(connections.size).toBeLessThanOrEqual(2); // the monitor's, and one
    expect(new Set(did())).toEqual(new Set(['ping', 'aggregate orders']));
    await plane.settled();
    const denied = plane.ended.filter(({ verdict }) => verdict === 'denied');
    expect(denied).toHaveLength(asks.length);
    for (const x of denied)
      expect(x).toMatchObject({ user: 'ann', outcome: 'denied', code: '13', policy: 'hands off' });
    expect(plane.stat('sluice.mongodb.gate.denied')).toBeGreaterThanOrEqual(asks.length);
    expect(plane.stat('sluice.mongodb.gate.stand_ins')).toBeGreaterThanOrEqual(asks.length);
  });

  test('a bulk of writes: each command by itself', async () => {
    const client = await driver();
    const error = await refusalOf(
      client
        .db('shop')
        .collection('secret')
        .bulkWrite([{ insertOne: { document: { a: 1 } } }, { deleteMany: { filter: {} } }]),
    );
    expect(error instanceof MongoBulkWriteError || error instanceof MongoServerError).toBe(true);
    expect(error.code).toBe(13);
    const bulk = client.bulkWrite([
      { name: 'insertOne', namespace: 'shop.orders', document: { a: 1 } },
      { name: 'insertOne', namespace: 'shop.secret', document: { a: 1 } },
    ]);
    expect((await refusalOf(bulk)).cause).toMatchObject(DENIED);
    await client.close();
    expect(did().filter((line) => line !== 'ping')).toEqual([]);
  });

  test('in a transaction: the server’s own has failed, and nothing of it is committed', async () => {
    const client = await driver();
    const shop = client.db('shop');
    const session = client.startSession();
    session.startTransaction();
    await shop.collection('orders').insertOne({ _id: 900 as never }, { session });
    expect(await refusalOf(shop.collection('secret').deleteMany({}, { session }))).toMatchObject({
      ...DENIED,
      errorLabels: [],
    });
    const commit = await refusalOf(session.commitTransaction());
    expect(commit).toMatchObject({ codeName: 'NoSuchTransaction' });
    expect(await shop.collection('orders').countDocuments({ _id: 900 as never })).toBe(0);
    const again = session.withTransaction(async () => {
      await shop.collection('orders').insertOne({ _id: 901 as never }, { session });
      await shop.collection('secret').deleteMany({}, { session });
    });
    expect(await refusalOf(again)).toMatchObject(DENIED);
    expect(await shop.collection('orders').countDocuments({ _id: 901 as never })).toBe(0);
    await session.withTransaction(() => shop.collection('orders').insertOne({ _id: 902 as never }, { session }));
    expect(await shop.collection('orders').countDocuments({ _id: 902 as never })).toBe(1);
    await session.endSession();
    await client.close();
  });

  test('a write that nobody awaits an answer to ends the connection', async () => {
    const client = await driver();
    await client
      .db('shop')
      .collection('secret')
      .deleteMany({}, { writeConcern: { w: 0 } });
    await poll('the session is over', () => plane.ended.some(({ verdict }) => verdict === 'denied'));
    expect(await client.db('shop').collection('orders').countDocuments()).toBe(50); // on another connection
    await client.close();
    expect(did()).not.toContain('delete secret');
  });

  test('policies of one user, confirmed by the server', async () => {
    await plane.setPolicies(policySet([{ ...HANDS_OFF, users: ['ann'] }]));
    for (const [user, query] of [
      ['ann', ''],
      ['bob', ''],
      ['ann', '&authMechanism=SCRAM-SHA-1'],
      ['bob', '&authMechanism=SCRAM-SHA-1'],
    ] as const) {
      const client = await driver(user, query);
      const found = client.db('shop').collection('secret').findOne();
      if (user === 'ann') expect(await refusalOf(found)).toMatchObject(DENIED);
      else expect(await found).toEqual({ _id: 1 });
      await client.close();
    }
  });

  test('a cursor is judged again each time it is read on', async () => {
    const client = await driver();
    const cursor = client.db('shop').collection('orders').find({}, { batchSize: 10 });
    for (let i = 0; i < 15; i++) expect(await cursor.next()).toEqual({ _id: i, n: i });
    await plane.setPolicies(policySet([{ ...HANDS_OFF, targets: ['orders'] }]));
    for (let i = 15; i < 20; i++) await cursor.next(); // of the batch that is here
    expect(await refusalOf(cursor.next())).toMatchObject(DENIED);
    await cursor.close().catch(() => {});
    await client.close();
    expect(did().filter((line) => line === 'getMore orders')).toHaveLength(1);
  });

  test('limits: rate, documents, bytes', async () => {
    const limit = { rate: { count: 1, perMs: 3_600_000, burst: 2 }, per: 'user' } as const;
    await plane.setPolicies(policySet([{ action: 'limit', name: 'slowly', operations: ['count'], limit }]));
    const client = await driver();
    const orders = client.db('shop').collection('orders');
    const asked = [];
    for (let i = 0; i < 4; i++)
      asked.push(
        await orders.estimatedDocumentCount().then(
          () => 'ok',
          (error: MongoServerError) => `${error.code} ${error.codeName}`,
        ),
      );
    expect(asked.filter((each) => each === 'ok').length).toBeLessThanOrEqual(2);
    expect(asked).toContain('462 IngressRequestRateLimitExceeded');
    await client.close();
    await plane.setPolicies(policySet([{ action: 'limit', name: 'few', operations: ['read'], limit: { rows: 20 } }]));
    const other = await driver();
    const again = other.db('shop').collection('orders');
    expect(await again.find({}, { limit: 20 }).toArray()).toHaveLength(20);
    expect(await refusalOf(again.find({}).toArray())).toMatchObject({ code: 462 });
    expect(await again.countDocuments()).toBe(50); // the connection is of use
    await plane.setPolicies(
      policySet([{ action: 'limit', name: 'short', operations: ['read'], limit: { bytes: 700 } }]),
    );
    expect(await again.find({}, { limit: 5 }).toArray()).toHaveLength(5);
    expect(await refusalOf(again.find({}).toArray())).toMatchObject({ code: 462 });
    expect(await again.findOne({ n: 3 })).toEqual({ _id: 3, n: 3 });
    await other.close();
    expect(plane.stat('sluice.mongodb.gate.replies_cut')).toBe(2);
  });

  test('in shadow mode nothing changes, and what would have been denied is told', async () => {
    await plane.setPolicies(policySet([{ ...HANDS_OFF, mode: 'shadow' }]));
    const client = await driver();
    expect(await client.db('shop').collection('secret').findOne()).toEqual({ _id: 1 });
    await client.close();
    await plane.settled();
    const found = plane.ended.filter(({ kind }) => kind === 'find');
    expect(found).toMatchObject([{ verdict: '', shadowVerdict: 'denied', shadowPolicy: 'hands off', outcome: 'ok' }]);
  });

  test('many answers to one getMore, a denied command behind it', async () => {
    await plane.setPolicies(policySet([HANDS_OFF]));
    const open = await startMongoServer();
    const front = await startGatePlane({
      protocol: mongodb,
      policies: policySet([HANDS_OFF]),
      upstream: { host: '127.0.0.1', port: open.port },
    });
    const wire = await MongoWire.to(front.port);
    await wire.ask({ insert: 'orders', $db: 'shop', documents: Array.from({ length: 40 }, (_, _id) => ({ _id })) });
    const { doc } = await wire.ask({ find: 'orders', batchSize: 10, $db: 'shop' });
    const { id } = doc['cursor'] as { id: bigint };
    wire.write(
      Buffer.concat([
        opMsg({ getMore: id, collection: 'orders', batchSize: 10, $db: 'shop' }, { requestId: 70, flags: 1 << 16 }),
        opMsg({ find: 'secret', $db: 'shop' }, { requestId: 71 }),
        opMsg({ ping: 1, $db: 'shop' }, { requestId: 72 }),
      ]),
    );
    const replies = [];
    for (let last = 0; last !== 72; ) {
      const reply = await wire.next();
      if (reply === null) throw new Error('closed');
      last = reply.responseTo;
      replies.push(reply);
    }
    expect(replies.at(-2)!.doc).toMatchObject({ ok: 0, ...DENIED });
    expect(replies.slice(0, -2).every(({ doc }) => doc['ok'] === 1)).toBe(true);
    expect(replies.length).toBeGreaterThan(4);
    await wire.end();
    await front.stop();
    await open.stop();
  });
});
