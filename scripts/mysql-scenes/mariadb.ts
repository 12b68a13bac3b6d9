import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { finished } from 'node:stream/promises';
import mariadb, { type Connection, type ConnectionConfig } from 'mariadb';
import { PASSWORD } from '../../test/support/real-mariadb.ts';
import type { Scene } from '../record-scenes.ts';
import { fails } from './fails.ts';

/** The npm package mariadb (the connector). */

const client =
  (use: (connection: Connection) => Promise<unknown>, options: ConnectionConfig = {}) =>
  async (port: number): Promise<void> => {
    const connection = await mariadb.createConnection({
      host: '127.0.0.1',
      port,
      user: 'root',
      database: 'shop',
      ...options,
    });
    connection.on('error', () => {});
    await use(connection);
    await connection.end();
  };

const people = (least: number, count: number): unknown[][] =>
  Array.from({ length: count }, (_, i) => [least + i, `thing ${i}`, i % 3 === 0 ? null : i]);

export const MARIADB_SCENES: readonly Scene[] = [
  {
    name: 'mariadb-query',
    title:
      'mariadb: text queries, one after the other and pipelined, errors in the middle of a pipeline, connection attributes',
    play: client(
      async (db) => {
        await db.query('select id, name from goods where id < ?', [3]);
        await Promise.allSettled([
          db.query('select 1 as a'),
          db.query('update goods set price = 3 where id = 3'),
          db.query('select nope'),
          db.query('select id from goods where id in (1, 2)'),
          db.ping(),
        ]);
        await fails(db.query('selec'));
      },
      { connectAttributes: { program_name: 'checkout' } },
    ),
  },
  {
    name: 'mariadb-execute',
    title:
      'mariadb: prepared statements, prepared and executed without waiting (id -1), run again, an error at prepare, close',
    play: client(async (db) => {
      await db.execute('select name from goods where id = ?', [1]);
      await db.execute('select name from goods where id = ?', [2]);
      await Promise.all([1, 2, 3].map((id) => db.execute('select price from goods where id = ?', [id])));
      await fails(db.execute('select nope from goods where id = ?', [1]));
      const statement = await db.prepare('select * from every where n = ?');
      await statement.execute([1]);
      await statement.execute([2]);
      statement.close();
      await db.execute('insert into goods values (?, ?, ?)', [90, 'shoe', null]);
      await fails(db.execute('insert into goods values (?, ?, ?)', [90, 'shoe', null]));
      await db.execute('delete from goods where id = ?', [90]);
    }),
  },
  {
    name: 'mariadb-batch',
    title: 'mariadb: batch, which is COM_STMT_BULK_EXECUTE: inserts, updates, a double key',
    play: client(async (db) => {
      await db.batch('insert into goods values (?, ?, ?)', people(400, 20));
      await db.batch('update goods set price = ? where id = ?', [
        [1, 400],
        [2, 401],
        [3, 999],
      ]);
      await fails(db.batch('insert into goods values (?, ?, ?)', people(418, 4)));
      await db.batch('insert into goods values (?, ?, ?)', people(430, 3));
      await db.query('delete from goods where id >= 400');
    }),
  },
  {
    name: 'mariadb-batch-plain',
    title: 'mariadb with bulk off: batch is a pipeline of COM_STMT_EXECUTE',
    play: client(
      async (db) => {
        await db.batch('insert into goods values (?, ?, ?)', people(500, 5));
        await db.query('delete from goods where id >= 500');
      },
      { bulk: false },
    ),
  },
  {
    name: 'mariadb-import-file',
    title: 'mariadb: importFile',
    play: client(async (db) => {
      const folder = await mkdtemp(path.join(tmpdir(), 'sluice-record-'));
      try {
        const file = path.join(folder, 'import.sql');
        await writeFile(
          file,
          'create table imported (n int);\ninsert into imported values (1), (2);\n-- a comment\ndrop table imported;\n',
        );
        await db.importFile({ file });
      } finally {
        await rm(folder, { recursive: true, force: true });
      }
    }),
  },
  {
    name: 'mariadb-compress',
    title: 'mariadb with compress: short and long, pipelined, prepared',
    play: client(
      async (db) => {
        await Promise.all([
          db.query('select 1'),
          db.query(`select '${'compress me '.repeat(300)}'`),
          db.query('select 2'),
        ]);
        await db.execute('select seq, ? from seq_1_to_200', ['x'.repeat(30)]);
        await fails(db.query('selec'));
      },
      { compress: true },
    ),
  },
  {
    name: 'mariadb-change-user',
    title: 'mariadb: COM_CHANGE_USER to one who logs in by ed25519 (auth switch inside), then a reset, then back',
    play: client(async (db) => {
      await db.changeUser({ user: 'ed25519', password: PASSWORD, database: 'mysql' });
      await db.query('select current_user(), database()');
      await db.reset();
      await db.query('select 2');
      await db.changeUser({ user: 'open', password: '', database: 'shop' });
      await db.query('select current_user(), database()');
    }),
  },
  {
    name: 'mariadb-ed25519',
    title: 'mariadb: login by client_ed25519 after a switch',
    play: client((db) => db.query('select current_user()'), { user: 'ed25519', password: PASSWORD }),
  },
  {
    name: 'mariadb-session-track',
    title:
      'mariadb: the server tells of every change of the session: database, variables, transaction state, by OK and by EOF',
    play: client(async (db) => {
      await db.query(
        "set session_track_schema = 1, session_track_state_change = 1, session_track_system_variables = '*'",
      );
      await db.query("set session_track_transaction_info = 'CHARACTERISTICS'");
      await db.query('use mysql');
      await db.query('select database()');
      await db.query('use shop');
      await db.query("set sql_mode = 'ANSI_QUOTES'");
      await db.query('select "id" from goods where id = 1');
      await db.query("set sql_mode = default, character_set_client = 'latin1'");
      await db.beginTransaction();
      await db.query('select 1 from goods limit 1');
      await db.query('update goods set price = 1 where id = 1');
      await db.commit();
    }),
  },
  {
    name: 'mariadb-stream',
    title: 'mariadb: a streamed result, and a large one that shares its metadata with the run before (cached metadata)',
    play: client(async (db) => {
      const stream = db.queryStream('select seq, seq * 2 from seq_1_to_60');
      stream.resume();
      await finished(stream);
      for (let i = 0; i < 3; i++) await db.execute('select seq, ? from seq_1_to_12', [i]);
      await db.query('create table changes (a int); insert into changes values (1)').catch(() => {});
      await db.query('create table changes (a int)');
      await db.query('insert into changes values (1)');
      const statement = await db.prepare('select * from changes');
      await statement.execute();
      await statement.execute();
      await db.query('alter table changes add b int');
      await statement.execute();
      statement.close();
      await db.query('drop table changes');
    }),
  },
  {
    name: 'mariadb-returning',
    title: 'mariadb: INSERT and DELETE with RETURNING, by text, prepared and in bulk',
    play: client(async (db) => {
      await db.query("insert into goods values (600, 'a', 1), (601, 'b', 2) returning id");
      await db.execute('insert into goods values (?, ?, ?) returning id, name', [602, 'c', 3]);
      await db.batch('insert into goods values (?, ?, ?) returning id', people(603, 3));
      await db.query('delete from goods where id >= 600 returning id');
    }),
  },
];
