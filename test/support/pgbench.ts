import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { runClient, type Target } from './psql.ts';

export interface PgbenchOptions {
  readonly clients?: number;
  readonly threads?: number;
  /** Run for this long … */
  readonly seconds?: number;
  /** … or for so many transactions a client. */
  readonly transactions?: number;
  readonly mode?: 'simple' | 'extended' | 'prepared';
  /** Own script text (pgbench's language); built-in select-only when neither is given. */
  readonly script?: string;
  readonly builtin?: 'select-only' | 'simple-update' | 'tpcb-like';
  /** Open loop: transactions a second over all clients. Latency then counts from the scheduled time. */
  readonly rate?: number;
  /** Collect every transaction's latency. */
  readonly latencies?: boolean;
  /** A new connection a transaction. */
  readonly reconnect?: boolean;
  readonly args?: readonly string[];
  readonly limitMs?: number;
}

export interface PgbenchResult {
  readonly code: number | null;
  /** Transactions done. */
  readonly transactions: number;
  readonly failed: number;
  /** Transactions a second, without the time to connect. */
  readonly tps: number;
  readonly latencyAverageMs: number;
  /** Sorted, microseconds; with `latencies` only. */
  readonly latenciesUs: Float64Array;
  readonly stdout: string;
  readonly stderr: string;
}

/** Creates and fills pgbench's tables. */
export async function pgbenchInit(target: Target, scale = 1): Promise<void> {
  const ran = await runClient('pgbench', ['-i', '-q', '-s', String(scale)], target);
  if (ran.code !== 0) throw new Error(`pgbench -i failed: ${ran.stderr}`);
}

/** Runs pgbench without vacuum. Never rejects for its exit code: look at `code`. */
export async function pgbench(target: Target, options: PgbenchOptions = {}): Promise<PgbenchResult> {
  const folder = await mkdtemp(path.join(tmpdir(), 'sluice-pgbench-'));
  try {
    const args = [
      '-n',
      '-c',
      String(options.clients ?? 1),
      '-j',
      String(options.threads ?? 1),
      '-M',
      options.mode ?? 'simple',
    ];
    if (options.transactions !== undefined) args.push('-t', String(options.transactions));
    else args.push('-T', String(options.seconds ?? 1));
    if (options.rate !== undefined) args.push('-R', String(options.rate));
    if (options.reconnect) args.push('-C');
    if (options.latencies) args.push('-l', `--log-prefix=${path.join(folder, 'log')}`);
    if (options.script !== undefined) {
      const file = path.join(folder, 'script.sql');
      await writeFile(file, options.script);
      args.push('-f', file);
    } else args.push('-b', options.builtin ?? 'select-only');
    const ran = await runClient('pgbench', [...args, ...(options.args ?? [])], target, '', options.limitMs ?? 120_000);
    const number = (pattern: RegExp) => Number(pattern.exec(ran.stdout)?.[1] ?? 0);
    return {
      ...ran,
      transactions: number(/transactions actually processed: (\d+)/),
      failed: number(/failed transactions: (\d+)/),
      tps: number(/tps = ([\d.]+)/),
      latencyAverageMs: number(/latency average = ([\d.]+)/),
      latenciesUs: options.latencies ? await readLatencies(folder) : new Float64Array(0),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** pgbench's log: client, transaction, latency in µs, script, seconds, µs; one file a thread. */
async function readLatencies(folder: string): Promise<Float64Array> {
  const values: number[] = [];
  for (const name of await readdir(folder)) {
    if (!name.startsWith('log')) continue;
    for (const line of (await readFile(path.join(folder, name), 'utf8')).split('\n')) {
      const latency = Number(line.split(' ')[2]);
      if (line !== '' && Number.isFinite(latency)) values.push(latency);
    }
  }
  return Float64Array.from(values).sort();
}
