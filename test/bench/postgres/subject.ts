import { pgbenchInit } from '../../support/pgbench.ts';
import { startRealPostgres } from '../../support/real-postgres.ts';
import { spread } from '../figures.ts';
import {
  addedCpuUs,
  addedLatencyRatio,
  cpuRatio,
  latencyRatio,
  P50,
  P99,
  type Runs,
  speedRatio,
  type TargetRow,
} from '../report.ts';
import { type Bench, runsOf, type Subject, type Upstream } from '../subject.ts';
import { idleConnectionBytes } from './idle-memory.ts';
import { BULK_SCHEMA, LOADS, openLoop } from './loads.ts';
import { ownJs } from './own-js.ts';

const idle = new Map<string, number>();
let own: { simpleUs: readonly number[]; preparedUs: readonly number[] } = { simpleUs: [], preparedUs: [] };

/** Postgres 15 of Debian, pgbench and psql. */
export const postgresSubject: Subject = {
  name: 'postgres',
  packages: ['postgresql'],
  peers: ['pgbouncer', 'policies'],
  start,
  loads: LOADS,
  extras: [
    { name: 'latency-half-load', run: latency },
    { name: 'idle', run: idleMemory },
    { name: 'own-js', run: ownJavaScript },
  ],
  targets,
};

async function start(): Promise<Upstream> {
  const server = await startRealPostgres('debian', {
    settings: {
      shared_buffers: '256MB',
      max_connections: 400,
      autovacuum: 'off',
      shared_preload_libraries: 'pg_stat_statements',
    },
  });
  await pgbenchInit({ port: server.port });
  const client = await server.connect();
  // What pg_stat_statements costs is no business of this comparison.
  await client.query("alter system set pg_stat_statements.track = 'none'");
  await client.query('select pg_reload_conf()');
  await client.query(BULK_SCHEMA.split(';')[0]!);
  await client.query('vacuum analyze bulk');
  await client.end();
  return { port: server.port, title: `Postgres ${server.version}`, stop: () => server.stop() };
}

/** Half of what the slowest setup did at c=16, the same for all: latency under a load that all can carry. */
async function latency(bench: Bench): Promise<string> {
  const closed = bench.results.get('simple-c16');
  if (!closed) return '';
  const slowest = Math.min(...[...closed.values()].map((runs) => spread(runs.map((run) => run.queriesPerS)).median));
  await bench.measure(openLoop(Math.round(slowest / 2)));
  return '';
}

async function idleMemory({ setups, quick }: Bench): Promise<string> {
  for (const { name } of setups)
    if (name !== 'direct') idle.set(name, await idleConnectionBytes(name, quick ? 500 : 2_000));
  const lines = [...idle].map(([name, bytes]) => `  ${name.padEnd(10)} ${(bytes / 1024).toFixed(1)}`);
  return ['memory of an idle connection, KiB', ...lines, ''].join('\n');
}

async function ownJavaScript({ quick }: Bench): Promise<string> {
  own = await ownJs(quick);
  return '';
}

/** The cost table of ARCHITECTURE.md, as far as this run measured it. */
function targets(results: ReadonlyMap<string, Runs>): TargetRow[] {
  const of = (load: string) => runsOf(results, load);
  const half = of('latency-half-load');
  const [lower, higher] = ['lower', 'higher'] as const;
  return [
    {
      what: 'CPU a query, postgres against tcp_proxy (simple, c=16)',
      value: cpuRatio(of('simple-c16'), 'postgres', 'tcp_proxy'),
      target: 1.15,
      better: lower,
      unit: '×',
    },
    {
      what: 'CPU a query, postgres against HAProxy (simple, c=16)',
      value: cpuRatio(of('simple-c16'), 'postgres', 'haproxy'),
      target: 1.8,
      better: lower,
      unit: '×',
    },
    {
      what: 'added latency p50 against HAProxy’s',
      value: addedLatencyRatio(half, 'postgres', P50),
      target: 1.5,
      better: lower,
      unit: '×',
    },
    {
      what: 'added latency p99 against HAProxy’s',
      value: addedLatencyRatio(half, 'postgres', P99),
      target: 1.5,
      better: lower,
      unit: '×',
    },
    {
      what: 'CPU a query that ten enforced policies add (simple, c=16)',
      value: addedCpuUs(of('simple-c16'), 'policies', 'postgres'),
      target: 10,
      better: lower,
      unit: 'µs',
    },
    {
      what: 'latency p50 with ten enforced policies against none',
      value: latencyRatio(half, 'policies', 'postgres', P50),
      target: 1.05,
      better: lower,
      unit: '×',
    },
    {
      what: 'latency p99 with ten enforced policies against none',
      value: latencyRatio(half, 'policies', 'postgres', P99),
      target: 1.1,
      better: lower,
      unit: '×',
    },
    { what: 'own JavaScript a known query, simple', value: spread(own.simpleUs), target: 4, better: lower, unit: 'µs' },
    {
      what: 'own JavaScript a known query, prepared',
      value: spread(own.preparedUs),
      target: 4,
      better: lower,
      unit: 'µs',
    },
    {
      what: 'speed of 10,000-row results against HAProxy',
      value: speedRatio(of('rows-10k'), 'postgres', 'haproxy'),
      target: 0.8,
      better: higher,
      unit: '×',
    },
    {
      what: 'memory of an idle connection',
      value: spread([(idle.get('postgres') ?? Number.NaN) / 1024]),
      target: 40,
      better: lower,
      unit: 'KiB',
    },
  ];
}
