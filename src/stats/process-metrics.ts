import { readdir, stat } from 'node:fs/promises';
import { collectDefaultMetrics, Gauge, Registry } from 'prom-client';
import type { ProcessFamily, ProcessSample } from './process-sample.ts';

/**
 * Left out, or done otherwise: they make a list of every socket, synchronously. With 9,000 sockets a sample took 26 ms,
 * with 48 ms at worst, on the loop that carries the traffic (threats ND-03); without them 1 ms.
 */
const COSTLY = [
  'nodejs_active_handles',
  'nodejs_active_handles_total',
  'nodejs_active_requests',
  'nodejs_active_requests_total',
  'nodejs_active_resources',
  'nodejs_active_resources_total',
  'process_open_fds',
];

/** prom-client's default metrics of this process, in a registry of their own. For facts and workers. */
export class ProcessSampler {
  readonly #role: string;
  readonly #registry = new Registry();

  constructor(role: string) {
    this.#role = role;
    collectDefaultMetrics({ register: this.#registry });
    for (const name of COSTLY) this.#registry.removeSingleMetric(name);
    if (process.platform !== 'linux') return;
    new Gauge({
      name: 'process_open_fds',
      help: 'Number of open file descriptors.',
      registers: [this.#registry],
      async collect() {
        this.set(await openDescriptors());
      },
    });
  }

  async sample(): Promise<ProcessSample> {
    const metrics: readonly CollectedMetric[] = await this.#registry.getMetricsAsJSON();
    return { role: this.#role, pid: process.pid, families: metrics.map(toFamily) };
  }
}

/** What getMetricsAsJSON gives; prom-client's own types leave `values` out. */
interface CollectedMetric {
  readonly name: string;
  readonly help: string;
  readonly type: unknown;
  readonly values?: readonly {
    readonly value: number;
    readonly labels: Partial<Record<string, string | number>>;
    readonly metricName?: string;
  }[];
}

function toFamily({ name, help, type, values = [] }: CollectedMetric): ProcessFamily {
  // a mean of nothing is NaN, which JSON turns into null
  const numbers = values.filter(({ value }) => Number.isFinite(value));
  const samples = numbers.map(({ value, labels, metricName = name }) => ({
    suffix: suffixOf(metricName.slice(name.length)),
    labels: Object.fromEntries(Object.entries(labels).map(([label, text]) => [label, String(text)])),
    value,
  }));
  return { name, help, type: typeOf(type), samples };
}

const suffixOf = (text: string): ProcessFamily['samples'][number]['suffix'] =>
  text === '_bucket' || text === '_sum' || text === '_count' ? text : '';
const typeOf = (type: unknown): ProcessFamily['type'] =>
  type === 'counter' || type === 'histogram' || type === 'summary' ? type : 'gauge';

/** Linux 6.2 and later tell the number as the folder's size; before, the names are listed, off the loop. */
async function openDescriptors(): Promise<number> {
  const { size } = await stat('/proc/self/fd');
  return size > 0 ? size : (await readdir('/proc/self/fd', { encoding: 'buffer' })).length - 1;
}
