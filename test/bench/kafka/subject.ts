import { ratios, type Spread, spread } from '../figures.ts';
import type { Run } from '../measure.ts';
import { cpuRatio, P50, P99, type Runs, speedRatio, type TargetRow } from '../report.ts';
import { type Load, runsOf, type Subject, type Upstream } from '../subject.ts';
import { type KafkaLoadKind, runKafkaLoad, startCannedServer } from './load.ts';
import { LARGE_BYTES } from './messages.ts';

interface KafkaLoad {
  readonly name: string;
  readonly title: string;
  readonly kind: KafkaLoadKind;
  readonly clients: number;
  readonly beside?: KafkaLoadKind;
  readonly quick: boolean;
}

const load = ({ name, title, kind, clients, beside, quick }: KafkaLoad): Load => ({
  name,
  title,
  quick,
  warmsUp: name !== 'produce-c1' && beside === undefined,
  bytesPerQuery: kind.endsWith('1mb') ? LARGE_BYTES : 0,
  run: (target, seconds) => runKafkaLoad(target, seconds, { kind, clients, ...(beside && { beside }) }),
});

const SMALL = 'produce of one record of 100 bytes, acks=1';

/** Kafka's protocol against a stand-in that answers with canned bytes, so that no broker's own work is in the figures. */
export const kafkaSubject: Subject = {
  name: 'kafka',
  packages: [],
  peers: [],
  start,
  loads: [
    load({ name: 'produce-c1', title: `${SMALL}, 1 connection`, kind: 'produce', clients: 1, quick: false }),
    load({ name: 'produce-c16', title: `${SMALL}, 16 connections`, kind: 'produce', clients: 16, quick: true }),
    load({
      name: 'produce-1mb',
      title: 'produce of 1 MB in one batch, 4 connections',
      kind: 'produce-1mb',
      clients: 4,
      quick: true,
    }),
    load({
      name: 'fetch-1mb',
      title: 'fetch of 1 MB in one batch, 4 connections',
      kind: 'fetch-1mb',
      clients: 4,
      quick: true,
    }),
    load({
      name: 'metadata-10k',
      title: 'metadata of 10,000 partitions, its addresses rewritten, 1 connection',
      kind: 'metadata',
      clients: 1,
      quick: true,
    }),
    load({
      name: 'produce-beside-metadata',
      title: `${SMALL}, 4 connections, beside one that asks for that metadata again and again; p99 is the slowest`,
      kind: 'produce',
      clients: 4,
      beside: 'metadata',
      quick: true,
    }),
  ],
  extras: [],
  targets,
};

async function start(): Promise<Upstream> {
  const { port, stop } = await startCannedServer();
  return { port, title: 'Kafka (a stand-in that answers with canned bytes)', stop };
}

function targets(results: ReadonlyMap<string, Runs>): TargetRow[] {
  const of = (name: string) => runsOf(results, name);
  const small = (name: string, clients: number): TargetRow => ({
    what: `CPU a small produce, kafka against tcp_proxy (c=${clients})`,
    value: cpuRatio(of(name), 'kafka', 'tcp_proxy'),
    target: 1.15,
    better: 'lower',
    unit: '×',
  });
  const large = (what: string, name: string): TargetRow => ({
    what: `speed of ${what} of 1 MB against HAProxy`,
    value: speedRatio(of(name), 'kafka', 'haproxy'),
    target: 0.8,
    better: 'higher',
    unit: '×',
  });
  return [
    small('produce-c1', 1),
    small('produce-c16', 16),
    large('produce', 'produce-1mb'),
    large('fetch', 'fetch-1mb'),
    {
      what: 'metadata of 10,000 partitions rewritten, beyond what tcp_proxy takes for it',
      value: addedMs(of('metadata-10k'), P50),
      target: 20,
      better: 'lower',
      unit: 'ms',
    },
    {
      what: 'the slowest small produce beside it, beyond the slowest through tcp_proxy',
      value: addedMs(of('produce-beside-metadata'), P99),
      target: 20,
      better: 'lower',
      unit: 'ms',
    },
    {
      what: 'memory of the worker after fetches of 1 MB, kafka against tcp_proxy',
      value: memoryRatio(of('fetch-1mb')),
      target: 1.25,
      better: 'lower',
      unit: '×',
    },
  ];
}

/** Round by round. */
function addedMs(runs: Runs, pick: (run: Run) => number): Spread {
  const plain = runs.get('tcp_proxy') ?? [];
  return spread(
    (runs.get('kafka') ?? []).map(
      (run, round) => (pick(run) - (plain[round] ? pick(plain[round]) : Number.NaN)) / 1000,
    ),
  );
}

function memoryRatio(runs: Runs): Spread {
  const of = (name: string) => (runs.get(name) ?? []).map(({ rssBytes }) => rssBytes['worker'] ?? Number.NaN);
  return ratios(of('kafka'), of('tcp_proxy'));
}
