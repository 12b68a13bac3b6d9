import { type FileHandle, mkdtemp, open, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { which } from '../../scripts/debian-packages.mjs';
import { freePort } from './free-port.ts';
import { startGuarded } from './guarded-process.ts';
import { allowedMs } from './pace.ts';
import { poll } from './poll.ts';

const START_LIMIT_MS = 60_000;
const LONGEST_SCRAPE_MS = 5000;

export interface PrometheusOptions {
  /** Job → where its targets listen, `127.0.0.1:9901`, or an admin URL. All are asked for `/metrics`. */
  readonly targets?: Readonly<Record<string, string | readonly string[]>>;
  /** Files of recording rules and alerts, absolute paths. Evaluated as often as targets are scraped. */
  readonly ruleFiles?: readonly string[];
  /**
   * Asks for protobuf and keeps native histograms. Prometheus 2.42 then keeps no classic buckets of a histogram that has
   * native ones, so what reads `_bucket` needs a server without this.
   */
  readonly nativeHistograms?: boolean;
  /** Milliseconds between scrapes, of a quiet machine, up to 5 s where it is slower; a scrape may take as long. */
  readonly scrapeMs?: number;
}

/** `value`: of an instant query; a native histogram has `histogram` instead. */
export interface InstantSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly histogram: NativeSample | null;
}
/** Buckets as Prometheus gives them: which bounds belong to it (0: the upper, 3: both), lower, upper, count. */
export interface NativeSample {
  readonly count: number;
  readonly sum: number;
  readonly buckets: readonly (readonly [rule: number, lower: number, upper: number, count: number])[];
}
export interface RangeSeries {
  readonly labels: Readonly<Record<string, string>>;
  readonly points: readonly (readonly [seconds: number, value: number])[];
}
export interface StoredExemplar {
  readonly series: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Seconds since the epoch. */
  readonly at: number;
}

export interface RealPrometheus {
  /** `http://127.0.0.1:port` */
  readonly url: string;
  /** Instant query, now or at `at` (seconds since the epoch). A scalar is one series without labels. Throws for bad PromQL. */
  query(promql: string, at?: number): Promise<InstantSeries[]>;
  /** Seconds; the last minute in steps of a second when nothing is said. */
  queryRange(promql: string, range?: { start?: number; end?: number; step?: number }): Promise<RangeSeries[]>;
  /** Of the last ten minutes. */
  exemplars(selector: string): Promise<StoredExemplar[]>;
  /** Resolves when each target (of the job) has been scraped `times` times since this call, well; throws with Prometheus' reason. */
  scraped(times?: number, job?: string): Promise<void>;
  /** Any path of its API: the `data` of the answer. Throws with Prometheus' own message. */
  api<T>(route: string, params?: Readonly<Record<string, string>>): Promise<T>;
  log(): Promise<string>;
  /** SIGKILL; resolves when it is gone, its folder too. */
  stop(): Promise<void>;
}

/** A throw-away Prometheus on a port of its own that keeps exemplars. Gone with this process, however it ends. */
export async function startPrometheus(options: PrometheusOptions = {}): Promise<RealPrometheus> {
  const program = which('prometheus');
  if (program === null) throw new Error('prometheus is not installed (Debian: apt-get install prometheus)');
  const home = await mkdtemp(path.join(tmpdir(), 'sluice-prometheus-'));
  const [port, log, config] = [await freePort(), path.join(home, 'log'), path.join(home, 'prometheus.json')];
  const scrapeMs = Math.min(LONGEST_SCRAPE_MS, Math.round(await allowedMs(options.scrapeMs ?? 1000)));
  await writeFile(config, JSON.stringify(configOf({ ...options, scrapeMs }))); // JSON is YAML
  const logged = await open(log, 'a+');
  const features = ['exemplar-storage', ...(options.nativeHistograms ? ['native-histograms'] : [])];
  const args = [
    `--config.file=${config}`,
    `--storage.tsdb.path=${path.join(home, 'data')}`,
    `--web.listen-address=127.0.0.1:${port}`,
    `--enable-feature=${features.join(',')}`,
  ];
  const server = await startGuarded([program, ...args], { log, home, cwd: home });
  const stop = async () => {
    await server.stop();
    await logged.close();
  };
  const url = `http://127.0.0.1:${port}`;
  let ended = false;
  void server.ended.then(() => {
    ended = true;
  });
  try {
    const ready = async () => ended || (await fetch(`${url}/-/ready`)).status === 200;
    await poll('prometheus is ready', ready, { withinMs: START_LIMIT_MS });
    if (ended) throw new Error('it ended');
  } catch (error) {
    const said = await wholeOf(logged);
    await stop();
    throw new Error(`prometheus did not start:\n${said}`, { cause: error });
  }
  return { ...client(url), url, log: () => wholeOf(logged), stop };
}

