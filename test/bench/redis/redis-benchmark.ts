import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { which } from '../../../scripts/debian-packages.mjs';
import type { LoadResult } from '../subject.ts';

const run = promisify(execFile);

export interface RedisBenchmarkLoad {
  /** As --tests takes them: `set,get`. */
  readonly tests: string;
  readonly clients: number;
  readonly pipeline: number;
  readonly valueBytes: number;
}

interface TestResult {
  readonly perS: number;
  readonly p50Us: number;
  readonly p99Us: number;
}

const KEYS = 100_000;
/** Requests that find out how many there are in a second: redis-benchmark counts requests, not time. */
const PROBE = 2_000;
const PROBE_BYTES = 200_000_000;
const MOST_PER_S = 3_000_000;

/** Latencies are those of the slowest test. */
export async function runRedisBenchmark(
  { port }: { readonly port: number },
  seconds: number,
  load: RedisBenchmarkLoad,
): Promise<LoadResult> {
  // What `get` finds must be there: the benchmark reads what an earlier test of its own has left.
  if (load.tests === 'get') await benchmark(port, 1, { ...load, tests: 'set', clients: 1 });
  const probe = Math.max(20, Math.min(PROBE * load.pipeline, Math.floor(PROBE_BYTES / load.valueBytes)));
  const probed = await benchmark(port, probe, load);
  // A probe of a few requests may be over before the clock has moved.
  const perS = Math.min(MOST_PER_S, ...probed.map((test) => test.perS));
  const requests = Math.max(probe, Math.round((perS * seconds) / probed.length));
  const tests = await benchmark(port, requests, load);
  const all = (results: readonly TestResult[], count: number) =>
    results.reduce((sum, test) => sum + count / test.perS, 0);
  return {
    // The probe's commands cost CPU as well: they count.
    queries: probed.length * (probe + requests),
    seconds: all(probed, probe) + all(tests, requests),
    p50Us: Math.max(...tests.map((test) => test.p50Us)),
    p99Us: Math.max(...tests.map((test) => test.p99Us)),
  };
}

async function benchmark(port: number, requests: number, load: RedisBenchmarkLoad): Promise<TestResult[]> {
  const { tests, clients, pipeline, valueBytes } = load;
  const program = which('redis-benchmark');
  if (program === null) throw new Error('redis-benchmark is not installed');
  const args = {
    p: port,
    t: tests,
    c: clients,
    P: pipeline,
    n: requests,
    d: valueBytes,
    r: valueBytes > 1000 ? 1 : KEYS,
  };
  const flags = Object.entries(args).flatMap(([flag, value]) => [`-${flag}`, String(value)]);
  const { stdout } = await run(program, ['-h', '127.0.0.1', '-e', '--csv', ...flags]);
  // "test","rps","avg_latency_ms","min_latency_ms","p50_latency_ms","p95_latency_ms","p99_latency_ms","max_latency_ms"
  const results = stdout
    .split('\n')
    .map((line) => line.split(',').map((cell) => cell.replaceAll('"', '')))
    .filter((cells) => cells.length === 8 && cells[0] !== 'test')
    .map((cells) => ({ perS: Number(cells[1]), p50Us: Number(cells[4]) * 1000, p99Us: Number(cells[6]) * 1000 }));
  if (results.length !== tests.split(',').length) throw new Error(`redis-benchmark said:\n${stdout.slice(-500)}`);
  return results;
}
