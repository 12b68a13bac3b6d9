import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { postgres } from '../../protocol-filters/postgres/index.ts';
import { policySet } from '../../src/policy/policy.fixture.ts';
import { type GatePlane, startGatePlane } from '../bypass/support/gate-plane.ts';
import { pgbench } from '../support/pgbench.ts';
import { poll } from '../support/poll.ts';
import { psql } from '../support/psql.ts';
import { type RealPostgres, SERVERS, startRealPostgres } from '../support/real-postgres.ts';

const MESSAGE = 'hands off pay';
const POLICIES = policySet([{ name: 'hands_off', action: 'deny', targets: ['pay'], message: MESSAGE }]);
const DENIED = { severity: 'ERROR', code: '42501', message: MESSAGE };

/** The gate before a real server: what the tables hold afterwards is the truth, whatever was answered. */
describe.each(SERVERS)('the gate before %s', (name) => {
  let server: RealPostgres;
  let plane: GatePlane;
  let direct: pg.Client;
  let port = 0;

  beforeAll(async () => {
    server = await startRealPostgres(name);
    direct = await server.connect();
    await direct.query('create table pay (a int); create table log (a int); create table other (a int)');
    const upstream = { host: '127.0.0.1', port: server.port };
    plane = await startGatePlane({ protocol: postgres, policies: POLICIES, upstream });
    port = plane.port;
  });
  afterAll(async () => {
    await plane?.stop();
    await direct?.end();
    await server?.stop();
  });
  beforeEach(async () => {
    await plane.setPolicies(POLICIES);
    await direct.query('truncate pay, log, other; insert into pay values (1)');
  });

  /** What the tables hold: pay must be as it was, whatever a test did. */
  const held = async (): Promise<string> => {
    const { rows } = await direct.query(
      "select (select count(*) from pay) || ' pay, ' || (select coalesce(string_agg(a::text, ' ' order by a), '-') from log) || ' in log' as held",
    );
    return rows[0].held;
  };
  const denied = (): number => plane.stat('sluice.postgres.gate.denied');

  test('psql: simple, several statements, in a transaction, COPY, code, SQL PREPARE, a function call', async () => {
    const before = denied();
    const { stderr } = await psql(
      { port },
      [
        'select * from pay;',
        'insert into log values (1)\\; delete from pay\\; insert into log values (2);',
        'begin;',
        'insert into log values (3);',
        'delete from pay;',
        'insert into log values (4);',
        'commit;',
        'copy (select * from pay) to stdout;',
        'do $$ begin delete from pay; end $$;',
        'prepare x as delete from pay;',
        'prepare y as insert into log values (5);',
        'execute y;',
        'execute z;',
        '\\lo_unlink 1',
        'with gone as (delete from pay returning *) select * from gone;',
        'explain analyze delete from public.pay;',
        'insert into log values (6);',
      ].join('\n'),
    );
    expect(await held()).toBe('1 pay, 5 6 in log');
    expect(stderr.match(/ERROR: {2}42501: /g)?.length).toBe(10);
    expect(stderr).toContain('Denied by policy "hands_off"');
    expect(stderr).toContain('25P02'); // the transaction really failed
    expect(denied() - before).toBe(10);
  });

  test('psql: SSLRequest is answered, the session stays readable', async () => {
    const { stdout, stderr } = await psql({ port, sslmode: 'prefer' }, 'select 41 + 1; select * from pay;');
    expect(stdout).toBe('42\n');
    expect(stderr).toContain('42501');
    expect((await psql({ port, sslmode: 'require' }, 'select 1')).code).not.toBe(0);
  });

  test('pg: extended, named, in a transaction; the connection stays usable', async () => {
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' });
    await client.connect();
    await expect(client.query('select * from pay where a = $1', [1])).rejects.toMatchObject(DENIED);
    await expect(client.query({ name: 'n', text: 'delete from pay where a = $1', values: [1] })).rejects.toMatchObject(
      DENIED,
    );
    for (let i = 1; i <= 3; i++) await client.query({ name: 'ok', text: 'insert into log values ($1)', values: [i] });
    await client.query('begin');
    await client.query('insert into log values ($1)', [9]);
    await expect(client.query('delete from pay where a = $1', [1])).rejects.toMatchObject(DENIED);
    await expect(client.query('insert into log values ($1)', [9])).rejects.toMatchObject({ code: '25P02' });
    expect((await client.query('commit')).command).toBe('ROLLBACK');
    expect((await client.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await client.end();
    expect(await held()).toBe('1 pay, 1 2 3 in log');
  });

  for (const mode of ['extended', 'prepared'] as const)
    test(`pgbench, pipelined, ${mode}: nothing of a denied batch is committed`, async () => {
      const script = [
        '\\startpipeline',
        'insert into log values (1);',
        'select count(*) from other;',
        'delete from pay;',
        'insert into log values (2);',
        '\\endpipeline',
      ].join('\n');
      const ran = await pgbench({ port }, { mode, transactions: 1, script });
      expect(ran.stderr).toContain(MESSAGE);
      expect(await held()).toBe('1 pay, - in log');
    });

  for (const mode of ['simple', 'extended', 'prepared'] as const)
    test(`pgbench, ${mode}: what is allowed runs as if nobody stood there`, async () => {
      const pipelined =
        mode === 'simple' ? [] : ['\\startpipeline', 'insert into log values (1);', 'select 1;', '\\endpipeline'];
      const script = ['begin;', 'insert into other values (1);', 'end;', ...pipelined].join('\n');
      const ran = await pgbench({ port }, { mode, clients: 4, transactions: 25, script });
      expect(ran).toMatchObject({ code: 0, transactions: 100, failed: 0 });
      const { rows } = await direct.query(
        'select (select count(*) from other)::int as other, (select count(*) from log)::int as log',
      );
      expect(rows).toEqual([{ other: 100, log: mode === 'simple' ? 0 : 100 }]);
    });

  const connected = async (): Promise<pg.Client> => {
    const client = new pg.Client({ host: '127.0.0.1', port, user: 'postgres', database: 'postgres' });
    client.on('error', () => {});
    await client.connect();
    return client;
  };

  test('a prepared statement that was allowed is denied once the policy is another', async () => {
    await plane.setPolicies(policySet([{ name: 'open', action: 'deny', operations: ['drop'] }]));
    const client = await connected();
    const insert = { name: 'w', text: 'insert into log values ($1)' };
    await client.query({ ...insert, values: [1] });
    await plane.setPolicies(policySet([{ name: 'closed', action: 'deny', operations: ['insert'] }]));
    await expect(client.query({ ...insert, values: [2] })).rejects.toMatchObject({
      code: '42501',
      detail: 'Denied by policy "closed".',
    });
    await client.end();
    expect(await held()).toBe('1 pay, 1 in log');
  });

  test('a cursor that was opened under older policies is judged by the newest at each FETCH', async () => {
    await plane.setPolicies(policySet([{ name: 'open', action: 'deny', operations: ['drop'] }]));
    const client = await connected();
    for (const text of ['begin', 'declare c cursor for select a from pay']) await client.query(text);
    expect((await client.query('fetch 1 from c')).rows).toEqual([{ a: 1 }]);
    await plane.setPolicies(POLICIES);
    await expect(client.query('fetch 1 from c')).rejects.toMatchObject(DENIED);
    await client.query('rollback');
    await expect(client.query({ name: 'no such table', text: 'select * from nowhere' })).rejects.toMatchObject({
      code: '42P01',
    });
    await client.end();
    await plane.settled();
    const failed = plane.ended.filter(({ code }) => code === '42P01');
    expect(failed).toMatchObject([{ outcome: 'error', verdict: 'allowed' }]);
  });

  test('a result is cut with a native error, and the connection and its transaction stay true', async () => {
    await plane.setPolicies(policySet([{ name: 'few', action: 'limit', limit: { rows: 10 } }]));
    const client = await connected();
    const many = 'select a from generate_series(1, 100000) a';
    const cut = { code: '53400', message: 'the result has more than 10 rows' };
    await expect(client.query(many)).rejects.toMatchObject(cut);
    await expect(client.query(`${many} where a > $1`, [0])).rejects.toMatchObject(cut);
    expect((await client.query('select a from generate_series(1, 10) a')).rowCount).toBe(10);
    await client.query('begin');
    await client.query('insert into log values (1)');
    await expect(client.query(many)).rejects.toMatchObject(cut);
    await expect(client.query('insert into log values (2)')).rejects.toMatchObject({ code: '25P02' });
    expect((await client.query('commit')).command).toBe('ROLLBACK');
    await expect(client.query('insert into log select * from generate_series(1, 99) returning a')).rejects.toThrow();
    await client.end().catch(() => {});
    const { rows } = await direct.query('select count(*)::int as n from log');
    expect([0, 99]).toContain(rows[0].n); // the connection was closed: the client does not know, and is told nothing wrong
    expect(plane.stat('sluice.postgres.gate.cut')).toBeGreaterThanOrEqual(4);
  });

  test('an idle transaction ends the session, in the words of the server', async () => {
    const idle = policySet([{ name: 'idle', action: 'limit', limit: { idleInTransactionMs: 200 } }]);
    await plane.setPolicies(idle);
    const client = await connected();
    const errors: { code?: string }[] = [];
    client.on('error', (error) => errors.push(error as { code?: string }));
    await client.query('begin');
    await client.query('insert into log values (1)');
    await poll('the session was ended', () => errors.length > 0);
    expect(errors[0]).toMatchObject({ code: '25P03', severity: 'FATAL' });
    await client.end().catch(() => {});
    await poll('the server has rolled back', async () => (await held()) === '1 pay, - in log');
  });

  test('a rate limit counts executions, not what prepares them', async () => {
    const slow = policySet([
      { name: 'slow', action: 'limit', limit: { rate: { count: 5, perMs: 3_600_000, burst: 5 }, per: 'user' } },
    ]);
    await plane.setPolicies(slow);
    const client = await connected();
    for (let i = 0; i < 5; i++) await client.query('insert into log values ($1)', [i]);
    await expect(client.query('select $1::int', [1])).rejects.toMatchObject({ code: '53400' });
    await client.end();
    expect(await held()).toBe('1 pay, 0 1 2 3 4 in log');
  });
});
