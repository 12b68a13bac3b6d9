import { readFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { memoryUsage } from './memory-usage.ts';
import type { ProcessFamily, ProcessSample } from './process-sample.ts';

/**
 * The core process metrics with nothing but Node: for the primary, which runs no third-party library. Names and help
 * texts are prom-client's, so the roles share their families.
 */
export class BasicProcessSampler {
  readonly #role: string;
  readonly #delay: ReturnType<typeof monitorEventLoopDelay>;

  constructor(role: string) {
    this.#role = role;
    this.#delay = monitorEventLoopDelay({ resolution: 10 });
    this.#delay.enable();
  }

  /** Synchronous and cheap: one read of procfs, which never blocks. */
  sample(): ProcessSample {
    const cpu = process.cpuUsage();
    const memory = memoryUsage();
    const lag = (ns: number): number => (Number.isFinite(ns) ? ns / 1e9 : 0);
    const families = [
      family('process_cpu_user_seconds_total', 'counter', 'Total user CPU time spent in seconds.', cpu.user / 1e6),
      family(
        'process_cpu_system_seconds_total',
        'counter',
        'Total system CPU time spent in seconds.',
        cpu.system / 1e6,
      ),
      family(
        'process_cpu_seconds_total',
        'counter',
        'Total user and system CPU time spent in seconds.',
        (cpu.user + cpu.system) / 1e6,
      ),
      family(
        'process_start_time_seconds',
        'gauge',
        'Start time of the process since unix epoch in seconds.',
        Math.round(Date.now() / 1000 - process.uptime()),
      ),
      family('process_resident_memory_bytes', 'gauge', 'Resident memory size in bytes.', memory.rss),
      ...procStatus(),
      family('nodejs_heap_size_total_bytes', 'gauge', 'Process heap size from Node.js in bytes.', memory.heapTotal),
      family('nodejs_heap_size_used_bytes', 'gauge', 'Process heap size used from Node.js in bytes.', memory.heapUsed),
      family('nodejs_external_memory_bytes', 'gauge', 'Node.js external memory size in bytes.', memory.external),
      family(
        'nodejs_eventloop_lag_max_seconds',
        'gauge',
        'The maximum recorded event loop delay.',
        lag(this.#delay.max),
      ),
      family(
        'nodejs_eventloop_lag_p99_seconds',
        'gauge',
        'The 99th percentile of the recorded event loop delays.',
        lag(this.#delay.percentile(99)),
      ),
    ];
    this.#delay.reset();
    return { role: this.#role, pid: process.pid, families };
  }

  /** Ends the event loop monitor. */
  stop(): void {
    this.#delay.disable();
  }
}

function family(name: string, type: 'counter' | 'gauge', help: string, value: number): ProcessFamily {
  return { name, help, type, samples: [{ suffix: '', labels: {}, value }] };
}

/** Only Linux has it. */
function procStatus(): ProcessFamily[] {
  try {
    const text = readFileSync('/proc/self/status', 'utf8');
    const bytes = (field: string): number => Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(text)?.[1]) * 1024;
    return [
      family('process_virtual_memory_bytes', 'gauge', 'Virtual memory size in bytes.', bytes('VmSize')),
      family('process_heap_bytes', 'gauge', 'Process heap size in bytes.', bytes('VmData')),
    ];
  } catch {
    return [];
  }
}
