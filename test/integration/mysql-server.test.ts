import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import mariadb from 'mariadb';
import mysql from 'mysql2/promise';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { which } from '../../scripts/debian-packages.mjs';
import { mariadbCli, sysbench, sysbenchPrepare } from '../support/mysql-clients.ts';
import { RawMysql } from '../support/mysql-raw.ts';
import { needs } from '../support/needs.ts';
import { poll } from '../support/poll.ts';
import { mariadbPrograms, PASSWORD, type RealMariadb, startRealMariadb } from '../support/real-mariadb.ts';

/** Without Sluice: what the other tests lean on. */
describe('the test server MariaDB', () => {
  let server: RealMariadb;
  beforeAll(async () => {
    if (mariadbPrograms() === null || which('openssl') === null) return; // each test says so
    server = await startRealMariadb({ tls: true });
  });
  beforeEach((ctx) => {
    needs(ctx, 'mariadb');
    needs(ctx, 'openssl');
  });
  afterAll(() => server?.stop());

  test('says its version', () => {
    expect(server.version).toMatch(/^\d+\.\d+\.\d+-MariaDB/);
  });

  test.each(['native', 'ed25519', 'old'])(
    'asks the user %s for a password, by the plugin of that name',
    async (user) => {
      const ask = (password: string) =>
        mariadbCli({ port: server.port, user, password }, 'select current_user()', ['--skip-secure-auth']);
      expect(await ask(PASSWORD)).toMatchObject({ code: 0, stdout: `${user}@%\n` });
      expect((await ask('wrong')).stderr).toContain('ERROR 1045');
    },
  );

  test('speaks TLS, and serves its unix socket', async () => {
    const cipher = "show status like 'Ssl_cipher'";
    expect((await mariadbCli({ port: server.port }, cipher, ['--ssl'])).stdout).toMatch(/Ssl_cipher\tTLS/);
    expect((await mariadbCli({ port: server.port }, cipher)).stdout).toBe('Ssl_cipher\t\n');
    const db = await mysql.createConnection({ socketPath: server.socket, user: 'root' });
    expect((await db.query('select 1 as one'))[0]).toEqual([{ one: 1 }]);
    await db.end();
  });

  test('its clients run against it: mysql2, mariadb, the hand-made one', async () => {
    const target = { host: '127.0.0.1', port: server.port, user: 'open' };
    const [a, b] = [await mysql.createConnection(target), await mariadb.createConnection(target)];
    expect((await a.execute('select ? + 1 as n', [41]))[0]).toEqual([{ n: 42 }]);
    expect(await b.execute('select ? + 1 as n', [41])).toEqual([{ n: 42n }]);
    await Promise.all([a.end(), b.end()]);
    const raw = await RawMysql.open({ port: server.port });
    await raw.query('select 42');
    expect((await raw.reply(2))[3]?.toString('latin1')).toBe('\x0242');
    await raw.quit();
  });

  test('sysbench runs against it', async (ctx) => {
    needs(ctx, 'sysbench');
    await sysbenchPrepare({ port: server.port }, 100);
    const ran = await sysbench({ port: server.port }, 'oltp_read_only', { threads: 2, events: 10, tableSize: 100 });
    expect(ran).toMatchObject({ code: 0, transactions: 10, read: 140, other: 20, queries: 160, errors: 0 });
  });

  test('a killed server is gone, its files are there until stop()', async () => {
    const other = await startRealMariadb();
    await other.kill();
    await expect(mysql.createConnection({ host: '127.0.0.1', port: other.port })).rejects.toMatchObject({
      code: 'ECONNREFUSED',
    });
    expect(existsSync(other.home)).toBe(true);
    await other.stop();
    expect(existsSync(other.home)).toBe(false);
  });

  test('a killed test leaves neither server nor files behind', async () => {
    const module = path.resolve(import.meta.dirname, '../support/real-mariadb.ts');
    const script = `import { startRealMariadb } from ${JSON.stringify(module)};
      const server = await startRealMariadb();
      console.log(JSON.stringify({ pid: server.pid, home: server.home }));
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = await once(child.stdout, 'data');
    const { pid, home } = JSON.parse(String(line)) as { pid: number; home: string };
    expect(existsSync(home)).toBe(true);
    child.kill('SIGKILL');
    await poll('the folder is gone', () => !existsSync(home));
    expect(() => process.kill(pid, 0)).toThrow(/ESRCH/);
  });

  test('a statement of the start that is wrong is told, and nothing is left', async () => {
    await expect(startRealMariadb({ init: ['selec'] })).rejects.toThrow(/ERROR: 1064/);
  });
});
