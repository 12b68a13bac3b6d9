import { spawn } from 'node:child_process';
import type { Ran } from './psql.ts';
import { redisProgram } from './real-redis.ts';

export interface RanRedis extends Ran {
  readonly signal: NodeJS.Signals | null;
}

/**
 * Runs a Debian client program against a port of 127.0.0.1, with `input` on its stdin. Never rejects for its exit code;
 * killed after `limitMs`.
 */
export function runRedisProgram(
  program: 'redis-cli' | 'redis-benchmark',
  port: number,
  args: readonly string[],
  input: string | Uint8Array = '',
  limitMs = 60_000,
): Promise<RanRedis> {
  return new Promise((resolve, reject) => {
    const child = spawn(redisProgram(program), ['-h', '127.0.0.1', '-p', String(port), ...args], {
      env: { ...process.env, LC_ALL: 'C', REDISCLI_RCFILE: '/dev/null' },
      stdio: 'pipe',
      timeout: limitMs,
      killSignal: 'SIGKILL',
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
    child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
    child.stdin.on('error', () => {}); // it ended before it read everything
    child.stdin.end(input);
    child.once('error', reject);
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
}

/** redis-cli with one command a line of the script. */
export const redisCli = (port: number, script: string, args: readonly string[] = []): Promise<RanRedis> =>
  runRedisProgram('redis-cli', port, args, script);

export interface BenchmarkOptions {
  /** `set`, `get`, `incr`, `lpush`, `mset` … as redis-benchmark calls them. */
  readonly tests: readonly string[];
  /** A test. */
  readonly requests: number;
  readonly connections?: number;
  readonly pipeline?: number;
  /** Keys are drawn from so many; all requests use one key when absent. */
  readonly keyspace?: number;
  readonly valueBytes?: number;
  readonly args?: readonly string[];
}

/** redis-benchmark to its end. Throws when it fails. */
export async function redisBenchmark(port: number, options: BenchmarkOptions): Promise<string> {
  const args = ['-q', '-n', String(options.requests), '-c', String(options.connections ?? 1)];
  args.push('-P', String(options.pipeline ?? 1), '-d', String(options.valueBytes ?? 3));
  if (options.keyspace !== undefined) args.push('-r', String(options.keyspace));
  const ran = await runRedisProgram('redis-benchmark', port, [
    ...args,
    '-t',
    options.tests.join(','),
    ...(options.args ?? []),
  ]);
  if (ran.code !== 0) throw new Error(`redis-benchmark: ${ran.code} ${ran.stderr}${ran.stdout}`);
  return ran.stdout;
}
