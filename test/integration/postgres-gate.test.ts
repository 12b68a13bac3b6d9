import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { postgres } from '../../protocol-filters/postgres/index.ts';
import { loadSqlParser, SqlDigestCache } from '../../src/digest/cache.ts';
import { ExchangePool } from '../../src/exchange/exchange.ts';
import { DENY_RELATIONS_TYPE_URL, denyRelationsConfig, denyRelationsLink } from '../../src/filters/deny-relations.ts';
import { tcpProxy } from '../../src/filters/tcp-proxy.ts';
import { systemClock } from '../../src/net/clock.ts';
import { SocketNetwork } from '../../src/net/socket-network.ts';
import type { DataPlane } from '../../src/server/data-plane.ts';
import { createDataPlane, type LinkFactory } from '../../src/server/plane.ts';
import { StatsRegistry } from '../../src/stats/registry.ts';
import { systemResolve } from '../../src/upstream/dns.ts';
import { pgbench } from '../support/pgbench.ts';
import {
  clusterConfig,
  filterChain,
  listenerConfig,
  RecordingObserver,
  snapshotOf,
  TCP_PROXY,
} from '../support/plane-parts.ts';
import { psql } from '../support/psql.ts';
import { type RealPostgres, SERVERS, startRealPostgres } from '../support/real-postgres.ts';

const MESSAGE = 'hands off pay';
const DENIED = { severity: 'ERROR', code: '42501', message: MESSAGE };

/** The gate before a real server: what the tables hold afterwards is the truth, whatever was answered. */
describe.each(SERVERS)('the gate before %s', (name) => {
  let server: RealPostgres;
  let plane: DataPlane;
  let direct: pg.Client;
  let port = 0;
  const stats = new StatsRegistry();

  beforeAll(async () => {
    server = await startRealPostgres(name);
    direct = await server.connect();
    await direct.query('create table pay (a int); create table log (a int); create table other (a int)');
    const digests = new SqlDigestCache({ parser: await loadSqlParser(), now: () => performance.now() });
    const config = denyRelationsConfig.parse({ relations: ['pay'], message: MESSAGE });
    const keys = new Map<string, string>();
    plane = createDataPlane({
      worker: 0,
      network: new SocketNetwork(),
      clock: systemClock,
      stats,
      digests,
      observer: new RecordingObserver(),
      pool: new ExchangePool(),
      keys: {
        learn: (key, upstream) => void keys.set(key, upstream),
        forget: (key) => void keys.delete(key),
        lookup: (key) => keys.get(key),
      },
      resolve: systemResolve,
      random: Math.random,
      protocols: [postgres],
      links: new Map<string, LinkFactory>([
        [
          TCP_PROXY,
          (checked, env) => tcpProxy(checked as never, { ...env, cluster: (name) => env.clusters.get(name) }),
        ],
        [DENY_RELATIONS_TYPE_URL, () => denyRelationsLink(config)],
      ]),
      log: (level, message, error) => {
        if (level === 'error') throw new Error(message, { cause: error });
      },
    });
    const [tcp] = filterChain({});
    const filters = [
      {
        name: postgres.filterName,
        typeUrl: postgres.typeUrl,
        config: { ...postgres.config.parse({ stat_prefix: 'gate' })! },
      },
      { name: 'deny', typeUrl: DENY_RELATIONS_TYPE_URL, config: { ...config } },
      tcp!,
    ];
    const failures = await plane.apply({
      ...snapshotOf(),
      listeners: [
        listenerConfig({
          listener: {
            address: { kind: 'ip', host: '127.0.0.1', port: 0 },
            filterChains: [{ name: '', filters }],
          },
        }),
      ],
      clusters: [
        clusterConfig({ endpoints: [{ address: { kind: 'ip', host: '127.0.0.1', port: server.port }, weight: 1 }] }),
      ],
    });
    expect(failures).toEqual([]);
    port = Number(/:(\d+)$/.exec(plane.listeners()[0]!.address)![1]);
  });
  afterAll(async () => {
    await plane?.close();
    await direct?.end();
    await server?.stop();
  });
  beforeEach(async () => {
    await direct.query('truncate pay, log, other; insert into pay values (1)');
  });

  /** What the tables hold: pay must be as it was, whatever a test did. */
  const held = async (): Promise<string> => {
    const { rows } = await direct.query(
      "select (select count(*) from pay) || ' pay, ' || (select coalesce(string_agg(a::text, ' ' order by a), '-') from log) || ' in log' as held",
    );
    return rows[0].held;
  };
  const denied = (): number => stats.value('sluice.postgres.gate.denied') ?? 0;

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
    expect(stderr.match(/ERROR: {2}42501: hands off pay/g)?.length).toBe(10);
    expect(stderr).toContain('Denied by policy "deny_relations"');
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
});
