import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { MongoClient } from 'mongodb';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { awaitLines, type LogLine } from '../support/access-log-file.ts';
import { freePort } from '../support/free-port.ts';
import { rowsOf } from '../support/mongo-ledger.ts';
import { type MongoServer, startMongoServer } from '../support/mongo-server/server.ts';
import { driverTo, refusalOf, statOf } from '../support/mongo-stage.ts';
import { CLIENT, EXHAUST_ALLOWED, MORE_TO_COME, MongoWire, opMsg } from '../support/mongo-wire.ts';
import { poll } from '../support/poll.ts';
import { type RunningSluice, runSluice } from '../support/run-sluice.ts';

const PASSWORD = 'neither kept nor told';
const WRONG = 'not that one either';

let folder: string;
let log: string;
let server: MongoServer;
/** Needs a login. */
let secured: MongoServer;
/** Its members say that they are elsewhere: `server` itself, past Sluice. */
let sluice: RunningSluice;
const ports = { member: 0, secured: 0, rewriting: 0 };

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'sluice-mongodb-'));
  log = path.join(folder, 'access.log');
  server = await startMongoServer({ replicaSet: { name: 'rs' } });
  secured = await startMongoServer({ users: [{ user: 'ann', pwd: PASSWORD }] });
  for (const name of ['member', 'secured', 'rewriting'] as const) ports[name] = await freePort();
  const config = path.join(folder, 'sluice.yaml');
  const proxy = (name: keyof typeof ports, port: number, more = '') =>
    `  - { name: ${name}, upstream: "mongodb://127.0.0.1:${port}", listen: "127.0.0.1:${ports[name]}"${more} }`;
  const lines = [
    'proxies:',
    proxy('member', server.port),
    proxy('secured', secured.port),
    proxy('rewriting', server.port, `, rewrite_hello: { address: "127.0.0.1:${ports.rewriting}" }`),
    `access_log: ${log}`,
  ];
  await writeFile(config, `${lines.join('\n')}\n`);
  sluice = await runSluice({ concurrency: 1, args: ['-c', config] });
});
afterAll(async () => {
  await sluice?.stop();
  await Promise.all([server?.stop(), secured?.stop()]);
  await rm(folder, { recursive: true, force: true });
});

const own = (listener: string, name: string): Promise<number> => statOf(sluice, `sluice.mongodb.${listener}.${name}`);
const settles = (what: string, name: string, value: number, listener = 'member'): Promise<unknown> =>
  poll(what, async () => (await own(listener, name)) === value);
const exchangesOf = (database: string, count: number): Promise<LogLine[]> =>
  awaitLines(log, (line) => line['event'] === 'exchange' && line['database'] === database, count);
const rowOf = (text: string, database: string) =>
  poll(`the row ${text}`, async () => (await rowsOf(sluice, `&database=${database}`)).find((row) => row.text === text));

describe('who is talking', () => {
  test('user, database, application and driver, once the server has agreed; a refused login is counted by mechanism', async () => {
    const login = (password: string, more = '') =>
      driverTo(ports.secured, `&appName=till${more}`, { auth: { username: 'ann', password } });
    for (const mechanism of ['SCRAM-SHA-1', 'SCRAM-SHA-256']) {
      const client = await login(PASSWORD, `&authMechanism=${mechanism}`);
      await client.db('who').collection('orders').findOne({ secret: 'a literal' });
      await client.close();
      expect(await refusalOf(login(WRONG, `&authMechanism=${mechanism}`))).toMatchObject({ code: 18 });
      await poll('it is counted', async () => (await own('secured', `auth.${mechanism}.login_failures`)) >= 1);
      await expect.poll(() => own('secured', `auth.${mechanism}.logins`)).toBeGreaterThanOrEqual(1);
    }
    const lines = await exchangesOf('who', 2);
    for (const line of lines)
      expect(line).toMatchObject({ user: 'ann', application: 'till', protocol: 'mongodb', kind: 'find', rows_sent: 0 });
    const [session] = await awaitLines(log, (line) => line['event'] === 'connection' && line['database'] === 'who', 1);
    expect(session).toMatchObject({
      user: 'ann',
      driver: expect.stringMatching(/^nodejs /),
      opaque: '',
      server_version: '8.0',
    });
    const failed = await awaitLines(log, (line) => line['event'] === 'exchange' && line['status'] === '18', 2);
    expect(failed[0]).toMatchObject({ severity: 'AuthenticationFailed', outcome: 'error' });
  });

  test('no password, no proof, no payload and no literal in anything that is told', async () => {
    const wire = await MongoWire.to(ports.secured);
    const nonce = 'rOprNGfwEbeRWgbNEkqO';
    const payload = Buffer.from(`n,,n=ann,r=${nonce}`);
    const { doc } = await wire.ask({
      saslStart: 1,
      mechanism: 'SCRAM-SHA-256',
      payload,
      options: { skipEmptyExchange: true },
      $db: 'admin',
    });
    const answer = Buffer.from((doc['payload'] as { value(): Uint8Array }).value()).toString();
    const proof = Buffer.from(`c=biws,${answer.split(',')[0]},p=cHJvb2Y=`);
    await wire.ask({ saslContinue: 1, conversationId: 1, payload: proof, $db: 'admin' });
    const document = { saslContinue: 1, password: WRONG };
    await wire.ask({ createUser: 'bob', pwd: WRONG, roles: [], comment: document, $db: 'admin' });
    await wire.end();
    await poll('it is logged', async () => (await readFile(log, 'utf8')).includes('createUser'));
    const routes = ['/api/queries?limit=10000', '/api/connections', '/stats', '/metrics'];
    const told = [await readFile(log, 'utf8'), sluice.stdout(), sluice.stderr()];
    told.push(...(await Promise.all(routes.map((route) => sluice.getText(route)))));
    const text = told.join('\n');
    expect(text.length).toBeGreaterThan(5000);
    const salt = /s=([^,]+)/.exec(answer)![1]!;
    for (const secret of [PASSWORD, WRONG, nonce, salt, 'cHJvb2Y', payload.toString('base64'), 'a literal'])
      expect([secret, text.includes(secret)]).toEqual([secret, false]);
  });
});

