import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { freePort } from '../support/free-port.ts';
import { poll } from '../support/poll.ts';
import { type RealPostgres, startRealPostgres } from '../support/real-postgres.ts';
import { type RunningSluice, runSluice, sluice } from '../support/run-sluice.ts';

// What was seen becomes a policy, the policy is tried on what was seen, then it is enforced: nothing of the same is denied.

const folder = mkdtempSync(path.join(tmpdir(), 'sluice-suggest-'));
const LOG = path.join(folder, 'exchanges.jsonl');
const FILE = path.join(folder, 'sluice.yaml');
let server: RealPostgres;
let proxy: RunningSluice;
let port: number;

beforeAll(async () => {
  server = await startRealPostgres('embedded');
  const admin = await server.connect();
  await admin.query(`
    create role app login; create role reporting login; create schema "Odd";
    create table orders (id int, note text); create table customers (id int); create table "Odd"."Täble" (id int);
    insert into orders select g, '' from generate_series(1, 20) g;
    grant all on all tables in schema public to app, reporting;
    grant usage on schema "Odd" to app; grant all on "Odd"."Täble" to app;
  `);
  await admin.end();
  port = await freePort();
  write('');
  proxy = await runSluice({ args: ['-c', FILE] });
});
afterAll(async () => {
  await proxy?.stop();
  await server?.stop();
  rmSync(folder, { recursive: true, force: true });
});

const write = (policies: string): void =>
  writeFileSync(
    FILE,
    `concurrency: 1
access_log: ${LOG}
proxies:
  - { name: shop, upstream: "postgres://127.0.0.1:${server.port}", listen: "127.0.0.1:${port}" }
${policies}`,
  );

async function as<T>(user: string, application: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ host: '127.0.0.1', port, user, database: 'postgres', application_name: application });
  client.on('error', () => {});
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** What two users do, with two applications; the answers, to see that they stay the same. */
async function traffic(): Promise<unknown[]> {
  const web = await as('app', 'web', async (client) => {
    await client.query('begin');
    await client.query('update orders set note = $1 where id = $2', ['sold', 3]);
    const { rows } = await client.query(
      'select o.id from orders o left join customers c on c.id = o.id where o.id < $1',
      [5],
    );
    await client.query('insert into customers values (7)');
    await client.query('rollback');
    return [rows, (await client.query('select count(*) from "Odd"."Täble"')).rows];
  });
  const nightly = await as('app', 'nightly', async (client) => {
    await client.query('delete from customers where id = 99');
    return (await client.query({ name: 'n', text: 'select now() > $1 as later', values: [new Date(0)] })).rows;
  });
  const report = await as('reporting', 'psql', async (client) => [
    (await client.query('select note, count(*) from orders group by note order by 1')).rows,
    (await client.query('show server_version')).rows.length,
  ]);
  return [web, nightly, report];
}

