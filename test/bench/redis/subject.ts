import { startRealRedis } from '../../support/real-redis.ts';
import { spread } from '../figures.ts';
import { cpuRatio, type Runs, speedRatio, type TargetRow } from '../report.ts';
import { type Load, runsOf, type Subject, type Upstream } from '../subject.ts';
import { runRedisBenchmark } from './redis-benchmark.ts';

const MB = 1_000_000;
const PIPELINE = 50;

interface RedisLoad {
  readonly name: string;
  readonly title: string;
  readonly tests: string;
  readonly clients: number;
  readonly pipeline?: number;
  readonly valueBytes?: number;
  readonly quick: boolean;
}

const load = ({ name, title, tests, clients, pipeline = 1, valueBytes = 3, quick }: RedisLoad): Load => ({
  name,
  title,
  quick,
  warmsUp: clients === 16,
  bytesPerQuery: valueBytes >= MB ? valueBytes : 0,
  run: (target, seconds) => runRedisBenchmark(target, seconds, { tests, clients, pipeline, valueBytes }),
});

const GET_SET = 'GET and SET of 3 bytes, 100,000 keys';

/** Redis 7.0 of Debian, and redis-benchmark. */
export const redisSubject: Subject = {
  name: 'redis',
  packages: ['redis-server'],
  peers: [],
  start,
  loads: [
    load({ name: 'single-c1', title: `${GET_SET}, 1 connection`, tests: 'set,get', clients: 1, quick: false }),
    load({ name: 'single-c16', title: `${GET_SET}, 16 connections`, tests: 'set,get', clients: 16, quick: true }),
    load({
      name: 'pipeline-50',
      title: `${GET_SET}, ${PIPELINE} a batch, 16 connections`,
      tests: 'set,get',
      clients: 16,
      pipeline: PIPELINE,
      quick: true,
    }),
    load({
      name: 'values-1mb',
      title: 'GET of 1 MB, 4 connections',
      tests: 'get',
      clients: 4,
      valueBytes: MB,
      quick: true,
    }),
    load({
      name: 'values-1mb-set',
      title: 'SET of 1 MB, 4 connections',
      tests: 'set',
      clients: 4,
      valueBytes: MB,
      quick: false,
    }),
  ],
  extras: [],
  targets,
};

async function start(): Promise<Upstream> {
  const server = await startRealRedis();
  return { port: server.port, title: 'Redis 7.0', stop: () => server.stop() };
}

function targets(results: ReadonlyMap<string, Runs>): TargetRow[] {
  const of = (name: string) => runsOf(results, name);
  const pipelined = (of('pipeline-50').get('redis') ?? []).map((run) => run.dataPathCpuUs);
  return [
    {
      what: 'CPU a command, redis against tcp_proxy (c=16)',
      value: cpuRatio(of('single-c16'), 'redis', 'tcp_proxy'),
      target: 1.15,
      better: 'lower',
      unit: '×',
    },
    { what: 'CPU a command, pipeline of 50', value: spread(pipelined), target: 2.5, better: 'lower', unit: 'µs' },
    {
      what: 'speed of GET of 1 MB against HAProxy',
      value: speedRatio(of('values-1mb'), 'redis', 'haproxy'),
      target: 0.8,
      better: 'higher',
      unit: '×',
    },
    {
      what: 'speed of SET of 1 MB against HAProxy',
      value: speedRatio(of('values-1mb-set'), 'redis', 'haproxy'),
      target: 0.8,
      better: 'higher',
      unit: '×',
    },
  ];
}
