import { startRealMariadb } from '../../support/real-mariadb.ts';
import { cpuRatio, type Runs, speedRatio, type TargetRow } from '../report.ts';
import { type Load, runsOf, type Subject, type Upstream } from '../subject.ts';
import { prepareSysbench, RANGE_ROWS, rangeBytes, runSysbench } from './sysbench.ts';

const pointSelects = (mode: 'text' | 'prepared', clients: number, quick: boolean): Load => ({
  name: `${mode}-c${clients}`,
  title: `${mode === 'text' ? 'COM_QUERY' : 'COM_STMT_EXECUTE'} point selects, ${clients} connection${clients > 1 ? 's' : ''}`,
  quick,
  warmsUp: mode === 'text' && clients === 16,
  bytesPerQuery: 0,
  run: (target, seconds) =>
    runSysbench(target, seconds, { script: 'oltp_point_select', clients, prepared: mode === 'prepared' }),
});

const rows: Load = {
  name: 'rows-10k',
  title: `${RANGE_ROWS.toLocaleString('en')}-row results (${(rangeBytes / 1e6).toFixed(1)} MB)`,
  quick: true,
  warmsUp: true,
  bytesPerQuery: rangeBytes,
  run: (target, seconds) =>
    runSysbench(target, seconds, { script: 'oltp_read_only', clients: 1, prepared: false, ranges: true }),
};

/** MariaDB 10.11 of Debian, and sysbench. */
export const mysqlSubject: Subject = {
  name: 'mysql',
  packages: ['mariadb-server', 'sysbench'],
  peers: [],
  start,
  loads: [
    pointSelects('text', 1, true),
    pointSelects('text', 16, true),
    pointSelects('prepared', 1, false),
    pointSelects('prepared', 16, true),
    rows,
  ],
  extras: [],
  targets,
};

async function start(): Promise<Upstream> {
  const server = await startRealMariadb({
    settings: { 'innodb-buffer-pool-size': '256M', 'max-connections': 400 },
  });
  await prepareSysbench({ port: server.port });
  return { port: server.port, title: `MariaDB ${server.version}`, stop: () => server.stop() };
}

function targets(results: ReadonlyMap<string, Runs>): TargetRow[] {
  const of = (load: string) => runsOf(results, load);
  return [
    {
      what: 'CPU a query, mysql against tcp_proxy (text, c=16)',
      value: cpuRatio(of('text-c16'), 'mysql', 'tcp_proxy'),
      target: 1.15,
      better: 'lower',
      unit: '×',
    },
    {
      what: 'CPU a query, mysql against tcp_proxy (prepared, c=16)',
      value: cpuRatio(of('prepared-c16'), 'mysql', 'tcp_proxy'),
      target: 1.15,
      better: 'lower',
      unit: '×',
    },
    {
      what: 'speed of 10,000-row results against HAProxy',
      value: speedRatio(of('rows-10k'), 'mysql', 'haproxy'),
      target: 0.8,
      better: 'higher',
      unit: '×',
    },
  ];
}
