import { Readable } from 'node:stream';
import mysql from 'mysql2/promise';
import { poll } from '../../test/support/poll.ts';
import { PASSWORD } from '../../test/support/real-mariadb.ts';
import type { Scene } from '../record-scenes.ts';
import { fails } from './fails.ts';

/** The npm package mysql2. */

const client =
  (use: (connection: mysql.Connection) => Promise<unknown>, options: mysql.ConnectionOptions = {}) =>
  async (port: number): Promise<void> => {
    const connection = await mysql.createConnection({
      host: '127.0.0.1',
      port,
      user: 'root',
      database: 'shop',
      ...options,
    });
    connection.on('error', () => {});
    await use(connection);
    await connection.end().catch(() => {}); // a scene may have had it killed
  };

export const MYSQL2_SCENES: readonly Scene[] = [
  {
    name: 'mysql2-query',
    title: 'mysql2: text queries, values that it writes into the text itself, ping, errors, connection attributes',
    play: client(
      async (db) => {
        await db.query('select id, name, price from goods where id < ? order by id', [4]);
        await db.ping();
        await db.query('insert into goods values (?, ?, ?)', [80, 'it\'s "quoted" \\ so', null]);
        await db.query('delete from goods where id = 80');
        await fails(db.query('select * from missing'));
        await fails(db.query('insert into goods values (1, ?, 1)', ['again']));
        await db.query("select 'x' /*traceparent='00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'*/");
      },
      { connectAttributes: { program_name: 'checkout', purpose: 'record' } },
    ),
  },
  {
    name: 'mysql2-execute',
    title: 'mysql2: prepared statements run again, of every type, with NULL; errors at prepare and at execute; close',
    play: client(async (db) => {
      for (const id of [1, 2, 3]) await db.execute('select name from goods where id = ?', [id]);
      await db.execute('select ? as a, ? as b, ? as c, ? as d, ? as e', [
        1,
        'two',
        null,
        new Date(0),
        Buffer.from('five'),
      ]);
      await db.execute('insert into goods values (?, ?, ?)', [81, 'bag', 9]);
      await db.execute('update goods set price = price + ? where id >= ?', [1, 80]);
      await fails(db.execute('insert into goods values (?, ?, ?)', [81, 'bag', 9]));
      await fails(db.execute('select nope from goods where id = ?', [1]));
      await db.execute('delete from goods where id = ?', [81]);
      await db.execute('do 1');
      db.unprepare('select name from goods where id = ?');
      await db.execute('select name from goods where id = ?', [4]);
      const statement = await db.prepare('select * from every where n = ?');
      await statement.execute([1]);
      await statement.execute([2]);
      await statement.close();
    }),
  },
  {
    name: 'mysql2-multi',
    title: 'mysql2 with multipleStatements: results and changes mixed, an error in the middle, an empty statement',
    play: client(
      async (db) => {
        await db.query('select 1 as a; update goods set price = 1 where id = 1; select id from goods where id < 3');
        await fails(db.query('update goods set price = 2 where id = 1; select nope; select 3'));
        await db.query("set @a = 1; begin; insert into goods values (82, 'x;y', 1); rollback;");
      },
      { multipleStatements: true },
    ),
  },
  {
    name: 'mysql2-transaction',
    title: 'mysql2: a committed transaction, a rolled back one, an error and a prepared statement inside',
    play: client(async (db) => {
      await db.beginTransaction();
      await db.query('update goods set price = 7 where id = 2');
      await db.execute('select price from goods where id = ? for update', [2]);
      await db.commit();
      await db.beginTransaction();
      await fails(db.query("insert into goods values (2, 'again', 1)"));
      await db.execute('delete from goods where id = ?', [2]);
      await db.rollback();
    }),
  },
  {
    name: 'mysql2-change-user',
    title:
      'mysql2: COM_CHANGE_USER to another user and database, a prepared statement before and after, COM_RESET_CONNECTION',
    play: client(async (db) => {
      await db.execute('select ?', [1]);
      await db.changeUser({ user: 'native', password: PASSWORD, database: 'mysql' });
      await db.query('select current_user(), database()');
      await db.reset();
      await db.query('select 2');
    }),
  },
  {
    name: 'mysql2-change-user-refused',
    title: 'mysql2: COM_CHANGE_USER with a wrong password',
    play: client(async (db) => {
      await db.query('select 1');
      await fails(db.changeUser({ user: 'native', password: 'wrong', database: 'mysql' }));
    }),
  },
  {
    name: 'mysql2-compress',
    title: 'mysql2 with compress: short and long, text and prepared, an error',
    play: client(
      async (db) => {
        await db.query('select 1');
        await db.query(`select '${'compress me '.repeat(300)}'`);
        await db.execute('select seq, ? from seq_1_to_200', ['x'.repeat(30)]);
        await fails(db.query('selec'));
      },
      { compress: true },
    ),
  },
  {
    name: 'mysql2-large',
    title: 'mysql2: a large result, a large statement, a row with more columns than a byte counts',
    play: client(async (db) => {
      await db.query("select seq, repeat('x', 8) from seq_1_to_300");
      await db.query(`select ${Array.from({ length: 300 }, (_, n) => n).join(', ')}`);
      await db.query(`select count(*) from goods where id in (${Array.from({ length: 900 }, (_, n) => n).join(', ')})`);
    }),
  },
  {
    name: 'mysql2-procedures',
    title: 'mysql2: procedures with several result sets, by text and prepared, with an OUT parameter',
    play: client(async (db) => {
      await db.query(`create procedure both_ways(in n int, out many int)
begin
  select id from goods where id <= n;
  select count(*) into many from goods;
  select n + 1 as next;
end`);
      await db.query('call both_ways(2, @many)');
      await db.query('select @many');
      await db.execute('call both_ways(?, @many)', [3]);
      await db.query('drop procedure both_ways');
    }),
  },
  {
    name: 'mysql2-local-infile',
    title: 'mysql2: LOAD DATA LOCAL INFILE from a stream in several packets, whose bytes look like commands',
    play: client(async (db) => {
      const rows = ['\x03\x00\x00\x00\x01', '\x0e\x00\x00\x00\x03select 1', '300\tone\t1'].map((row) =>
        Buffer.from(`${row}\n`),
      );
      await db.query({
        sql: "load data local infile 'stream' ignore into table goods",
        infileStreamFactory: () => Readable.from(rows),
      } as mysql.QueryOptions);
      await db.query('delete from goods where id >= 300 or id <= 0');
    }),
  },
  {
    name: 'mysql2-kill-query',
    title: 'mysql2: a query that another connection kills',
    session: 0,
    play: killed('kill query'),
  },
  {
    name: 'mysql2-kill',
    title: 'mysql2: a connection that another connection kills, in the middle of a query',
    session: 0,
    play: killed('kill connection'),
  },
];

function killed(verb: string): (port: number) => Promise<void> {
  return (port) =>
    client(async (db) => {
      await db.query('select 1');
      const running = fails(db.query('select sleep(60), id from goods'));
      const other = await mysql.createConnection({ host: '127.0.0.1', port, user: 'root' });
      await poll('sleep runs', async () => {
        const [rows] = await other.query(
          "select 1 from information_schema.processlist where info like 'select sleep(60)%'",
        );
        return (rows as unknown[]).length > 0;
      });
      await other.query(`${verb} ${db.threadId}`);
      await running;
      await other.end();
      if (verb === 'kill query') await db.query('select 2');
    })(port);
}