test('suggest, test, enforce', async () => {
  const before = await traffic();
  const lines = () =>
    readFileSync(LOG, 'utf8')
      .split('\n')
      .filter((line) => line.includes('"event":"exchange"')).length;
  await poll('all is logged', () => lines() >= 10);

  // Of the log and of the running Sluice it is the same.
  const fromLog = await sluice(['policy', 'suggest', '--from', LOG]);
  expect([fromLog.stderr, fromLog.code]).toEqual(['', 0]);
  const policiesOf = (text: string) => text.slice(text.indexOf('policies:')).split('  - ').sort();
  await poll('the rows are told', async () => {
    const asked = await sluice(['policy', 'suggest', '--admin', proxy.adminUrl.slice('http://'.length)]);
    expect(policiesOf(asked.stdout)).toEqual(policiesOf(fromLog.stdout));
    return true;
  });
  // Each may do what it did, and no more.
  expect(fromLog.stdout).toContain(`  - name: app web insert select
    proxies: shop
    action: allow
    users: app
    databases: postgres
    applications: web
    operations:
      - insert
      - select
    targets: customers
`);
  expect(fromLog.stdout).toContain('targets: \'"Odd"."Täble"\'');
  expect(fromLog.stdout).toContain('targets: orders');

  write(fromLog.stdout);
  const checked = await sluice(['check', '-c', FILE]);
  expect(checked.stdout).toMatch(/^.*: fine, 1 listener, 1 cluster\n {2}shop: policies [0-9a-f]{12} \(5 enforced\)\n$/);
  expect(checked.stderr).toBe('');
  const tried = await sluice(['policy', 'test', '-c', FILE, '--against', LOG]);
  expect(tried.stdout).toMatch(/^.*: of \d+ exchanges none would be denied\n/);
  expect(tried.code).toBe(0);

  // Under it, the same traffic has the same answers; what nobody did before is denied.
  await poll(
    'it is enforced',
    async () =>
      (await proxy.getText('/metrics')).includes('config_reload_success_total 1') ||
      /config_reload_success\S* 1/.test(await proxy.getText('/metrics')),
  );
  expect(await traffic()).toEqual(before);
  const codeOf = (asked: Promise<unknown>) =>
    asked.then(
      () => 'ok',
      (error: { code: string }) => error.code,
    );
  const others = await as('reporting', 'psql', async (client) => [
    await codeOf(client.query('select * from customers')),
    await codeOf(client.query('delete from orders')),
    await codeOf(client.query('select note from orders limit 1')),
  ]);
  expect(others).toEqual(['42501', '42501', 'ok']);

  // What was denied is told by policy of a stricter file.
  const strict = path.join(folder, 'strict.yaml');
  writeFileSync(
    strict,
    `${readFileSync(FILE, 'utf8')}  - { name: no updates, action: deny, operations: update, users: app }\n  - { name: all writes, action: deny, mode: shadow, operations: [insert, delete] }\n`,
  );
  await poll('all is logged', () => lines() >= 23);
  const refused = await sluice(['policy', 'test', '-c', strict, '--against', LOG, '--json']);
  expect(refused.code).toBe(1);
  const result = JSON.parse(refused.stdout);
  const named = Object.fromEntries(
    result.policies.map((one: { policy: string; exchanges: number }) => [one.policy, one.exchanges]),
  );
  // Two runs of the traffic, and what reporting was refused at the end is in the log as well.
  expect(named).toMatchObject({ 'no updates': 2, 'all writes': 5 });
  const shown = await sluice(['policy', 'test', '-c', strict, '--against', LOG]);
  expect(shown.stdout).toMatch(/^no updates at shop: 2$/m);
  expect(shown.stdout).toMatch(/^ {2}2 × app, postgres, web: update orders set note = \? where id = \?$/m);
});

test('what cannot be said is told', async () => {
  const said = path.join(folder, 'odd.jsonl');
  const line = { event: 'exchange', listener: 'shop', protocol: 'postgres', user: 'app', outcome: 'ok' };
  const write = (facts: object, text: string) => JSON.stringify({ ...line, operation: 'SELECT', text, facts });
  writeFileSync(
    said,
    [
      'no json',
      '{"event":"connection"}',
      write({ accesses: [['select', 'table', '', 'orders']], unresolved: '', has_where: false, limit: -1 }, 'a'),
      write({ accesses: [], unresolved: 'does not parse', has_where: false, limit: -1 }, 'select\u202e ?? from'),
      write({ targets: [] }, 'select set_config(?, ?, ?)'),
      JSON.stringify({ ...line, operation: 'SELECT', text: 'older' }),
    ].join('\n'),
  );
  const { stdout, code } = await sluice(['policy', 'suggest', '--from', said, '--shadow']);
  expect(code).toBe(0);
  expect(stdout.split('\n').filter((text) => text.startsWith('#   '))).toEqual([
    '#   shop, app: select ?? from (1 times): nobody can read it for certain: does not parse',
    '#   shop, app: select set_config(?, ?, ?) (1 times): what it does depends on more than its digest tells',
    '#   shop, app: older (1 times): what it touches is not told',
  ]);
  expect(stdout).toContain('    mode: shadow\n');
  for (const [args, problem] of [
    [['suggest', '--from', path.join(folder, 'none')], 'ENOENT'],
    [['suggest', '--admin', '127.0.0.1:1'], 'no Sluice answers at http://127.0.0.1:1'],
    [['test', '-c', FILE, '--against', FILE], 'has no exchanges'],
  ] as const) {
    const failed = await sluice(['policy', ...args]);
    expect([failed.code, failed.stdout]).toEqual([1, '']);
    expect(failed.stderr).toContain(problem);
  }
});