describe('cursors', () => {
  test('one story from find to killCursors, also on another connection; its digest is that of what opened it', async () => {
    const [first, second] = [await MongoWire.to(ports.member), await MongoWire.to(ports.member)];
    await first.ask({ insert: 'c', documents: Array.from({ length: 20 }, (_, n) => ({ n })), $db: 'cursors' });
    const { doc } = await first.ask({ find: 'c', filter: { n: { $gt: 2 } }, batchSize: 3, $db: 'cursors' });
    const { id } = doc['cursor'] as { id: bigint };
    await second.ask({ getMore: id, collection: 'c', batchSize: 3, $db: 'cursors' });
    await first.ask({ getMore: id, collection: 'c', batchSize: 3, $db: 'cursors' });
    await second.ask({ killCursors: 'c', cursors: [id], $db: 'cursors' });
    await second.ask({ getMore: id, collection: 'c', $db: 'cursors' });
    await Promise.all([first.end(), second.end()]);
    const lines = (await exchangesOf('cursors', 6)).filter(({ kind }) => kind !== 'insert');
    lines.sort((a, b) => (String(a['ts']) < String(b['ts']) ? -1 : 1));
    const story = Number(BigInt.asUintN(32, id ^ (id >> 32n))) || 1;
    expect(lines.map((line) => line['story'])).toEqual([story, story, story, story, story]);
    expect(new Set(lines.map((line) => line['session_id'])).size).toBe(2);
    expect(lines.map((line) => `${line['text']} ${line['rows_sent']} ${line['status']}`)).toEqual([
      'find c filter={n: {$gt: ?number}} 3 ',
      'getMore <- find c filter={n: {$gt: ?number}} 3 ',
      'getMore <- find c filter={n: {$gt: ?number}} 3 ',
      'killCursors c 0 ',
      'getMore c 0 43',
    ]);
    await settles('it is counted', 'cursors_killed', 1);
    await expect.poll(() => own('member', 'cursors_not_found')).toBe(1);
  });

  test('an exhaust cursor is one getMore, with all its documents', async () => {
    const wire = await MongoWire.to(ports.member);
    await wire.ask({ insert: 'c', documents: Array.from({ length: 30 }, (_, n) => ({ n })), $db: 'exhaust' });
    const { doc } = await wire.ask({ find: 'c', batchSize: 0, $db: 'exhaust' });
    const { id } = doc['cursor'] as { id: bigint };
    wire.write(opMsg({ getMore: id, collection: 'c', batchSize: 4, $db: 'exhaust' }, { flags: EXHAUST_ALLOWED }));
    for (let more = true; more; ) more = ((await wire.next())!.flags & MORE_TO_COME) !== 0;
    await wire.end();
    const lines = await exchangesOf('exhaust', 3);
    expect(lines.find(({ kind }) => kind === 'getMore')).toMatchObject({ rows_sent: 30, outcome: 'ok' });
    await settles('it is counted', 'exhaust_replies', 7);
  });

  test('a change stream and a tailable cursor wait: that is no latency', async () => {
    const [client, other] = [await driverTo(ports.member), await driverTo(ports.member)];
    const things = client.db('waits').collection('things');
    const beganAt = performance.now();
    const stream = things.watch([], { maxAwaitTimeMS: 10_000 });
    const event = stream.next();
    await poll('it waits', () => server.openCursors() > 0);
    await delay(400); // long enough to be told from no wait at all
    const askedAt = performance.now();
    await other.db('waits').collection('things').insertOne({ n: 1 });
    const tookS = (performance.now() - askedAt) / 1000;
    expect((await event).operationType).toBe('insert');
    await stream.close();
    await things.drop();
    await client.db('waits').createCollection('log', { capped: true, size: 4096 });
    await client.db('waits').collection('log').insertOne({ n: 1 });
    const tail = client
      .db('waits')
      .collection('log')
      .find({}, { tailable: true, awaitData: true, maxAwaitTimeMS: 300 });
    await tail.next();
    expect(await tail.tryNext()).toBeNull();
    await tail.close();
    const waitedS = (performance.now() - beganAt) / 1000;
    await Promise.all([client.close(), other.close()]);
    for (const text of [
      'getMore <- aggregate things pipeline=[{$changeStream: {}}]',
      'getMore <- find log tailable=true awaitData=true',
    ]) {
      const row = await rowOf(text, 'waits');
      expect(row).toMatchObject({ errors: {}, lost: 0, time: { total_s: 0 } });
      expect(row.waits).toBe(row.calls);
      expect(row.wait!.total_s).toBeGreaterThan(0.25);
      expect(row.wait!.total_s).toBeLessThan(waitedS);
    }
    expect((await rowOf('insert things', 'waits')).time.max_s).toBeLessThan(tookS);
  });
});

