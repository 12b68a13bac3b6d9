import { mkdir } from 'node:fs/promises';
import mysql from 'mysql2/promise';
import { protocolFilters } from '../protocol-filters/registry.ts';
import { sysbenchPrepare } from '../test/support/mysql-clients.ts';
import { startRealMariadb } from '../test/support/real-mariadb.ts';
import { CLI_SCENES } from './mysql-scenes/cli.ts';
import { recordGoMysql } from './mysql-scenes/go-mysql.ts';
import { MARIADB_SCENES } from './mysql-scenes/mariadb.ts';
import { MYSQL2_SCENES } from './mysql-scenes/mysql2.ts';
import { direct, RAW_SCENES } from './mysql-scenes/raw.ts';
import { recordScene, retell } from './record-scenes.ts';

/**
 * Records real sessions of real clients with Debian's MariaDB, and with go-mysql what MariaDB does not have, into
 * protocol-filters/mysql/fixtures. The users' passwords are the test servers' own. `SCENES=mysql2-query,raw-cursor` records these only.
 */
const SCHEMA = [
  'create table goods (id int primary key, name varchar(100), price int)',
  "insert into goods select seq, concat('thing ', seq), seq from seq_1_to_5",
  `create table every (n int, t tinyint, d decimal(10, 2), f double, s varchar(20), b blob, at datetime(6), day date,
    since time, y year, bits bit(9), e enum('a', 'b'))`,
  "insert into every values (1, -1, 1.50, 2.5, 'x', 'y', '2026-01-02 03:04:05.678', '2026-01-02', '-12:00:00', 2026, b'101', 'a')",
  'insert into every (n) values (2)',
];

export async function record(): Promise<void> {
  const server = await startRealMariadb({
    tls: true,
    settings: { 'log-bin': 'bin', 'server-id': 1 },
  });
  direct.port = server.port;
  const chosen = process.env['SCENES']?.split(',');
  try {
    await mkdir(new URL('../protocol-filters/mysql/fixtures/', import.meta.url), { recursive: true });
    const admin = await mysql.createConnection({
      host: '127.0.0.1',
      port: server.port,
      user: 'root',
      database: 'shop',
    });
    for (const statement of SCHEMA) await admin.query(statement);
    await sysbenchPrepare({ port: server.port }, 100);
    await admin.query('reset master');
    await admin.end();
    const comment = `${server.version.replace('-MariaDB', ' MariaDB')} (Debian)`;
    for (const scene of [...CLI_SCENES, ...MYSQL2_SCENES, ...MARIADB_SCENES, ...RAW_SCENES])
      if (chosen === undefined || chosen.includes(scene.name)) await recordScene('mysql', scene, server.port, comment);
  } finally {
    await server.stop();
  }
  await recordGoMysql((name) => chosen === undefined || chosen.includes(name));
  if (protocolFilters.some(({ name }) => name === 'mysql')) await retell('mysql');
}
