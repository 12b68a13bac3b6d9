/**
 * `npm run bench [-- --quick] [--json FILE] [--only LOAD,…] [--setups NAME,…] [--rounds N] [--seconds N]`: what Sluice costs, as ratios in
 * one run on one machine. Postgres, HAProxy (one thread, TCP mode), PgBouncer where installed, Sluice with tcp_proxy
 * alone and Sluice with the Postgres filter (one worker); all runs interleaved.
 */
import { writeFileSync } from 'node:fs';
import { cpus, release } from 'node:os';
import { parseArgs } from 'node:util';
import { installPackages } from '../../scripts/debian-packages.mjs';
import { pgbenchInit } from '../support/pgbench.ts';
import { type RealPostgres, startRealPostgres } from '../support/real-postgres.ts';
import { spread } from './figures.ts';
import { idleConnectionBytes } from './idle-memory.ts';
import { BULK_SCHEMA, LOADS, openLoop } from './loads.ts';
import { interleave, type Run } from './measure.ts';
import { ownJs } from './own-js.ts';
import {
  addedLatencyRatio,
  cpuRatio,
  loadTable,
  P50,
  P99,
  type Runs,
  speedRatio,
  type TargetRow,
  targetTable,
} from './report.ts';
import { isAvailable, SETUPS, type Setup, startSetup } from './setups.ts';

const say = (text: string) => process.stdout.write(`${text}\n`);
const WARM_UP = new Set(['simple-c16', 'rows-10k']);
const options = readOptions();

const results = new Map<string, Runs>();
const idle = new Map<string, number>();
await main();

async function main(): Promise<void> {
  const startedAt = performance.now();
  const missing = installPackages(['postgresql', 'haproxy'], say);
  for (const [name, why] of Object.entries(missing)) say(`without ${name}: ${why}`);
  const names = SETUPS.filter((name) => isAvailable(name) && options.setups(name));
  const server = await startServer();
  const setups: Setup[] = [];
  try {
    for (const name of names) setups.push(await startSetup(name, server.port));
    say(`Postgres ${server.version}, Node ${process.versions.node}, ${cpus().length} cores, Linux ${release()}`);
    say(
      `${options.rounds} interleaved rounds of ${options.seconds} s; medians, and (lowest–highest); = means no difference\n`,
    );
    await warmUp(setups);
    for (const load of LOADS) {
      if (!options.wants(load.name) || (options.quick && !load.quick)) continue;
      const runs = await interleave(setups, load, options.seconds, options.rounds);
      results.set(load.name, runs);
      say(`${loadTable(load.title, runs, load.bytesPerQuery)}\n`);
    }
    await latency(setups);
  } finally {
    await Promise.all(setups.map((setup) => setup.stop()));
    await server.stop();
  }
  if (options.wants('idle')) {
    for (const name of names)
      if (name !== 'direct') idle.set(name, await idleConnectionBytes(name, options.quick ? 500 : 2_000));
    say('memory of an idle connection, KiB');
    for (const [name, bytes] of idle) say(`  ${name.padEnd(10)} ${(bytes / 1024).toFixed(1)}`);
    say('');
  }
  const targets = await targetRows();
  say('against the targets');
  say(targetTable(targets));
  say(`\n${((performance.now() - startedAt) / 1000).toFixed(0)} s`);
  if (options.json) writeFileSync(options.json, `${JSON.stringify(toJson(targets), null, 2)}\n`);
}

async function startServer(): Promise<RealPostgres> {
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
  return server;
}

/** Lets just-in-time compilers see small and large traffic before anything is measured. */
async function warmUp(setups: readonly Setup[]): Promise<void> {
  for (const setup of setups) {
    if (setup.name === 'direct') continue;
    for (const load of LOADS) if (WARM_UP.has(load.name)) await load.run({ port: setup.port }, 1);
  }
}

/** Half of what the slowest setup did at c=16, the same for all: latency under a load that all can carry. */
async function latency(setups: readonly Setup[]): Promise<void> {
  const closed = results.get('simple-c16');
  if (!closed || !options.wants('latency-half-load')) return;
  const slowest = Math.min(...[...closed.values()].map((runs) => spread(runs.map((run) => run.queriesPerS)).median));
  const load = openLoop(Math.round(slowest / 2));
  const runs = await interleave(setups, load, options.seconds, options.rounds);
  results.set(load.name, runs);
  say(`${loadTable(load.title, runs, 0)}\n`);
}

/** The cost table of ARCHITECTURE.md, as far as this run measured it. */
async function targetRows(): Promise<TargetRow[]> {
  const of = (name: string): Runs => results.get(name) ?? new Map<string, Run[]>();
  const half = of('latency-half-load');
  const own = options.wants('own-js') ? await ownJs(options.quick) : { simpleUs: [], preparedUs: [] };
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

function toJson(targets: readonly TargetRow[]): object {
  return {
    quick: options.quick,
    rounds: options.rounds,
    seconds: options.seconds,
    node: process.versions.node,
    loads: Object.fromEntries([...results].map(([name, runs]) => [name, Object.fromEntries(runs)])),
    idleConnectionBytes: Object.fromEntries(idle),
    targets,
  };
}

function readOptions() {
  const { values } = parseArgs({
    options: {
      quick: { type: 'boolean', default: false },
      json: { type: 'string' },
      only: { type: 'string' },
      setups: { type: 'string' },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
    },
  });
  const number = (text: string | undefined, usual: number) =>
    text === undefined ? usual : Math.max(1, Number.parseInt(text, 10));
  const only = values.only?.split(',');
  const setups = values.setups?.split(',');
  return {
    quick: values.quick,
    json: values.json,
    rounds: number(values.rounds, values.quick ? 1 : 5),
    seconds: number(values.seconds, values.quick ? 1 : 3),
    // PgBouncer is for orientation: no ratio stands on it.
    setups: (name: string) => (setups ? setups.includes(name) : !values.quick || name !== 'pgbouncer'),
    wants: (name: string) => only === undefined || only.includes(name),
  };
}
