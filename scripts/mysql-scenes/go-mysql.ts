import mariadb from 'mariadb';
import mysql from 'mysql2/promise';
import {
  type AuthPlugin,
  buildGoMysql,
  GO_MYSQL_PASSWORD,
  GO_MYSQL_VERSION,
  startGoMysql,
} from '../../test/support/go-mysql.ts';
import { recordScene, type Scene } from '../record-scenes.ts';
import { fails } from './fails.ts';

/** MySQL's password plugins that MariaDB does not have. The server is go-mysql's, a real one of another author. */
type PluginScene = Scene & { readonly plugin: AuthPlugin };

async function mysql2Session(port: number, user: string): Promise<void> {
  const db = await mysql.createConnection({
    host: '127.0.0.1',
    port,
    user,
    password: GO_MYSQL_PASSWORD,
    database: 'shop',
  });
  await db.query('select seq, name from seq_2');
  await db.execute('select name from seq_3 where seq > ?', [1]);
  await fails(db.query('select * from missing'));
  await db.end();
}

async function mariadbSession(port: number, user: string): Promise<void> {
  const options = { host: '127.0.0.1', port, user, password: GO_MYSQL_PASSWORD, allowPublicKeyRetrieval: true };
  const db = await mariadb.createConnection({ ...options, database: 'shop' });
  await db.query('select seq, name from seq_2');
  await db.execute('select name from seq_3 where seq > ?', [1]);
  await db.beginTransaction();
  await db.query("insert into goods values (7, 'a thing')");
  await db.commit();
  await db.end();
}

const twice =
  (session: typeof mysql2Session, user: string) =>
  async (port: number): Promise<void> => {
    await session(port, user);
    await session(port, user);
  };

const SCENES: readonly PluginScene[] = [
  {
    name: 'caching-sha2-full',
    title: 'mysql2: caching_sha2_password, full authentication with the RSA key that it asks for; a prepared statement',
    plugin: 'caching_sha2_password',
    play: (port) => mysql2Session(port, 'full'),
  },
  {
    name: 'caching-sha2-fast',
    title: 'mysql2: caching_sha2_password, the second login, which is fast',
    plugin: 'caching_sha2_password',
    play: twice(mysql2Session, 'fast'),
  },
  {
    name: 'caching-sha2-switch-full',
    title: 'mariadb: mysql_native_password switched to caching_sha2_password, full authentication; a transaction',
    plugin: 'caching_sha2_password',
    play: (port) => mariadbSession(port, 'switched'),
  },
  {
    name: 'caching-sha2-switch-fast',
    title: 'mariadb: mysql_native_password switched to caching_sha2_password, the second login, which is fast',
    plugin: 'caching_sha2_password',
    play: twice(mariadbSession, 'switched-fast'),
  },
  {
    name: 'caching-sha2-refused',
    title: 'mysql2: caching_sha2_password, a wrong password that the full authentication finds',
    plugin: 'caching_sha2_password',
    play: (port) =>
      fails(mysql.createConnection({ host: '127.0.0.1', port, user: 'refused', password: 'a wrong one' })),
  },
  {
    name: 'sha256-rsa',
    title: 'mysql2: mysql_native_password switched to sha256_password, with the RSA key that it asks for',
    plugin: 'sha256_password',
    play: (port) => mysql2Session(port, 'full'),
  },
];

/** Records those of the scenes that are wanted. Needs Go. */
export async function recordGoMysql(isWanted: (name: string) => boolean): Promise<void> {
  const scenes = SCENES.filter(({ name }) => isWanted(name));
  if (scenes.length === 0) return;
  const built = await buildGoMysql();
  if ('missing' in built) throw new Error(built.missing);
  const server = await startGoMysql(built.program, ['full', 'fast', 'switched', 'switched-fast', 'refused']);
  try {
    for (const scene of scenes) await recordScene('mysql', scene, server.ports[scene.plugin], GO_MYSQL_VERSION);
  } finally {
    await server.stop();
  }
}
