import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { Readable } from 'node:stream';
import mariadb, { type Connection, type ConnectionConfig, type UpsertResult } from 'mariadb';
import mysql, { type RowDataPacket } from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { which } from '../../scripts/debian-packages.mjs';
import { connectArgs, mariadbCli, runClient } from '../support/mysql-clients.ts';
import { sluiceBook, statsOf, Tally } from '../support/mysql-ledger.ts';
import { needs } from '../support/needs.ts';
import { poll } from '../support/poll.ts';
import { mariadbPrograms, PASSWORD, type RealMariadb, startRealMariadb } from '../support/real-mariadb.ts';
import { type RunningSluice, runSluice } from '../support/run-sluice.ts';

interface At {
  readonly port: number;
  /** Folder for files, empty at the start. */
  readonly folder: string;
}

/** Runs a client to its end and returns all that it saw. */
type Play = (at: At) => Promise<unknown>;

const target = (port: number) => ({ host: '127.0.0.1', port, user: 'root', database: 'shop' });

const mysql2 =
  (use: (db: mysql.Connection) => Promise<unknown>, options: mysql.ConnectionOptions = {}): Play =>
  async ({ port }) => {
    const db = await mysql.createConnection({ ...target(port), ...options });
    try {
      return await use(db);
    } finally {
      await db.end();
    }
  };

const connector =
  (use: (db: Connection, at: At) => Promise<unknown>, options: ConnectionConfig = {}): Play =>
  async (at) => {
    const db = await mariadb.createConnection({ ...target(at.port), ...options });
    try {
      return await use(db, at);
    } finally {
      await db.end();
    }
  };

const cli =
  (script: string, ...args: string[]): Play =>
  async ({ port, folder }) => {
    const { code, stdout, stderr } = await mariadbCli({ port, database: 'shop' }, script, args, { cwd: folder });
    return { code, stdout, stderr };
  };

/** What an error says to its client. */
const failure = async (running: Promise<unknown>): Promise<unknown> => {
  const error = await running.then(
    () => null,
    (reason: { errno?: number; sqlState?: string; sqlMessage?: string }) => reason,
  );
  return error && { errno: error.errno, sqlState: error.sqlState, sqlMessage: error.sqlMessage };
};

const EVERY = 'select * from every order by n';
const MIXED = 'select 1 as a; update goods set price = price where id = 1; select id from goods where id < 3';

