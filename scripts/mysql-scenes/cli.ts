import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import mysql from 'mysql2/promise';
import { connectArgs, mariadbCli, runClient, sysbench } from '../../test/support/mysql-clients.ts';
import { poll } from '../../test/support/poll.ts';
import { PASSWORD, startRealMariadb } from '../../test/support/real-mariadb.ts';
import type { Scene } from '../record-scenes.ts';

/** Programs of mariadb-client, and sysbench. */

const database = 'shop';
/** A transaction of sysbench that one can read. */
const SHORT = ['--range-size=2', '--point-selects=2'];

/** A script on the command line's stdin; its exit code is not asked: scenes have errors in them. */
const cli =
  (script: string, args: readonly string[] = [], user = 'root', password?: string) =>
  async (port: number): Promise<void> => {
    await mariadbCli({ port, user, database, ...(password !== undefined && { password }) }, script, args);
  };

/** With files of the given names in the client's folder. */
const withFiles =
  (files: Readonly<Record<string, string>>, script: string, args: readonly string[] = []) =>
  async (port: number): Promise<void> => {
    const cwd = await mkdtemp(path.join(tmpdir(), 'sluice-record-'));
    try {
      for (const [name, text] of Object.entries(files)) await writeFile(path.join(cwd, name), text);
      await mariadbCli({ port, database }, script, args, { cwd });
    } finally {
      await rm(cwd, { recursive: true, force: true });
    }
  };

const program =
  (name: string, ...args: readonly string[]) =>
  async (port: number): Promise<void> => {
    const ran = await runClient(name, [...connectArgs({ port }), ...args]);
    if (ran.code !== 0) throw new Error(`${name}: ${ran.stderr}`);
  };

