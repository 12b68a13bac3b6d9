import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';

/** Latency of single commands, one after the other. */
export interface Latency {
  readonly count: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** Through Sluice, and straight to the server at the same time (those are not counted as sent). */
export interface Phase extends Latency {
  readonly name: string;
  readonly direct: Latency;
}

/** What the client itself counted. */
export interface LoadReport {
  readonly sent: number;
  readonly answered: number;
  /** Error replies, and connections that closed. */
  readonly errors: number;
  readonly seconds: number;
  readonly phases: readonly Phase[];
}

export interface RedisLoad {
  readonly child: ChildProcess;
  /** Latency is told by phases: a new one begins. */
  mark(phase: string): void;
  /** Waits for every reply, closes the connections. */
  end(): Promise<LoadReport>;
}

/** Traffic at a fixed rate to a port on 127.0.0.1, behind which `direct` is, from a process of its own. Gone with this one. */
export async function startRedisLoad(port: number, rate: number, direct: number): Promise<RedisLoad> {
  const file = path.join(import.meta.dirname, 'redis-load-process.ts');
  const child = fork(file, ['--port', String(port), '--rate', String(rate), '--direct', String(direct)]);
  let report: LoadReport | null = null;
  child.on('message', (told: { report?: LoadReport }) => (report = told.report ?? report));
  const gone = once(child, 'exit');
  await Promise.race([once(child, 'message'), gone.then(() => Promise.reject(new Error('the load ended at once')))]);
  return {
    child,
    mark: (mark) => void child.send({ mark }),
    end: async () => {
      if (child.connected) child.send({ end: true });
      await gone;
      if (report === null) throw new Error('the load ended without a report');
      return report;
    },
  };
}
