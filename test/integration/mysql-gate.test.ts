import { Readable } from 'node:stream';
import * as mariadb from 'mariadb';
import mysql2 from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { mysql } from '../../protocol-filters/mysql/index.ts';
import { policySet } from '../../src/policy/policy.fixture.ts';
import { type GatePlane, startGatePlane } from '../bypass/support/gate-plane.ts';
import { mariadbCli, sysbench, sysbenchPrepare } from '../support/mysql-clients.ts';
import { poll } from '../support/poll.ts';
import { mariadbPrograms, type RealMariadb, startRealMariadb } from '../support/real-mariadb.ts';

const MESSAGE = 'hands off pay';
const TOLD = `${MESSAGE} (denied by policy "no pay")`;
const DENIED = { code: 'ER_TABLEACCESS_DENIED_ERROR', errno: 1142, sqlState: '42000' };
const NO_PAY = { name: 'no pay', action: 'deny', targets: ['pay'], message: MESSAGE } as const;

/** The gate before MariaDB: each driver's own word for a denial, and what the tables hold afterwards. */
describe.skipIf(mariadbPrograms() === null)('the gate before MariaDB', () => {
  let server: RealMariadb;
  let plane: GatePlane;
  let direct: mysql2.Connection;
  const open: { end(): Promise<unknown> }[] = [];

  beforeAll(async () => {
    server = await startRealMariadb();
    direct = await mysql2.createConnection({ host: '127.0.0.1', port: server.port, user: 'root', database: 'shop' });
    await direct.query('create table pay (a int)');
    await direct.query('create table log (a int, b varchar(100))');
    plane = await startGatePlane({
      protocol: mysql,
      policies: policySet([NO_PAY]),
      upstream: { host: '127.0.0.1', port: server.port },
    });
  });
  afterAll(async () => {
    await direct?.end();
    await plane?.stop();
    await server?.stop();
  });
  beforeEach(async () => {
    for (const one of open.splice(0)) await one.end().catch(() => {});
    await plane.setPolicies(policySet([NO_PAY]));
    plane.ended.length = 0;
    await direct.query('truncate pay');
    await direct.query('truncate log');
    await direct.query('insert into pay values (1)');
  });

  const held = async (): Promise<string> => {
    const [rows] = await direct.query<mysql2.RowDataPacket[]>(
      "select concat((select group_concat(a) from pay), ' in pay, ', (select coalesce(group_concat(a order by a), '-') from log), ' in log') as held",
    );
    return rows[0]!['held'] as string;
  };
  const one = async (more: mysql2.ConnectionOptions = {}): Promise<mysql2.Connection> => {
    const client = await mysql2.createConnection({
      host: '127.0.0.1',
      port: plane.port,
      user: 'root',
      database: 'shop',
      multipleStatements: true,
      ...more,
    });
    open.push(client);
    return client;
  };

  test('mysql2: text, several statements, prepared; the connection stays usable', async () => {
    const client = await one();
    await expect(client.query('select * from pay')).rejects.toMatchObject({ ...DENIED, message: TOLD });
    await expect(client.query('insert into log values (1, 2); delete from pay; select 1')).rejects.toMatchObject(
      DENIED,
    );
    await expect(client.execute('delete from pay where a = ?', [1])).rejects.toMatchObject(DENIED);
    const [rows] = await client.execute('select ? as one', [1]);
    expect(rows).toEqual([{ one: 1 }]);
    expect(await held()).toBe('1 in pay, - in log');
  });

  test('mysql2: a denial leaves a transaction as the server’s own refusals do: open, and what it did is there', async () => {
    const client = await one();
    await client.beginTransaction();
    await client.query('insert into log values (1, null)');
    await expect(client.query('delete from pay')).rejects.toMatchObject(DENIED);
    expect(await client.query('select @@in_transaction as inside').then(([rows]) => rows)).toEqual([{ inside: 1 }]);
    await client.query('insert into log values (2, null)');
    await client.commit();
    expect(await held()).toBe('1 in pay, 1,2 in log');
    const denied = plane.ended.find(({ verdict }) => verdict === 'denied');
    expect(denied).toMatchObject({ text: 'delete from pay', outcome: 'denied', code: '1142', policy: 'no pay' });
  });

  test('mariadb: pipelined, prepared and executed at once, in batches', async () => {
    const client = await mariadb.createConnection({
      host: '127.0.0.1',
      port: plane.port,
      user: 'root',
      database: 'shop',
    });
    open.push(client);
    const said = await Promise.allSettled([
      client.query('select 1 as one'),
      client.query('select * from pay'),
      client.query('select 2 as two'),
      client.query('delete from pay'),
      client.query('select 3 as three'),
    ]);
    expect(said.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'rejected', 'fulfilled']);
    expect((said[1] as PromiseRejectedResult).reason).toMatchObject({ ...DENIED, sqlMessage: TOLD });
    await expect(client.execute('select * from pay where a = ?', [1])).rejects.toMatchObject(DENIED);
    await client.execute('insert into log values (?, ?)', [7, 'x']);
    await client.batch('insert into log values (?, ?)', [
      [8, 'a'],
      [9, 'b'],
    ]);
    await expect(client.batch('insert into pay values (?)', [[5], [6]])).rejects.toMatchObject(DENIED);
    expect(await held()).toBe('1 in pay, 7,8,9 in log');
  });

  test('the command line: one error a denied statement, the others run', async () => {
    const script = 'select 1;\nselect * from pay;\ninsert into log values (1, null);\ntruncate pay;\nselect 2;\n';
    const ran = await mariadbCli({ port: plane.port, database: 'shop' }, script);
    expect(ran.stdout).toBe('1\n2\n');
    expect(
      ran.stderr.match(/ERROR 1142 \(42000\) at line \d+: hands off pay \(denied by policy "no pay"\)/g)?.length,
    ).toBe(2);
    expect(await held()).toBe('1 in pay, 1 in log');
  });

  test('sysbench: what is allowed runs as if nobody stood there', async () => {
    await sysbenchPrepare({ port: server.port, database: 'shop' }, 200);
    for (const mode of ['prepared', 'text'] as const) {
      const ran = await sysbench({ port: plane.port, database: 'shop' }, 'oltp_read_write', {
        events: 30,
        threads: 2,
        mode,
        tableSize: 200,
      });
      expect(ran).toMatchObject({ code: 0, transactions: 30 });
    }
    expect(plane.ended.filter(({ verdict }) => verdict === 'denied')).toEqual([]);
  });

  test('a statement that was prepared under older rules is judged by the newest', async () => {
    const client = await one();
    const statement = await client.prepare('insert into log values (?, null)');
    await statement.execute([1]);
    await plane.setPolicies(
      policySet([NO_PAY, { name: 'no log', action: 'deny', targets: ['log'], operations: ['insert'] }]),
    );
    await expect(statement.execute([2])).rejects.toMatchObject({ errno: 1142 });
    await plane.setPolicies(policySet([NO_PAY]));
    await statement.execute([3]);
    expect(await held()).toBe('1 in pay, 1,3 in log');
  });

  test('another user: denied, or the rules are those of the new one', async () => {
    const client = await one({ user: 'open' });
    await expect(
      client.changeUser({ user: 'native', password: 'not a secret', database: 'shop' }),
    ).rejects.toMatchObject({ errno: 1227 });
    await plane.setPolicies(
      policySet([
        { name: 'change', action: 'allow', operations: ['change_user'], targets: ['user=native'] },
        { name: 'read', action: 'allow', users: ['open'], operations: ['select'], targets: ['log'] },
      ]),
    );
    await client.query('select * from log');
    await client.changeUser({ user: 'native', password: 'not a secret', database: 'shop' });
    await expect(client.query('select * from log')).rejects.toMatchObject(DENIED);
  });

  for (const [what, limit, errors] of [
    ['rows', { rows: 10 }, 'too many rows'],
    ['bytes', { bytes: 2000 }, 'too many bytes'],
  ] as const)
    test(`a reply of more ${what} than a policy allows ends in an error, and the connection stays usable`, async () => {
      await plane.setPolicies(policySet([{ name: 'small', action: 'limit', limit }]));
      const big = 'select seq, repeat("x", 100) as b from seq_1_to_1000';
      const client = await one();
      await client.beginTransaction();
      for (const run of [() => client.query(big), () => client.execute(big), () => client.query(`${big}; select 1`)])
        await expect(run(), errors).rejects.toMatchObject({
          code: 'ER_USER_LIMIT_REACHED',
          errno: 1226,
          sqlState: '42000',
        });
      expect(await client.query('select @@in_transaction as i').then(([rows]) => rows)).toEqual([{ i: 1 }]);
      const [few] = await client.query<mysql2.RowDataPacket[]>('select seq from seq_1_to_10');
      expect(few).toHaveLength(10);
      const other = await mariadb.createConnection({
        host: '127.0.0.1',
        port: plane.port,
        user: 'root',
        database: 'shop',
      });
      open.push(other);
      await expect(other.query(big)).rejects.toMatchObject({ errno: 1226 });
      expect(await other.query('select 1 as one')).toEqual([{ one: 1 }]);
      await client.rollback();
      expect(
        plane.ended.filter(({ outcome }) => outcome === 'denied').map(({ code, policy }) => `${code} ${policy}`),
      ).toEqual(Array(4).fill('1226 small'));
    });

  test('a transaction that is left open for too long: the connection ends, with the reason', async () => {
    await plane.setPolicies(policySet([{ name: 'hurry', action: 'limit', limit: { idleInTransactionMs: 100 } }]));
    const client = await one();
    const failed = new Promise((resolve) => client.on('error', resolve));
    await client.beginTransaction();
    await client.query('insert into log values (5, null)');
    expect(await failed).toBeInstanceOf(Error);
    await poll('the server has rolled back', async () => (await held()) === '1 in pay, - in log');
  });

  test('a file of the client: not by default, and by an option as the policies say', async () => {
    const client = await one({ flags: ['LOCAL_FILES'] });
    await expect(
      client.query({
        sql: 'load data local infile "x" into table log',
        infileStreamFactory: () => Readable.from([Buffer.from('1\tx\n')]),
      } as mysql2.QueryOptions),
    ).rejects.toMatchObject({ errno: expect.any(Number) });
    const allowing = await startGatePlane({
      protocol: mysql,
      policies: policySet([NO_PAY]),
      upstream: { host: '127.0.0.1', port: server.port },
      options: { local_infile: 'allow' },
    });
    const other = await one({ port: allowing.port, flags: ['LOCAL_FILES'] });
    await other.query({
      sql: 'load data local infile "x" into table log',
      infileStreamFactory: () => Readable.from([Buffer.from('\u0003delete from pay\tx\n4\ty\n')]),
    } as mysql2.QueryOptions);
    await expect(
      other.query({
        sql: 'load data local infile "x" into table pay',
        infileStreamFactory: () => Readable.from([Buffer.from('5\n')]),
      } as mysql2.QueryOptions),
    ).rejects.toMatchObject(DENIED);
    expect(await held()).toBe('1 in pay, 0,4 in log');
    await other.end();
    open.pop();
    await allowing.stop();
  });

  test('shadow: nothing changes for the client, and it is told of what would have been denied', async () => {
    await plane.setPolicies(policySet([{ ...NO_PAY, mode: 'shadow' }]));
    const client = await one();
    expect(await client.query('select * from pay').then(([rows]) => rows)).toEqual([{ a: 1 }]);
    await plane.settled();
    expect(plane.ended.find(({ text }) => text === 'select * from pay')).toMatchObject({
      outcome: 'ok',
      verdict: '',
      shadowVerdict: 'denied',
      shadowPolicy: 'no pay',
    });
  });
});
