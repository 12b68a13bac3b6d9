import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { which } from '../../../scripts/debian-packages.mjs';
import type { LoadResult } from '../subject.ts';

const run = promisify(execFile);

const TABLE_ROWS = 100_000;
/** Rows of one result of the bulk load, and what they weigh: c is 119 characters, each row has two length bytes and a header. */
export const RANGE_ROWS = 10_000;
export const rangeBytes = RANGE_ROWS * (119 + 1 + 4);
const MAX_BUFFER = 16 * 1024 * 1024;

export interface SysbenchLoad {
  readonly script: 'oltp_point_select' | 'oltp_read_only';
  readonly clients: number;
  /** COM_STMT_EXECUTE instead of COM_QUERY. */
  readonly prepared: boolean;
  /** One simple range of RANGE_ROWS rows a transaction, and nothing else. */
  readonly ranges?: boolean;
}

const common = (port: number): string[] => [
  '--db-driver=mysql',
  '--mysql-host=127.0.0.1',
  `--mysql-port=${port}`,
  '--mysql-user=open',
  '--mysql-db=shop',
  '--mysql-ssl=off',
  `--table-size=${TABLE_ROWS}`,
];

/** Creates and fills the table. */
export async function prepareSysbench({ port }: { readonly port: number }): Promise<void> {
  await sysbench([...common(port), 'oltp_point_select', 'prepare']);
}

/** Rejects when a query failed. */
export async function runSysbench(
  { port }: { readonly port: number },
  seconds: number,
  { script, clients, prepared, ranges }: SysbenchLoad,
): Promise<LoadResult> {
  const only = ['--point-selects=0', '--sum-ranges=0', '--order-ranges=0', '--distinct-ranges=0', '--skip-trx=on'];
  const said = await sysbench([
    ...common(port),
    `--threads=${clients}`,
    `--time=${Math.max(1, Math.round(seconds))}`,
    `--db-ps-mode=${prepared ? 'auto' : 'disable'}`,
    '--mysql-ignore-errors=none',
    '--histogram=on',
    ...(ranges ? ['--simple-ranges=1', `--range-size=${RANGE_ROWS}`, ...only] : []),
    script,
    'run',
  ]);
  const number = (pattern: RegExp): number => {
    const found = pattern.exec(said)?.[1];
    if (found === undefined) throw new Error(`sysbench said nothing of ${pattern}:\n${said.slice(-800)}`);
    return Number(found);
  };
  const queries = number(/queries:\s+(\d+)/);
  const latencies = histogramOf(said);
  return {
    queries,
    seconds: number(/total time:\s+([\d.]+)s/),
    p50Us: quantileOf(latencies, 0.5),
    p99Us: quantileOf(latencies, 0.99),
  };
}

async function sysbench(args: readonly string[]): Promise<string> {
  const program = which('sysbench');
  if (program === null) throw new Error('sysbench is not installed');
  const { stdout } = await run(program, [...args], { maxBuffer: MAX_BUFFER });
  if (/FATAL|reconnects:\s+[1-9]|ignored errors:\s+[1-9]/.test(stdout))
    throw new Error(`sysbench: ${stdout.slice(-800)}`);
  return stdout;
}

interface Bucket {
  readonly us: number;
  readonly count: number;
}

/** Lines such as `       0.049 |**********      1234` of --histogram: ms, and how many. */
const histogramOf = (said: string): Bucket[] =>
  [...said.matchAll(/^\s+([\d.]+) \|\**\s+(\d+)$/gm)].map(([, ms, count]) => ({
    us: Number(ms) * 1000,
    count: Number(count),
  }));

function quantileOf(buckets: readonly Bucket[], q: number): number {
  const all = buckets.reduce((sum, { count }) => sum + count, 0);
  let seen = 0;
  for (const { us, count } of buckets) {
    seen += count;
    if (seen >= all * q) return us;
  }
  return Number.NaN;
}
