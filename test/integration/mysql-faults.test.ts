import { mkdtemp, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import mariadb from 'mariadb';
import mysql, { type RowDataPacket } from 'mysql2/promise';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { awaitLines, type LogLine } from '../support/access-log-file.ts';
import { mariadbCli } from '../support/mysql-clients.ts';
import { statsOf } from '../support/mysql-ledger.ts';
import { needs } from '../support/needs.ts';
import { poll } from '../support/poll.ts';
import { mariadbPrograms, PASSWORD, type RealMariadb, startRealMariadb } from '../support/real-mariadb.ts';
import { type RunningSluice, runSluice } from '../support/run-sluice.ts';

const SLEEP = 'select sleep(60), id from goods';

let server: RealMariadb;
let sluice: RunningSluice;
let folder: string;
/** The access log. */
let log: string;
/** Of the running test alone, so that its lines and rows are known by it. */
let database: string;
let databases = 0;
const opened: mysql.Connection[] = [];

async function start(): Promise<void> {
  if (mariadbPrograms() === null) return; // each test says so
  server = await startRealMariadb({
    init: [`create user other identified by '${PASSWORD}'`, 'grant all on *.* to other'],
  });
  folder = await mkdtemp(path.join(tmpdir(), 'sluice-mysql-'));
  log = path.join(folder, 'access.log');
  sluice = await runSluice({
    upstreams: [`mysql://127.0.0.1:${server.port}`],
    concurrency: 1,
    args: ['--access-log', log],
  });
}

async function stop(): Promise<void> {
  await sluice?.stop('SIGTERM', 3000);
  await server?.stop();
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
}

beforeEach(async (ctx) => {
  needs(ctx, 'mariadb');
  database = `case_${++databases}`;
  const setup = await mysql.createConnection({ host: '127.0.0.1', port: server.port, user: 'root' });
  await setup.query(`create database ${database}`);
  await setup.query(`create table ${database}.goods (id int primary key)`);
  await setup.query(`insert into ${database}.goods values (1), (2)`);
  await setup.end();
});
afterEach(() => {
  for (const db of opened.splice(0)) db.destroy();
});

const login = async (options: mysql.ConnectionOptions = {}): Promise<mysql.Connection> => {
  const db = await mysql.createConnection({ host: '127.0.0.1', port: sluice.port, user: 'root', database, ...options });
  db.on('error', () => {}); // what happens to it is the test's doing
  opened.push(db);
  return db;
};

async function connectorLogin(): Promise<void> {
  const db = await mariadb.createConnection({ host: '127.0.0.1', port: sluice.port, user: 'root', database });
  await db.end();
}

/** A statement under way on the server, on a connection through Sluice. */
async function sleeping(): Promise<{ db: mysql.Connection; running: Promise<unknown>; admin: mysql.Connection }> {
  const db = await login();
  const running = db.query(SLEEP).then(
    () => null,
    (error: unknown) => error,
  );
  const admin = await login({ port: server.port });
  await poll('it sleeps', async () => {
    const [rows] = await admin.query<RowDataPacket[]>(
      `select 1 from information_schema.processlist where id = ${db.threadId} and info = '${SLEEP}'`,
    );
    return rows.length === 1;
  });
  return { db, running, admin };
}

/** Lines of the access log that this test wrote. */
const ofSleep = (line: LogLine): boolean =>
  line['event'] === 'exchange' && line['database'] === database && String(line['text']).includes('sleep');
const ofConnection = (line: LogLine): boolean => line['event'] === 'connection' && line['database'] === database;

/** What Sluice counted of this test's statements. */
const totals = async (): Promise<unknown> =>
  (await sluice.getJson<{ totals: unknown }>(`/api/queries?database=${database}`)).totals;

/** Where Envoy and we have the same counter, both say the same. */
const counter = async (name: string): Promise<number> => {
  const stats = await statsOf(sluice);
  const found = [...stats].filter(([full]) => /^(sluice\.)?mysql\./.test(full) && full.endsWith(`.${name}`));
  expect(new Set(found.map(([, value]) => value)).size, name).toBe(1);
  return found[0]![1];
};

describe('what goes wrong: MariaDB', () => {
  beforeAll(start);
  afterAll(stop);

  // The first: it counts from zero.
  test('a wrong password, a user that is not there, a database that is not: counted as refused logins', async () => {
    await expect(login({ user: 'native', password: 'wrong' })).rejects.toMatchObject({ errno: 1045 });
    await expect(login({ user: 'nobody', password: 'x' })).rejects.toMatchObject({ errno: 1045 });
    await expect(login({ user: 'native', password: PASSWORD, database: 'nowhere' })).rejects.toMatchObject({
      errno: 1049,
    });
    await (await login({ user: 'native', password: PASSWORD })).end();
    const lines = await awaitLines(log, ({ event }) => event === 'connection', 4);
    // Who did not get in is nobody.
    expect(lines.map(({ user, database: name }) => [user, name])).toEqual([
      ['', ''],
      ['', ''],
      ['', ''],
      ['native', database],
    ]);
    const names = ['sessions', 'login_attempts', 'login_failures', 'logins_ok', 'decoder_errors'];
    await poll('all are counted', async () => {
      expect(await Promise.all(names.map(counter))).toEqual([4, 4, 3, 1, 0]);
      return true;
    });
    expect(await totals()).toMatchObject({ calls: 0 });
  });

  test('KILL QUERY: an error 1317, and the connection lives on', async () => {
    const { db, running, admin } = await sleeping();
    await admin.query(`kill query ${db.threadId}`);
    expect(await running).toMatchObject({ errno: 1317 });
    expect((await db.query('select 1 as one'))[0]).toEqual([{ one: 1 }]);
    await Promise.all([db.end(), admin.end()]);
    expect(await awaitLines(log, ofSleep, 1)).toMatchObject([{ status: '1317' }]);
  });

  test('KILL CONNECTION: no reply, the query is lost', async () => {
    const { db, running, admin } = await sleeping();
    await admin.query(`kill connection ${db.threadId}`);
    expect(await running).toMatchObject({ code: 'PROTOCOL_CONNECTION_LOST' });
    await admin.end();
    expect(await awaitLines(log, ofSleep, 1)).toMatchObject([{ outcome: 'lost' }]);
  });

  test('KILL of an idle connection: the next query of its client fails, nothing is counted for it', async () => {
    const db = await login();
    const admin = await login({ port: server.port });
    await db.query('select 1');
    await admin.query(`kill ${db.threadId}`);
    await awaitLines(log, ofConnection, 1);
    await expect(db.query('select 2')).rejects.toThrow();
    await admin.end();
    await expect.poll(totals).toMatchObject({ calls: 1, lost: 0 });
  });

  test('a client that goes away in the middle of a query: the server works on, the query is lost when it ends', async () => {
    const { db, admin } = await sleeping();
    const { threadId } = db;
    db.destroy();
    await poll('the server is told', async () => {
      // A half-closed connection: MariaDB notices when it next reads or writes.
      const { connections } = await sluice.getJson<{ connections: unknown[] }>('/api/connections');
      return connections.length === 1;
    });
    await admin.query(`kill connection ${threadId}`);
    expect(await awaitLines(log, ofSleep, 1)).toMatchObject([{ outcome: 'lost' }]);
  });

  test('COM_CHANGE_USER that fails: who it was stays in the facts, and is counted', async () => {
    const db = await login();
    await db.query('select 1');
    await expect(db.changeUser({ user: 'native', password: 'wrong' })).rejects.toMatchObject({ errno: 1045 });
    db.destroy();
    const [line] = await awaitLines(log, ofConnection, 1);
    expect(line).toMatchObject({ user: 'root', database });
    await poll('counted', async () => (await counter('user_change_failures')) === 1);
  });

  test('too many connections: the refusal reaches the client and is counted', async () => {
    const admin = await login({ port: server.port });
    await admin.query('set global max_connections = 10');
    const held: mysql.Connection[] = [];
    const plain = { user: 'native', password: PASSWORD };
    const refusal = await (async () => {
      for (;;) held.push(await login(plain));
    })().catch((error: unknown) => error);
    expect(refusal).toMatchObject({ errno: 1040 });
    expect(held.length).toBeGreaterThanOrEqual(8);
    await poll('counted', async () => (await counter('connections_refused')) === 1);
    await admin.query('set global max_connections = 200');
    await Promise.all([admin, ...held].map((db) => db.end()));
  });

  test('a client that talks before the greeting, and one that speaks HTTP: the server answers as it would', async () => {
    const socket = connect(sluice.port, '127.0.0.1');
    socket.on('error', () => {});
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n');
    const heard: Buffer[] = [];
    socket.on('data', (bytes) => heard.push(bytes));
    await new Promise((resolve) => socket.once('close', resolve));
    const said = Buffer.concat(heard);
    // The greeting, then an error of the handshake: 1043 or 1156.
    expect(said[4]).toBe(0x0a);
    expect(said.includes(Buffer.from([0xff]))).toBe(true);
    await (await login()).end();
  });

  test('user, database, application and driver follow what the server confirmed', async () => {
    const db = await login({
      user: 'native',
      password: PASSWORD,
      connectAttributes: { program_name: 'checkout' },
    });
    /** The page's list of connections, which is a second old at most. */
    const seen = (user: string, name: string, application: string, state = 'idle'): Promise<true> =>
      poll(`${user} in ${name} is ${state}`, async () => {
        const { connections } = await sluice.getJson<{ connections: LogLine[] }>('/api/connections');
        expect(connections).toMatchObject([{ user, database: name, application, state }]);
        return true;
      });
    await db.query('select 1');
    await seen('native', database, 'checkout');
    await db.query('use mysql');
    await db.query('select 2');
    await seen('native', 'mysql', 'checkout');
    await expect(db.query('use nowhere')).rejects.toMatchObject({ errno: 1049 });
    // mysql2 names no attributes here, and the server forgets the old ones: so do we.
    await db.changeUser({ user: 'other', password: PASSWORD, database });
    await db.query('begin');
    await seen('other', database, '', 'in_transaction');
    await db.query('select 3');
    await db.query('commit');
    await db.reset();
    await seen('other', database, '');
    await db.end();
    const [connection] = await awaitLines(log, ofConnection, 1);
    expect(connection).toMatchObject({ protocol: 'mysql', user: 'other', server_version: server.version, driver: '' });
    const ours = (line: LogLine): boolean => line['session_id'] === connection!['session_id'];
    const lines = await awaitLines(log, (line) => ours(line) && line['kind'] === 'query', 7);
    expect(lines.map(({ text, user, database: name, application }) => [text, user, name, application])).toEqual([
      ['select ?', 'native', database, 'checkout'],
      // What changes a fact belongs to the time before.
      ['use mysql', 'native', database, 'checkout'],
      ['select ?', 'native', 'mysql', 'checkout'],
      ['use nowhere', 'native', 'mysql', 'checkout'],
      ['begin', 'other', database, ''],
      ['select ?', 'other', database, ''],
      ['commit', 'other', database, ''],
    ]);
  });

  test.each([
    ['mysql2', 'Node-MySQL-2', () => login().then((db) => db.end())],
    ['mariadb', 'MariaDB connector/Node', connectorLogin],
    ['the command line', 'libmariadb', () => mariadbCli({ port: sluice.port, database }, 'select 1')],
  ] as const)('the driver of %s is %s', async (_, driver, play) => {
    await play();
    const [line] = await awaitLines(log, ofConnection, 1);
    expect(line).toMatchObject({ user: 'root', driver: expect.stringContaining(driver) });
  });

  test('Sluice stops: idle clients are told 1053 in their own protocol, a transaction is finished first', async () => {
    const other = await runSluice({ upstreams: [`mysql://127.0.0.1:${server.port}`], concurrency: 1 });
    const through = { port: other.port };
    const [idle, busy] = [await login(through), await login(through)];
    const told = new Promise((resolve) => idle.once('error', resolve));
    await idle.query('select 1');
    await busy.query('begin');
    await busy.query('insert into goods values (3)');
    const stopping = other.stop('SIGTERM');
    expect(await told).toMatchObject({ message: 'Server shutdown in progress' });
    await busy.query('update goods set id = 4 where id = 3');
    await busy.query('commit');
    expect(await stopping).toEqual({ code: 0, signal: null });
    const direct = await login({ port: server.port });
    expect((await direct.query('select max(id) as id from goods'))[0]).toEqual([{ id: 4 }]);
  });

  test('the server is killed in the middle of a query: it is lost, its client hears of it at once, the next is cut off', async () => {
    const { running } = await sleeping();
    await server.kill();
    expect(await running).toMatchObject({ code: 'PROTOCOL_CONNECTION_LOST' });
    expect(await awaitLines(log, ofSleep, 1)).toMatchObject([{ outcome: 'lost', status: '', rows_sent: 0 }]);
    await poll('counted', async () => (await counter('lost')) > 0);
    await expect.poll(totals).toMatchObject({ calls: 1, lost: 1 });
    await expect(login()).rejects.toThrow();
    expect(await totals()).toMatchObject({ calls: 1, lost: 1 });
  });
});