describe('transactions', () => {
  test('begun, committed, aborted, refused; retried writes; each command says in which it was', async () => {
    const client = await driverTo(ports.member);
    const things = client.db('tx').collection<{ _id: number; n?: number }>('things');
    await things.insertOne({ _id: 1, n: 0 });
    await client.withSession(async (session) => {
      session.startTransaction();
      await things.updateOne({ _id: 1 }, { $inc: { n: 1 } }, { session });
      await things.insertOne({ _id: 2 }, { session });
      await session.commitTransaction();
      session.startTransaction();
      await things.deleteMany({}, { session });
      await session.abortTransaction();
      session.startTransaction();
      await refusalOf(things.insertOne({ _id: 1 }, { session }));
      await session.abortTransaction();
    });
    const data = { failCommands: ['insert'], errorCode: 10107 };
    await client.db('admin').command({ configureFailPoint: 'failCommand', mode: { times: 1 }, data });
    await things.insertOne({ _id: 3 });
    await client.close();
    const lines = await exchangesOf('tx', 7);
    const inside = lines.filter(({ transaction }) => Number(transaction) > 0);
    expect(inside.map(({ kind }) => kind).sort()).toEqual(['delete', 'insert', 'insert', 'update']);
    expect(new Set(inside.map(({ transaction }) => transaction)).size).toBe(3);
    await settles('they are counted', 'transactions', 3);
    await expect.poll(() => own('member', 'transactions_committed')).toBe(1);
    await expect.poll(() => own('member', 'transactions_aborted')).toBe(2);
    await expect.poll(() => own('member', 'retryable_write_errors')).toBe(1);
    const trace = lines.filter(({ status }) => status === '10107');
    expect(trace.map(({ severity }) => severity)).toEqual(['NotWritablePrimary']);
  });

  test('the caller’s trace stands in its comment', async () => {
    const client = await driverTo(ports.member);
    const trace = '4bf92f3577b34da6a3ce929d0e0e4736';
    const traceparent = `00-${trace}-00f067aa0ba902b7-01`;
    await client.db('traced').collection('a').find({}, { comment: { traceparent } }).toArray();
    await client.close();
    expect((await exchangesOf('traced', 1))[0]).toMatchObject({ trace_id: trace, span_id: '00f067aa0ba902b7' });
  });
});