export const CLI_SCENES: readonly Scene[] = [
  {
    name: 'cli-simple',
    title: 'mariadb: queries, changes, a warning, errors, a result without rows, several statements in one message',
    play: cli(`select id, name from goods order by id;
update goods set price = price + 1 where id < 3;
update goods set price = price where id < 3;
insert into goods values (50, 'hat', 3), (51, 'cap', 4);
delete from goods where id >= 50;
select * from goods where id = 99;
select cast('x' as int);
selec;
select nope from goods;
insert into goods values (1, 'again', 1);
delimiter //
select 1; update goods set price = 2 where id = 1; select id from goods where id < 3 //
select 1; select nope; select 2 //
`),
  },
  {
    name: 'cli-transaction',
    title: 'mariadb: transactions, a savepoint, an error and DDL inside one, autocommit off, a read only transaction',
    play: cli(`begin;
insert into goods values (60, 'glove', 5);
savepoint a;
insert into goods values (60, 'glove', 5);
rollback to savepoint a;
commit;
start transaction read only;
select count(*) from goods;
update goods set price = 1;
rollback;
begin;
delete from goods where id = 60;
create table other (n int);
drop table other;
set autocommit = 0;
select 1 from goods limit 1;
update goods set price = price;
commit;
set autocommit = 1;
select 1;
`),
  },
  {
    name: 'cli-use',
    title:
      'mariadb: databases by login, USE (the client sends COM_INIT_DB), USE in a procedure, a database that is not there',
    play: cli(`select database();
use mysql
select count(*) > 0 from user;
use nowhere
select database();
use shop
select database();
`),
  },
  {
    name: 'cli-procedures',
    title:
      'mariadb: source with a procedure, CALL with several result sets, one that fails after its first, a function',
    play: withFiles(
      {
        'make.sql': `delimiter //
create procedure two(in least int)
begin
  select id from goods where id >= least order by id;
  update goods set price = price + 1 where id = least;
  select count(*) as n from goods;
end //
create procedure breaks()
begin
  select 1;
  signal sqlstate '45000' set message_text = 'no';
end //
create function twice(n int) returns int deterministic return n * 2 //
delimiter ;
`,
      },
      `source make.sql
call two(3);
call breaks();
select twice(21);
call missing();
drop procedure two;
drop procedure breaks;
drop function twice;
`,
    ),
  },
  {
    name: 'cli-local-infile',
    title:
      'mariadb: LOAD DATA LOCAL INFILE: a file, one with doubles and bad values, an empty one, one that is not there',
    play: withFiles(
      {
        'goods.csv': Array.from({ length: 20 }, (_, i) => `${100 + i},thing ${i},1\n`).join(''),
        'bad.csv': '100,double,1\n200,much,many\n201,few\n',
        'empty.csv': '',
      },
      `load data local infile 'goods.csv' into table goods fields terminated by ',';
load data local infile 'bad.csv' into table goods fields terminated by ',';
load data local infile 'empty.csv' into table goods fields terminated by ',';
load data local infile 'missing.csv' into table goods fields terminated by ',';
load data local infile 'goods.csv' into table nowhere;
select count(*) from goods where id >= 100;
delete from goods where id >= 100;
`,
      ['--local-infile=1'],
    ),
  },
  {
    name: 'cli-compress',
    title: 'mariadb --compress: short packets stored, long ones deflated, an error, a result over many frames',
    play: cli(
      `select 1;
select repeat('compress me ', 400);
select seq, repeat('x', 40) from seq_1_to_300;
selec;
insert into goods values (70, repeat('long ', 10), 1);
delete from goods where id = 70;
`,
      ['--compress'],
    ),
  },
  {
    name: 'cli-prepare',
    title:
      'mariadb: SQL PREPARE, EXECUTE, DEALLOCATE, EXECUTE IMMEDIATE, SET STATEMENT, HANDLER, and comments that are code',
    play: cli(`prepare p from 'select name from goods where id = ?';
set @id = 2;
execute p using @id;
execute p using @id;
deallocate prepare p;
execute p using @id;
execute immediate 'select ? + 1' using 41;
set statement max_statement_time = 5 for select count(*) from goods;
handler goods open;
handler goods read first limit 2;
handler goods close;
select /*! 1 + */ 1 /* not this */;
select /*M!100000 'new' , */ 'both';
explain select * from goods where id = 1;
show tables;
set sql_mode = 'ANSI_QUOTES';
select "id" from goods where id = 1;
`),
  },
  {
    name: 'cli-native',
    title: 'mariadb: login by mysql_native_password',
    play: cli('select current_user();', [], 'native', PASSWORD),
  },
  {
    name: 'cli-ed25519',
    title: 'mariadb: the client offers mysql_native_password, the server switches to client_ed25519',
    play: cli('select current_user();', [], 'ed25519', PASSWORD),
  },
  {
    name: 'cli-old-password',
    title: 'mariadb: the server switches to mysql_old_password',
    play: cli('select current_user();', ['--skip-secure-auth'], 'old', PASSWORD),
  },
  { name: 'cli-refused', title: 'mariadb: a wrong password', play: cli('select 1;', [], 'native', 'wrong') },
  {
    name: 'cli-unknown-database',
    title: 'mariadb: a login into a database that is not there',
    play: async (port) => void (await mariadbCli({ port, user: 'open', database: 'nowhere' }, 'select 1;')),
  },
  {
    name: 'cli-ssl',
    title: 'mariadb --ssl: SSLRequest, then ciphertext',
    play: cli('select 1;', ['--ssl']),
  },
  {
    name: 'mysqladmin',
    title: 'mysqladmin: COM_PING, COM_STATISTICS, SHOW PROCESSLIST, COM_DEBUG, refreshes, a KILL of nobody',
    play: async (port) => {
      await runClient('mysqladmin', [
        ...connectArgs({ port }),
        '--force',
        ...['ping', 'status', 'processlist', 'debug', 'refresh', 'flush-tables', 'version', 'kill', '99999'],
      ]);
    },
  },
  {
    name: 'binlog',
    title: 'mariadb-binlog --read-from-remote-server: COM_BINLOG_DUMP, whose reply ends with the log',
    play: program('mariadb-binlog', '--read-from-remote-server', '--to-last-log', 'bin.000001'),
  },
  {
    name: 'replica',
    title: 'another MariaDB as a replica: what it asks first, COM_REGISTER_SLAVE, COM_BINLOG_DUMP, events, its end',
    play: replica,
  },
  {
    name: 'dump',
    title: 'mysqldump --single-transaction of one table',
    play: program('mysqldump', '--single-transaction', '--skip-dump-date', 'shop', 'goods'),
  },
  {
    name: 'sysbench-prepared',
    title: 'sysbench oltp_read_write, prepared statements, one transaction',
    play: async (port) =>
      void (await sysbench({ port, database }, 'oltp_read_write', { events: 1, tableSize: 100, args: SHORT })),
  },
  {
    name: 'sysbench-text',
    title: 'sysbench oltp_read_only, text protocol, one transaction',
    play: async (port) =>
      void (await sysbench({ port, database }, 'oltp_read_only', {
        events: 1,
        tableSize: 100,
        mode: 'text',
        args: SHORT,
      })),
  },
];

/** A second server follows the first until it has one change. Its first connection only asks; the dump is on the other. */
async function replica(port: number): Promise<void> {
  const follower = await startRealMariadb({ settings: { 'server-id': 2 } });
  try {
    const db = await mysql.createConnection({ host: '127.0.0.1', port: follower.port, user: 'root' });
    await mariadbCli({ port }, 'create or replace table shop.followed (n int)');
    await db.query(
      `change master to master_host = '127.0.0.1', master_port = ${port}, master_user = 'native', master_password = '${PASSWORD}',
       master_use_gtid = slave_pos`,
    );
    await db.query('start slave');
    await poll('it follows', async () => {
      const [[status]] = (await db.query('show slave status')) as unknown as [Record<string, string>[]];
      if (status?.['Last_IO_Error'] || status?.['Last_SQL_Error']) throw new Error(JSON.stringify(status));
      return status?.['Slave_IO_Running'] === 'Yes';
    });
    await db.query('stop slave');
    await db.end();
  } finally {
    await follower.stop();
  }
}
