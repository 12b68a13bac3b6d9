import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import type pg from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { HARMLESS_FUNCTIONS } from '../../scripts/generate-harmless-functions.ts';
import { HARMLESS } from '../../src/digest/facts/harmless-functions.ts';
import { freePort } from '../support/free-port.ts';
import { type RealPostgres, SERVERS, startRealPostgres } from '../support/real-postgres.ts';
import { type RunningSluice, runSluice } from '../support/run-sluice.ts';

const MESSAGE = 'hands off pay';
/** What nobody can read is refused for that. */
const REFUSED = expect.stringMatching(/^hands off pay$|cannot be known/) as unknown as string;

/** Statements that touch `pay`, each in a way that does not look it (threats PG-14, PG-18, PG-24, PG-26). */
const TOUCHING = [
  'select * from pay',
  'select 1; select * from pay',
  "select ';' , $$;$$ /* ; */; delete from pay",
  'with d as (delete from pay returning a) select * from d',
  'with p as (select 1) insert into other select a from pay',
  'explain analyze delete from pay',
  'select * into temp copied from pay',
  'create temp table copied as select * from pay',
  'copy (delete from pay returning a) to stdout',
  'copy pay to stdout',
  'copy pay from stdin',
  "copy pay from program 'true'",
  'begin; declare c cursor for select * from pay; commit',
  'merge into pay using other on false when not matched then insert values (1)',
  'table pay',
  'do $$ begin delete from pay; end $$',
  'call spend()',
  'lock pay',
  'select 1 from other where exists (select from pay for update)',
  'refresh materialized view pay_view',
  'truncate other, pay',
  'grant select on pay to public',
  'alter table pay add column b int',
  'drop table pay',
  'create view peek as select * from pay',
  'update other set a = p.a from public.pay p',
  'delete from other using pay',
  'insert into other select a from "pay"',
  'SELECT * FROM PAY',
  'select /* not */ * from/**/pay',
  'select * from public . pay',
  'prepare s as select * from pay',
  "select query_to_xml('select * from pay', true, true, '')",
] as const;

const FINE = [
  'select 1',
  'select * from other',
  "select 'pay'",
  'select a as pay from other',
  'insert into other values (7)',
];

describe.each(SERVERS)('the gate, started from a file, before %s', (name) => {
  let server: RealPostgres;
  let sluice: RunningSluice;
  let direct: pg.Client;
  let port = 0;
  const folder = mkdtempSync(path.join(tmpdir(), 'sluice-gate-'));

  beforeAll(async () => {
    server = await startRealPostgres(name, { settings: { log_statement: 'all' } });
    direct = await server.connect();
    await direct.query(`create table pay (a int); insert into pay values (1); create table other (a int);
      create materialized view pay_view as select 1 as a;
      create procedure spend() language sql as 'delete from pay'`);
    port = await freePort();
    const file = path.join(folder, 'gate.yaml');
    writeFileSync(file, bootstrap(port, server.port));
    sluice = await runSluice({ concurrency: 1, args: ['-c', file] });
  });
  afterAll(async () => {
    await direct?.end();
    await sluice?.stop();
    await server?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** The error, or null; a fresh client each time, so that nothing hangs over. */
  async function run(text: string, extended = false): Promise<pg.DatabaseError | null> {
    const client = await server.connect({ port });
    const query = extended ? { text, values: [], queryMode: 'extended' } : text;
    const error = await client.query(query as string).then(
      () => null,
      (reason: pg.DatabaseError) => reason,
    );
    expect((await client.query('select 41 + 1 as sum')).rows).toEqual([{ sum: 42 }]); // the connection is usable
    await client.end();
    return error;
  }

  test.each(TOUCHING)('denies %s', async (text) => {
    expect(await run(text)).toMatchObject({ severity: 'ERROR', code: '42501', message: REFUSED });
    if (text.includes(';')) return; // several statements are no extended query
    const error = await run(text, true);
    expect(error).toMatchObject({
      code: '42501',
      message: REFUSED,
      detail: expect.stringMatching(/hands_off|no_code/),
    });
    expect(error?.hint).toBeTruthy();
  });

  test.each(FINE)('lets %s pass', async (text) => {
    expect(await run(text)).toBeNull();
    expect(await run(text, true)).toBeNull();
  });

  test('functions that need no allowance are those that the server has', async () => {
    const { rows } = await direct.query<{ name: string }>(HARMLESS_FUNCTIONS);
    expect(rows.length).toBeGreaterThan(1000);
    expect(rows.filter(({ name }) => !HARMLESS.has(name))).toEqual([]);
  });

  test('the server has run none of them, and pay is as it was', async () => {
    expect((await direct.query('select * from pay')).rows).toEqual([{ a: 1 }]);
    expect((await direct.query('select count(*)::int as n from other')).rows).toEqual([{ n: 2 }]);
    const ran = (await server.log()).split('\n').filter((line) => /LOG: {2}(?:statement|execute [^:]*): /.test(line));
    expect(ran.filter((line) => /query_to_xml|call spend|copy pay|from pay\b.*returning/i.test(line))).toEqual([]);
    expect(ran.some((line) => line.includes('select * from other'))).toBe(true); // the log does log
  });
});

const bootstrap = (port: number, upstream: number): string => `
static_resources:
  listeners:
    - name: gate
      address: { socket_address: { address: 127.0.0.1, port_value: ${port} } }
      filter_chains:
        - filters:
            - name: envoy.filters.network.postgres_proxy
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.postgres_proxy.v3alpha.PostgresProxy
                stat_prefix: gate
            - name: sluice.filters.network.policy
              typed_config:
                "@type": type.googleapis.com/sluice.filters.network.policy.v1.Policy
                policies:
                  - name: hands_off
                    action: deny
                    targets: [pay, pay_view]
                    message: ${MESSAGE}
                  - name: no_code
                    action: deny
                    operations: [call]
                    message: ${MESSAGE}
            - name: envoy.filters.network.tcp_proxy
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy
                stat_prefix: gate
                cluster: db
  clusters:
    - name: db
      type: STATIC
      load_assignment:
        cluster_name: db
        endpoints:
          - lb_endpoints:
              - endpoint: { address: { socket_address: { address: 127.0.0.1, port_value: ${upstream} } } }
`;