describe('the driver’s monitor, and where hello leads', () => {
  const warnings = () =>
    `${sluice.stdout()}${sluice.stderr()}`.split('\n').filter((line) => line.includes('rewrite_hello'));
  const follow = (port: number) =>
    new MongoClient(`mongodb://127.0.0.1:${port}/?replicaSet=rs`, {
      serverSelectionTimeoutMS: 4000,
      heartbeatFrequencyMS: 500,
    });

  test('hello that streams is one exchange; a step-down reaches the driver; hanging up is no error', async () => {
    const client = await driverTo(ports.member, '', { serverMonitoringMode: 'stream', heartbeatFrequencyMS: 500 });
    const changes: string[] = [];
    client.on('serverDescriptionChanged', ({ newDescription }) => changes.push(newDescription.type));
    const streams = () => server.journal.commands.filter(({ flags }) => (flags & EXHAUST_ALLOWED) !== 0).length;
    await poll('it streams', () => streams() > 0);
    server.setPrimary(false);
    await poll('it is told', () => changes.includes('RSSecondary'));
    expect(await refusalOf(client.db('mon').collection('a').insertOne({}))).toMatchObject({ code: 10107 });
    server.setPrimary(true);
    await poll('it is told', () => changes.at(-1) === 'RSPrimary');
    await client.db('mon').collection('a').insertOne({});
    await client.close();
    const monitors = (line: LogLine) => line['event'] === 'connection' && line['session_kind'] === 'monitor';
    await poll('its end is logged', async () => (await awaitLines(log, monitors, 1)).length > 0);
    const hellos = (await rowsOf(sluice)).filter(({ operation }) => operation === 'hello');
    expect(hellos.reduce((sum, { lost }) => sum + lost, 0)).toBe(0);
    expect(hellos.every(({ errors }) => Object.keys(errors).length === 0)).toBe(true);
    await expect.poll(() => own('member', 'monitor_sessions')).toBeGreaterThan(0);
  });

  test('a driver that follows the replica set leaves: counted, said once, with the remedy', async () => {
    const hints = await own('member', 'bypass_hint');
    const client = follow(ports.member);
    await client.db('gone').collection('a').insertOne({ n: 1 });
    await client.close();
    // It came through for its first hello only.
    expect(server.journal.commands.some(({ database, name }) => database === 'gone' && name === 'insert')).toBe(true);
    await poll('it is counted', async () => (await own('member', 'bypass_hint')) > hints);
    expect(await rowsOf(sluice, '&database=gone')).toEqual([]);
    expect(warnings()).toHaveLength(1);
    expect(warnings()[0]).toContain('directConnection=true');
  });

  test('rewrite_hello keeps it here, transactions and change streams included', async () => {
    const client = follow(ports.rewriting);
    const things = client.db('kept').collection('a');
    await client.withSession((session) =>
      session.withTransaction(async () => {
        await things.insertOne({ n: 1 }, { session });
      }),
    );
    expect(await things.countDocuments()).toBe(1);
    await client.close();
    const lines = await exchangesOf('kept', 2);
    expect(lines.map(({ listener }) => listener)).toEqual(['rewriting', 'rewriting']);
    expect(await own('rewriting', 'bypass_hint')).toBe(0);
    await expect.poll(() => own('rewriting', 'hellos_rewritten')).toBeGreaterThan(0);
    const wire = await MongoWire.to(ports.rewriting);
    const { doc } = await wire.ask({ hello: 1, client: CLIENT, compression: ['zlib'], $db: 'admin' });
    const address = `127.0.0.1:${ports.rewriting}`;
    expect(doc).toMatchObject({ hosts: [address], me: address, primary: address, setName: 'rs', ok: 1 });
    await wire.end();
  });
});

describe('what ends', () => {
  test('writes without answers: counted, without what nobody was told', async () => {
    const client = await driverTo(ports.member);
    const things = client.db('w0').collection('a', { writeConcern: { w: 0 } });
    await things.insertMany([{ n: 1 }, { n: 2 }]);
    await things.updateMany({}, { $set: { n: 3 } });
    await things.findOne();
    await client.close();
    const lines = await exchangesOf('w0', 3);
    const by = (kind: string) => lines.find((line) => line['kind'] === kind);
    expect(by('insert')).toMatchObject({ outcome: 'ok', batch_size: 2, rows_affected: 0, response_bytes: 0 });
    expect(by('find')).toMatchObject({ outcome: 'ok', rows_sent: 1 });
  });

  test('a connection that the server closes with a command open: lost, once', async () => {
    const wire = await MongoWire.to(ports.member);
    await wire.ask({ find: 'a', $db: 'lost' });
    const data = { failCommands: ['find'], closeConnection: true };
    await wire.ask({ configureFailPoint: 'failCommand', mode: { times: 1 }, data, $db: 'admin' });
    expect(await wire.put(opMsg({ find: 'a', $db: 'lost' }))).toBeNull();
    const lines = await exchangesOf('lost', 2);
    expect(lines.map(({ outcome }) => outcome).sort()).toEqual(['lost', 'ok']);
  });

  test('bytes that are no MongoDB, behind some that are: opaque, and the exchange before stays', async () => {
    const wire = await MongoWire.to(ports.member);
    await wire.ask({ find: 'a', $db: 'odd' });
    expect(await wire.put(Buffer.concat([Buffer.of(0, 0, 0, 4), opMsg({ ping: 1 }).subarray(4)]))).toBeNull();
    await exchangesOf('odd', 1);
    const [session] = await awaitLines(log, (line) => line['event'] === 'connection' && line['database'] === 'odd', 1);
    expect(session).toMatchObject({ opaque: 'oversized', exchanges: 1 });
  });
});
