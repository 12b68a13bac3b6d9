import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { pgbench, pgbenchInit } from '../support/pgbench.ts';
import { poll } from '../support/poll.ts';
import { psql } from '../support/psql.ts';
import { countErrors, PASSWORD, type RealPostgres, SERVERS, startRealPostgres } from '../support/real-postgres.ts';

describe.each(SERVERS)('the test server %s', (name) => {
  let server: RealPostgres;
  beforeAll(async () => {
    server = await startRealPostgres(name, { tls: true });
  });
  afterAll(() => server?.stop());

  test('is the version it should be', () => {
    if (name === 'embedded') expect(server.version).toBe(18);
    else expect(server.version).toBeGreaterThanOrEqual(15);
  });

  test.each(['scram', 'md5', 'cleartext'])('asks the user %s for a password', async (user) => {
    const target = { port: server.port, user };
    expect(await psql({ ...target, password: PASSWORD }, 'select 41 + 1')).toMatchObject({ code: 0, stdout: '42\n' });
    expect((await psql({ ...target, password: 'wrong' }, 'select 1')).code).not.toBe(0);
  });

  test('speaks TLS, and serves its unix socket', async () => {
    const ssl = 'select ssl from pg_stat_ssl where pid = pg_backend_pid()';
    expect((await psql({ port: server.port, sslmode: 'require' }, ssl)).stdout).toBe('t\n');
    expect((await psql({ port: server.port, host: server.socketDir }, 'select 1')).stdout).toBe('1\n');
  });

  test('counts statements and errors', async () => {
    await psql({ port: server.port }, 'select 1/0;\nselect from;\nbegin; rollback;');
    expect(await server.loggedErrors()).toMatchObject({ '22012': 1, '42601': 1 });
    const seen = `select query from pg_stat_statements where query ilike 'begin%'`;
    expect((await psql({ port: server.port }, seen)).stdout).toContain('begin');
  });

  test('pgbench runs against it', async () => {
    await pgbenchInit({ port: server.port });
    const result = await pgbench(
      { port: server.port },
      { clients: 2, transactions: 50, mode: 'prepared', latencies: true },
    );
    expect(result).toMatchObject({ code: 0, transactions: 100, failed: 0 });
    expect(result.latenciesUs).toHaveLength(100);
    expect(result.tps).toBeGreaterThan(0);
  });
});

test('a killed test leaves neither server nor files behind', async () => {
  const module = path.resolve(import.meta.dirname, '../support/real-postgres.ts');
  const script = `import { startRealPostgres } from ${JSON.stringify(module)};
    const server = await startRealPostgres('embedded');
    console.log(JSON.stringify({ pid: server.pid, home: server.socketDir }));
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

test('countErrors reads SQLSTATEs from the log', () => {
  const log =
    '[1] 00000 LOG:  ready\n[7] 23505 ERROR:  dup\n[7] 23505 STATEMENT:  insert\n[8] 23505 ERROR:  dup\n[9] 28P01 FATAL:  no';
  expect(countErrors(log)).toEqual({ '23505': 2, '28P01': 1 });
});