function configOf({ targets = {}, ruleFiles = [], scrapeMs }: PrometheusOptions & { scrapeMs: number }): object {
  const each = `${scrapeMs}ms`;
  return {
    global: { scrape_interval: each, scrape_timeout: each, evaluation_interval: each },
    rule_files: ruleFiles,
    scrape_configs: Object.entries(targets).map(([job, where]) => ({
      job_name: job,
      static_configs: [{ targets: [where].flat().map((one) => one.replace(/^http:\/\//, '')) }],
    })),
  };
}

type Matrix = { metric: Record<string, string>; values?: [number, string][] }[];
interface RawHistogram {
  count: string;
  sum: string;
  buckets?: [number, string, string, string][];
}
type Answer =
  | { resultType: 'scalar' | 'string'; result: [number, string] }
  | {
      resultType: 'vector';
      result: { metric: Record<string, string>; value?: [number, string]; histogram?: [number, RawHistogram] }[];
    };

function client(url: string): Pick<RealPrometheus, 'query' | 'queryRange' | 'exemplars' | 'scraped' | 'api'> {
  const api = async <T>(route: string, params: Readonly<Record<string, string>> = {}): Promise<T> => {
    const response = await fetch(`${url}${route}?${new URLSearchParams(params)}`);
    const text = await response.text();
    if (!text.startsWith('{')) throw new Error(`${route}: ${response.status} ${text}`);
    const answer = JSON.parse(text) as { status: string; error?: string; data: T };
    if (answer.status !== 'success') throw new Error(`${answer.error} in ${params['query'] ?? route}`);
    return answer.data;
  };
  return {
    api,
    query: async (promql, at) => {
      const answer = await api<Answer>('/api/v1/query', { query: promql, ...(at ? { time: String(at) } : {}) });
      if (answer.resultType !== 'vector') return [{ labels: {}, value: number(answer.result[1]), histogram: null }];
      return answer.result.map(({ metric, value, histogram }) => ({
        labels: metric,
        value: value ? number(value[1]) : Number.NaN,
        histogram: histogram ? nativeSample(histogram[1]) : null,
      }));
    },
    queryRange: async (promql, { end = Date.now() / 1000, start = end - 60, step = 1 } = {}) => {
      const params = { query: promql, start: String(start), end: String(end), step: String(step) };
      const { result } = await api<{ result: Matrix }>('/api/v1/query_range', params);
      return result.map(({ metric, values = [] }) => ({
        labels: metric,
        points: values.map(([at, value]) => [at, number(value)] as const),
      }));
    },
    exemplars: async (selector) => {
      const end = Date.now() / 1000 + 1;
      const params = { query: selector, start: String(end - 600), end: String(end) };
      const found = await api<RawExemplars>('/api/v1/query_exemplars', params);
      return found.flatMap(({ seriesLabels, exemplars }) =>
        exemplars.map(({ labels, value, timestamp }) => ({
          series: seriesLabels,
          labels,
          value: number(value),
          at: timestamp,
        })),
      );
    },
    scraped: async (times = 1, job) => {
      for (let i = 0; i < times; i++) {
        const since = Date.now();
        await poll(
          'prometheus has scraped',
          async () => {
            const { activeTargets } = await api<Targets>('/api/v1/targets', { state: 'active' });
            const asked = activeTargets.filter(({ labels }) => job === undefined || labels['job'] === job);
            const wrong = asked.find(({ lastError }) => lastError !== '');
            if (wrong) throw new Error(`${wrong.scrapeUrl}: ${wrong.lastError}`);
            return asked.length > 0 && asked.every(({ lastScrape }) => Date.parse(lastScrape) > since);
          },
          SCRAPED_WITHIN,
        );
      }
    },
  };
}

/** On a machine that does much else, a scrape may miss its time. */
const SCRAPED_WITHIN = { withinMs: 90_000 };

type RawExemplars = {
  seriesLabels: Record<string, string>;
  exemplars: { labels: Record<string, string>; value: string; timestamp: number }[];
}[];
interface Targets {
  activeTargets: { labels: Record<string, string>; scrapeUrl: string; lastError: string; lastScrape: string }[];
}

const number = (text: string): number =>
  text === '+Inf' ? Infinity : text === '-Inf' ? -Infinity : Number.parseFloat(text);

const nativeSample = ({ count, sum, buckets = [] }: RawHistogram): NativeSample => ({
  count: number(count),
  sum: number(sum),
  buckets: buckets.map(([rule, lower, upper, n]) => [rule, number(lower), number(upper), number(n)] as const),
});

async function wholeOf(file: FileHandle): Promise<string> {
  const { size } = await file.stat();
  const { buffer, bytesRead } = await file.read(Buffer.alloc(size), 0, size, 0);
  return buffer.toString('utf8', 0, bytesRead);
}