/** Everything here is played twice, straight and through Sluice, and must look the same. */
const PLAYS: readonly (readonly [name: string, play: Play])[] = [
  ['mysql2: text of every type', mysql2(async (db) => (await db.query(EVERY))[0])],
  ['mysql2: binary of every type', mysql2(async (db) => (await db.execute(`${EVERY} limit ?`, ['10']))[0])],
  ['mysql2: several statements', mysql2(async (db) => (await db.query(MIXED))[0], { multipleStatements: true })],
  [
    'mysql2: errors of every kind, and the connection lives on',
    mysql2(async (db) => [
      await failure(db.query('selec')),
      await failure(db.query('insert into goods values (1, 2, 3)')),
      await failure(db.execute('select nope from goods where id = ?', [1])),
      await failure(db.query("signal sqlstate '45000' set message_text = 'no', mysql_errno = 5000")),
      (await db.query('select 1'))[0],
    ]),
  ],
  [
    'mysql2: procedures, text and prepared',
    mysql2(async (db) => [(await db.query('call sets(3)'))[0], (await db.execute('call sets(?)', [2]))[0]]),
  ],
  [
    'mysql2: COM_CHANGE_USER',
    mysql2(async (db) => {
      await db.changeUser({ user: 'native', password: PASSWORD, database: 'mysql' });
      return (await db.query('select current_user(), database()'))[0];
    }),
  ],
  [
    'mysql2: LOAD DATA LOCAL INFILE from a stream',
    mysql2(async (db) => {
      const sql = "load data local infile 'stream' into table loaded";
      const infileStreamFactory = () =>
        Readable.from(Array.from({ length: 50 }, (_, i) => Buffer.from(`${i}\n`.repeat(500))));
      const [loaded] = await db.query({ sql, infileStreamFactory } as mysql.QueryOptions);
      const [[count]] = (await db.query('select count(*), sum(n) from loaded')) as unknown as [[unknown]];
      await db.query('truncate loaded');
      return [(loaded as mysql.ResultSetHeader).affectedRows, count];
    }),
  ],
  [
    'mysql2: a quarter of a million rows, read with pauses',
    mysql2(async (db) => {
      const stream = (db as unknown as { connection: { query(sql: string): { stream(): Readable } } }).connection
        .query("select seq, repeat('x', seq % 50) as t from seq_1_to_250000")
        .stream();
      let [rows, sum, chars] = [0, 0, 0];
      for await (const row of stream) {
        rows++;
        sum += row.seq;
        chars += row.t.length;
      }
      return [rows, sum, chars];
    }),
  ],
  [
    'mysql2 with compress',
    mysql2(
      async (db) => [
        (await db.query(EVERY))[0],
        (await db.query(`select '${'compress me '.repeat(2000)}' as t`))[0],
        (await db.execute('select seq, ? as t from seq_1_to_2000', ['x'.repeat(50)]))[0],
        await failure(db.query('selec')),
      ],
      { compress: true },
    ),
  ],
  [
    'mariadb: pipelined text and executions',
    connector((db) =>
      Promise.all([
        db.query('select id from goods where id < 4'),
        failure(db.query('select nope')),
        db.execute('select id + ? as n from goods where id < ?', [1, 4]),
        db.execute('select id + ? as n from goods where id < ?', [2, 3]),
        db.query('select 1'),
      ]),
    ),
  ],
  ['mariadb: every type', connector(async (db) => [await db.query(EVERY), await db.execute(EVERY)])],
  [
    'mariadb: batch and RETURNING',
    connector(async (db) => {
      const rows = Array.from({ length: 1000 }, (_, i) => [10_000 + i, 'x'.repeat(i % 90), i]);
      const { affectedRows } = (await db.batch('insert into goods values (?, ?, ?)', rows)) as UpsertResult;
      const gone = await db.query('delete from goods where id >= 10000 returning id');
      return [affectedRows, gone];
    }),
  ],
  [
    'mariadb with compress, pipelined',
    connector(
      (db) => Promise.all([db.query('select 1'), db.query(`select '${'y'.repeat(50_000)}' as t`), db.execute(EVERY)]),
      { compress: true },
    ),
  ],
  [
    'mariadb: COM_CHANGE_USER by ed25519, COM_RESET_CONNECTION',
    connector(async (db) => {
      await db.changeUser({ user: 'ed25519', password: PASSWORD, database: 'mysql' });
      await db.query('set @a = 1');
      const before = await db.query('select current_user() as u, database() as d, @a as a');
      await db.reset();
      return [before, await db.query('select database() as d, @a as a')];
    }),
  ],
  [
    'mariadb: importFile',
    connector(async (db, { folder }) => {
      const file = path.join(folder, 'import.sql');
      await writeFile(file, 'create table imported (n int);\n-- note\ninsert into imported values (1), (2);\n');
      await db.importFile({ file });
      const rows = await db.query('select * from imported');
      await db.query('drop table imported');
      return rows;
    }),
  ],
  ['the command line', cli('select * from every;\nselec;\nuse mysql\nselect database();\ncall shop.sets(2);\n')],
  ['the command line, vertical, with column names', cli('select * from every\\G\n', '--column-names')],
  [
    'the command line with --compress',
    cli("select repeat('compress me ', 4000);\nselect seq from seq_1_to_3000;\nselec;\n", '--compress'),
  ],
  ['the command line with --ssl', cli('select 41 + 1;\nselec;\n', '--ssl')],
];

