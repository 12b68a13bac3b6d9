import { pgbench } from '../../support/pgbench.ts';
import { runClient, type Target } from '../../support/psql.ts';
import { quantile } from '../figures.ts';
import type { Load, LoadResult } from '../subject.ts';

/** Queries of one pipelined batch. */
const PIPELINE = 20;
/** Rows of the bulk table and of one COPY; about 1 MB of text. */
export const BULK_ROWS = 10_000;

const POINT_SELECT = '\\set aid random(1, 100000)\nSELECT abalance FROM pgbench_accounts WHERE aid = :aid;\n';
const PIPELINED = `\\startpipeline\n${POINT_SELECT.repeat(PIPELINE)}\\endpipeline\n`;

interface PgbenchLoad {
  readonly mode: 'simple' | 'prepared';
  readonly clients: number;
  readonly script: string;
  readonly queriesPerTransaction: number;
  /** Transactions a second (open loop); closed loop when absent. */
  readonly rate?: number;
}

export async function runPgbench(target: Target, seconds: number, load: PgbenchLoad): Promise<LoadResult> {
  const { mode, clients, script, rate } = load;
  const result = await pgbench(target, { mode, clients, script, seconds, latencies: true, ...(rate ? { rate } : {}) });
  if (result.code !== 0 || result.failed > 0) throw new Error(`pgbench failed: ${result.stderr.slice(-500)}`);
  return {
    queries: result.transactions * load.queriesPerTransaction,
    seconds: result.transactions / result.tps,
    p50Us: quantile(result.latenciesUs, 0.5),
    p99Us: quantile(result.latenciesUs, 0.99),
  };
}

const pointSelects = (mode: 'simple' | 'prepared', clients: number, quick: boolean): Load => ({
  name: `${mode}-c${clients}`,
  title: `${mode} point selects, ${clients} connection${clients > 1 ? 's' : ''}`,
  quick,
  warmsUp: mode === 'simple' && clients === 16,
  bytesPerQuery: 0,
  run: (target, seconds) =>
    runPgbench(target, seconds, { mode, clients, script: POINT_SELECT, queriesPerTransaction: 1 }),
});

const pipelined = (clients: number, quick: boolean): Load => ({
  name: `pipelined-c${clients}`,
  title: `pipelined point selects, ${PIPELINE} a batch, ${clients} connection${clients > 1 ? 's' : ''}`,
  quick,
  bytesPerQuery: 0,
  run: (target, seconds) =>
    runPgbench(target, seconds, { mode: 'prepared', clients, script: PIPELINED, queriesPerTransaction: PIPELINE }),
});

const bulkRow = (n: number) => `${n}\t${'x'.repeat(90)}\n`;
const bulkBytes = Array.from({ length: BULK_ROWS }, (_, n) => bulkRow(n).length).reduce((a, b) => a + b, 0);

/** Filled once on the server itself: bulk(n int, filler text). */
export const BULK_SCHEMA = `create table bulk as select n, repeat('x', 90) as filler from generate_series(0, ${BULK_ROWS - 1}) n;
  vacuum analyze bulk;`;

const rows: Load = {
  name: 'rows-10k',
  title: `${BULK_ROWS.toLocaleString('en')}-row results (${(bulkBytes / 1e6).toFixed(1)} MB)`,
  quick: true,
  warmsUp: true,
  bytesPerQuery: bulkBytes,
  run: (target, seconds) =>
    runPgbench(target, seconds, {
      mode: 'simple',
      clients: 1,
      script: 'SELECT * FROM bulk;\n',
      queriesPerTransaction: 1,
    }),
};

/** psql runs one COPY after another; their number comes from the time wanted, about 8 ms each. */
function copyLoad(name: string, title: string, quick: boolean, script: (copies: number) => string): Load {
  return {
    name,
    title,
    quick,
    bytesPerQuery: bulkBytes,
    async run(target, seconds) {
      const copies = Math.ceil(seconds * 60);
      const input = script(copies);
      const startedAt = performance.now();
      const ran = await runClient('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-o', '/dev/null'], target, input);
      if (ran.code !== 0) throw new Error(`psql failed: ${ran.stderr.slice(-500)}`);
      return { queries: copies, seconds: (performance.now() - startedAt) / 1000, p50Us: Number.NaN, p99Us: Number.NaN };
    },
  };
}

const copyOut = copyLoad('copy-out', 'COPY TO STDOUT', true, (copies) => 'copy bulk to stdout;\n'.repeat(copies));
const copyInBlock = `copy incoming from stdin;\n${Array.from({ length: BULK_ROWS }, (_, n) => bulkRow(n)).join('')}\\.\n`;
const copyIn = copyLoad(
  'copy-in',
  'COPY FROM STDIN',
  false,
  (copies) => `create temp table incoming (like bulk);\n${`${copyInBlock}truncate incoming;\n`.repeat(copies)}`,
);

export const LOADS: readonly Load[] = [
  pointSelects('simple', 1, true),
  pointSelects('simple', 16, true),
  pointSelects('prepared', 1, false),
  pointSelects('prepared', 16, true),
  pipelined(1, false),
  pipelined(16, true),
  rows,
  copyOut,
  copyIn,
];

/** Open loop: simple point selects at a fixed rate over 16 connections; latency counts from the scheduled time. */
export const openLoop = (rate: number): Load => ({
  name: 'latency-half-load',
  title: `latency, simple point selects at ${Math.round(rate).toLocaleString('en')}/s (half load), 16 connections`,
  quick: true,
  bytesPerQuery: 0,
  run: (target, seconds) =>
    runPgbench(target, seconds, { mode: 'simple', clients: 16, script: POINT_SELECT, queriesPerTransaction: 1, rate }),
});