describe('nothing changes for clients: MariaDB', () => {
  let server: RealMariadb;
  let sluice: RunningSluice;
  let folder: string;

  beforeAll(async () => {
    if (mariadbPrograms() === null || which('openssl') === null) return; // each test says so
    server = await startRealMariadb({ tls: true, settings: { 'log-bin': 'bin', 'server-id': 1 } });
    sluice = await runSluice({ upstreams: [`mysql://127.0.0.1:${server.port}`], concurrency: 1 });
    folder = await mkdtemp(path.join(tmpdir(), 'sluice-mysql-'));
    const admin = await mysql.createConnection(target(server.port));
    for (const statement of [
      'create table goods (id int primary key, name varchar(100), price int)',
      "insert into goods select seq, concat('thing ', seq), seq from seq_1_to_5",
      'create table loaded (n int)',
      'create table big (id int primary key, data longblob)',
      `create table every (n int, t tinyint, s smallint unsigned, m mediumint, b bigint unsigned, d decimal(20, 5), f float,
        g double, c char(5), v varchar(300), x blob, at datetime(6), day date, since time(3), stamp timestamp null, y year,
        bits bit(9), e enum('a', 'b'), z set('p', 'q'), j json)`,
      `insert into every values (1, -128, 65535, -8388608, 18446744073709551615, -12345.67890, 1.5, -2.25e100, 'é', repeat('v', 300),
        x'00fffe', '2026-01-02 03:04:05.678901', '2026-01-02', '-838:59:59.5', '2026-01-02 03:04:05', 2026, b'101010101', 'b', 'p,q',
        '{"a": 1}')`,
      'insert into every (n) values (2), (3)',
      `create procedure sets(n int) begin select id from goods where id <= n; update goods set price = 3 where id = n;
        select count(*) as many from goods; end`,
    ])
      await admin.query(statement);
    await admin.end();
  });
  beforeEach((ctx) => {
    needs(ctx, 'mariadb');
    needs(ctx, 'openssl');
  });
  afterAll(async () => {
    await sluice?.stop('SIGTERM', 3000);
    await server?.stop();
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
  });

  test.each(PLAYS)('%s', async (_, play) => {
    const straight = await play({ port: server.port, folder });
    const through = await play({ port: sluice.port, folder });
    expect(through).toEqual(straight);
  });

  test('no session of those was lost to the decoder, and the compressed ones were read', async () => {
    const files = Array.from({ length: 50 }, (_, i) => `${i}\n`.length * 500).reduce((total, n) => total + n);
    await poll('Sluice has counted all of it', async () => {
      const stats = await statsOf(sluice);
      const sum = (pattern: RegExp) =>
        [...stats].filter(([name]) => pattern.test(name)).reduce((total, [, n]) => total + n, 0);
      expect({
        sessions: sum(/^mysql\..*\.sessions$/),
        unreadable: sum(/^mysql\..*\.(decoder_errors|protocol_errors)$/),
        encrypted: sum(/^mysql\..*\.upgraded_to_ssl$/),
        compressed: sum(/^sluice\.mysql\..*\.compressed_zlib$/),
        files: sum(/^sluice\.mysql\..*\.local_infile_bytes$/),
      }).toEqual({ sessions: PLAYS.length, unreadable: 0, encrypted: 1, compressed: 3, files });
      const { tally } = await sluiceBook(sluice, 'shop', 0);
      const of = (text: string) => [...tally.counts.values()].find((count) => count.text.includes(text));
      expect(of('seq_1_to_250000')).toMatchObject({ calls: 1, rows: 250_000 });
      // Only asked for by compressed sessions.
      expect(of('seq_1_to_2000')).toMatchObject({ calls: 1, rows: 2000 });
      expect(of('seq_1_to_3000')).toMatchObject({ calls: 1, rows: 3000 });
      return true;
    });
  });

  const MEGABYTE = 1024 * 1024;
  let databases = 0;

  /** A connection through Sluice, in a database of its own with the table `big`. */
  async function inFreshDatabase(): Promise<{ db: Connection; database: string }> {
    const database = `big_${++databases}`;
    const setup = await mysql.createConnection(target(server.port));
    await setup.query(`create database ${database}`);
    await setup.query(`create table ${database}.big (id int primary key, data longblob)`);
    await setup.end();
    const options = { ...target(sluice.port), database, maxAllowedPacket: 64 * MEGABYTE };
    return { db: await mariadb.createConnection(options), database };
  }

  // Packets go on at 16 MiB - 1 bytes of payload: below, above, and above twice that.
  test.each([16 * MEGABYTE - 64, 17 * MEGABYTE, 33 * MEGABYTE])(
    'a parameter, a row and a text of %i bytes',
    async (size) => {
      const data = Buffer.alloc(size, 'sluice');
      const { db, database } = await inFreshDatabase();
      const INSERT = 'insert into big values (?, ?)';
      await db.execute(INSERT, [1, data]);
      expect((await db.query('select length(data) as n from big'))[0].n).toBe(size);
      const [row] = await db.query('select id, data from big');
      expect(data.equals(row.data)).toBe(true);
      await db.query(`insert into big values (2, '${'t'.repeat(size)}')`);
      await db.query('delete from big');
      await db.end();
      const want = new Tally();
      want.add(INSERT, { affected: 1 });
      want.add('select length(data) as n from big', { rows: 1 });
      want.add('select id, data from big', { rows: 1 });
      want.add('delete from big', { affected: 2 });
      const seen = await sluiceBook(sluice, database, want.calls + 1);
      // The large text is cut for its digest, which therefore is another.
      const [large] = seen.rows.filter(({ digest }) => !want.counts.has(digest));
      expect(large).toMatchObject({ calls: 1, operation: 'INSERT', rows_affected: 1 });
      seen.tally.counts.delete(large!.digest);
      expect(seen.tally.lines()).toEqual(want.lines());
    },
  );

  test('packets whose payload is exactly at the limit: an empty packet follows', async () => {
    const { db, database } = await inFreshDatabase();
    for (const payload of [0xfffffe, 0xffffff, 0x1000000]) {
      const [head, tail] = ["\x03select length('", "') as n"];
      const size = payload - head.length - tail.length;
      expect(await db.query(`select length('${'l'.repeat(size)}') as n`)).toMatchObject([{ n: size }]);
      // A row of that payload: its column is prefixed by 4 bytes of length.
      const [row] = await db.query(`select repeat('r', ${payload - 4}) as t`);
      expect(row.t.length).toBe(payload - 4);
    }
    await db.end();
    const { tally } = await sluiceBook(sluice, database, 6);
    expect(tally).toMatchObject({ calls: 6, rows: 6 });
  });

  test('TLS goes through unread: it works, the session is opaque, and nothing more is claimed', async () => {
    const db = await mysql.createConnection({
      ...target(sluice.port),
      ssl: { ca: server.certificate, rejectUnauthorized: true, verifyIdentity: false },
    });
    const [[cipher]] = (await db.query("show status like 'Ssl_cipher'")) as unknown as [[{ Value: string }]];
    expect(cipher.Value).toMatch(/^TLS/);
    await poll('it is opaque', async () => {
      const { connections } = await sluice.getJson<{ connections: unknown[] }>('/api/connections');
      expect(connections).toMatchObject([{ state: 'opaque:encrypted', user: '' }]);
      return true;
    });
    await db.end();
  });

  test('a replica follows through Sluice: its session is told as replication, its stream is no slow query', async () => {
    const follower = await startRealMariadb({ settings: { 'server-id': 2 } });
    try {
      const there = await mysql.createConnection(target(server.port));
      const here = await mysql.createConnection(target(follower.port));
      await there.query('reset master');
      await here.query(
        `change master to master_host = '127.0.0.1', master_port = ${sluice.port}, master_user = 'native',
         master_password = '${PASSWORD}', master_use_gtid = slave_pos`,
      );
      await here.query('start slave');
      await there.query('create table followed (n int primary key)');
      await there.query('insert into followed select seq from seq_1_to_1000');
      await poll('the replica has it', async () => {
        const [rows] = await here.query<RowDataPacket[]>('select count(*) as n from followed');
        return rows[0]!['n'] === 1000;
      });
      await poll('its session is a replica', async () => {
        const stats = await statsOf(sluice);
        const counts = [...stats].filter(([name]) => /^sluice\.mysql\..*\.replication_sessions$/.test(name));
        expect(counts.map(([, n]) => n)).toEqual([1]);
        return true;
      });
      await here.query('stop slave');
      interface Row {
        readonly text: string;
        readonly calls: number;
        readonly time: { readonly max_s: number };
      }
      const dump = await poll('the dump has ended', async () => {
        // That nobody listens any more shows when there is an event to send.
        await there.query('insert into followed select max(n) + 1 from followed');
        const { queries } = await sluice.getJson<{ queries: Row[] }>('/api/queries?limit=10000&user=native');
        return queries.find(({ text, calls }) => text.startsWith('binlog dump') && calls > 0);
      });
      expect(dump).toMatchObject({ calls: 1, time: { max_s: 0 } });
      await Promise.all([there.end(), here.end()]);
    } finally {
      await follower.stop();
    }
  });

  test('mariadb-binlog and mysqldump read the same', async () => {
    const read = async (port: number) => {
      const log = await runClient('mariadb-binlog', [...connectArgs({ port }), '-R', '--to-last-log', 'bin.000001']);
      const dump = await runClient('mysqldump', [
        ...connectArgs({ port }),
        '--skip-dump-date',
        'shop',
        'goods',
        'every',
      ]);
      return { log, dump };
    };
    const straight = await read(server.port);
    expect(straight).toMatchObject({
      log: { code: 0, stdout: expect.stringContaining('followed') },
      dump: { code: 0 },
    });
    expect(await read(sluice.port)).toEqual(straight);
  });
});
